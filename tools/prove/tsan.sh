#!/usr/bin/env bash
# No data race, by ThreadSanitizer: first a C program of what csrc/ has for threads, then the tests that have to do with
# threads, with the package and free-threaded CPython both built to be watched. NumPy is not.
source "$(dirname "$0")/common.sh"

need gcc
need clang-19
need llvm-symbolizer-19 llvm-19
[ -n "$(find "$(clang-19 -print-resource-dir)" -name 'libclang_rt.tsan-*.a' 2> /dev/null)" ] ||
    { echo "Missing: clang's runtime, which apt-get install libclang-rt-19-dev brings"; exit 1; }
flags="-fsanitize=thread -fno-omit-frame-pointer"

program=$BUILD/threads
gcc -O1 -g1 $flags -DNDEBUG -std=gnu11 -Wall -Wextra -Werror -fno-math-errno -fno-trapping-math -ffp-contract=off -Icsrc \
    $(find csrc -name '*.c' ! -name '*.inc.c' | LC_ALL=C sort) tests/c/threads.c -o $program -lm -pthread
$program
# A race is reported where there is one; else the silence above would say nothing.
if $program race > $program.txt 2>&1; then cat $program.txt; echo "ThreadSanitizer has missed a race"; exit 1; fi
grep -q 'data race' $program.txt

python=$(tools/free_threaded_python.sh tsan)
# The other interpreter installs and compiles: the same ABI, ten times sooner. Names are kept, which wheels do without.
source_tree tsan
sed -i 's/-Wl,--strip-all/-Wl,--build-id/; s/"-g0"/"-g1"/' $BUILD/tsan-source/setup.py
site=$PWD/$BUILD/tsan
rm -rf "$site"
CC=clang-19 CFLAGS=$flags LDFLAGS=$flags "$(tools/free_threaded_python.sh plain)" -m pip install --quiet --only-binary numpy --target "$site" \
    "$BUILD/tsan-source" numpy "hypothesis<6.150" pytest
watched() {
    rm -f $BUILD/tsan-report.*
    PYTHONPATH=$site PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1 TSAN_OPTIONS="log_path=$PWD/$BUILD/tsan-report
        external_symbolizer_path=$(command -v llvm-symbolizer-19)" "$python" -m pytest -q -p no:cacheprovider "$@" ||
        { status=$?; cat $BUILD/tsan-report.* 2> /dev/null; exit $status; }
}
# Left out: a prediction may read parameters that a training is writing, as docs/threads.md says; ThreadSanitizer allows no
# threads after a fork of several; and where threads meet every few microseconds it takes a minute for a second.
watched tests/test_threads.py
watched tests/test_interruption.py \
    -k "not predicting_while_training and not test_fork and not in_other_processes and not (at_any_moment and threads)"
watched tests/test_determinism.py tests/test_trial.py tests/test_full_batch.py tests/test_leaks.py tests/test_callbacks.py \
    -k "thread or trial or full_batch or callback"
