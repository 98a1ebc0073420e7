#!/usr/bin/env bash
# Proofs that need another compiler, machine or watcher than `make test` has; docs/wheels.md tells what each takes.
#
#   tools/prove.sh asan        tests against a build with AddressSanitizer and UndefinedBehaviorSanitizer
#   tools/prove.sh valgrind    the C kernels under memcheck
#   tools/prove.sh cpus        tests on an emulated Haswell, and on one without AVX2
#   tools/prove.sh windows     the C kernels under wine, and compiled as clang-cl does
#   tools/prove.sh zig         the C kernels linked for eight systems; the NEON ones run under qemu
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3}
BUILD=build/prove
FLAGS="-DNDEBUG -std=c11 -Wall -Wextra -Werror -fno-math-errno -fno-trapping-math -ffp-contract=off -Icsrc"
SOURCES=$(find csrc -name '*.c' ! -name '*.inc.c' | LC_ALL=C sort)
mkdir -p $BUILD

need() { command -v "$1" > /dev/null || { echo "Missing: $1, which apt-get install ${2:-$1} brings"; exit 1; }; }

# environment NAME: a new one with the tests' libraries and this package, built with CFLAGS and LDFLAGS.
environment() {
    rm -rf "$BUILD/$1" "$BUILD/$1-source"
    mkdir -p "$BUILD/$1-source"
    git ls-files -z | xargs -0 cp --parents -t "$BUILD/$1-source"
    $PYTHON -m venv "$BUILD/$1"
    "$BUILD/$1/bin/python" -m pip install --quiet "$BUILD/$1-source[test-wheel]"
}

core() { find "$PWD/tests" -name "test_*.py" | grep -E '/test_(golden|linalg|vectors|random|steps|network|dropout)\.py$'; }

# The C kernels' own program with a compiler: it prints a hash for each table.
kernels() {
    local output=$1
    shift
    "$@" $FLAGS $SOURCES tests/c/kernel_bits.c -o "$output" -lm
}

asan() {
    need gcc
    local flags="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
    CFLAGS=$flags LDFLAGS=$flags environment asan
    LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)" PYTHONMALLOC=malloc \
        ASAN_OPTIONS=detect_leaks=0 "$BUILD/asan/bin/python" -P -m pytest -q -p no:cacheprovider $(core)
}

valgrind() {
    need valgrind
    kernels $BUILD/kernels gcc -O2 -g
    command valgrind --error-exitcode=1 --leak-check=full --quiet $BUILD/kernels > $BUILD/kernels.txt
    cat $BUILD/kernels.txt
}

cpus() {
    need qemu-x86_64-static qemu-user-static
    environment cpus
    for cpu in Haswell Haswell,-avx2,-fma; do
        echo "$cpu"
        qemu-x86_64-static -cpu $cpu "$BUILD/cpus/bin/python" -P -W ignore -m scratchnn info
        qemu-x86_64-static -cpu $cpu "$BUILD/cpus/bin/python" -P -m pytest -q -p no:cacheprovider \
            tests/test_golden.py tests/test_linalg.py tests/test_network.py
    done
}

windows() {
    need x86_64-w64-mingw32-gcc gcc-mingw-w64-x86-64
    need clang-19
    kernels $BUILD/kernels gcc -O2
    kernels $BUILD/kernels.exe x86_64-w64-mingw32-gcc -O2
    $BUILD/kernels > $BUILD/linux.txt
    WINEDEBUG=-all "$(command -v wine64 || echo /usr/lib/wine/wine64)" $BUILD/kernels.exe | tr -d '\r' > $BUILD/windows.txt
    cmp $BUILD/linux.txt $BUILD/windows.txt
    echo "Windows by wine: the bits of Linux, $(wc -l < $BUILD/linux.txt) tables"
    # Microsoft's headers are not here: declarations of what the tables call stand in for them.
    local headers=$BUILD/headers
    mkdir -p $headers
    echo 'typedef unsigned long long size_t; void *memcpy(void *, const void *, size_t);
        void *memset(void *, int, size_t); void *memmove(void *, const void *, size_t);' > $headers/string.h
    echo '#include <string.h>
        void *malloc(size_t); void free(void *);' > $headers/stdlib.h
    : > $headers/malloc.h
    grep -ohE '\b(sqrt|fma|fabs|floor|rint|nearbyint|ldexp|log|log1p|exp|expm1|tanh|erf|lgamma|tgamma)f? *\(' csrc -r |
        tr -d ' (' | sort -u | sed 's/.*f$/float &(float, ...);/; t; s/.*/double &(double, ...);/' |
        sed -E 's/(float|double) fmaf?\(.*/\1 fma\1(\1, \1, \1);/; s/fmafloat/fmaf/; s/fmadouble/fma/; s/\((float|double), \.\.\.\)/(\1)/' \
            > $headers/math.h
    echo '#define INFINITY __builtin_inff()
        #define NAN __builtin_nanf("")
        #define HUGE_VAL __builtin_inf()' >> $headers/math.h
    for table in csrc/isa/avx*.c csrc/isa/portable*.c; do
        local arch=''
        case $table in *avx512*) arch=/arch:AVX512 ;; *avx2*) arch=/arch:AVX2 ;; esac
        clang-19 --driver-mode=cl --target=x86_64-pc-windows-msvc /c /O2 /std:c11 /W3 /Fo$BUILD/table.obj \
            -imsvc $headers $arch /Icsrc "$table"
    done
    echo "clang-cl compiles all tables"
}

zig() {
    local targets="x86_64-linux-gnu.2.28 aarch64-linux-gnu.2.28 x86_64-linux-musl aarch64-linux-musl x86_64-macos
        aarch64-macos x86_64-windows-gnu aarch64-windows-gnu" target
    [ -e $BUILD/zig ] || { $PYTHON -m venv $BUILD/zig && $BUILD/zig/bin/python -m pip install --quiet ziglang; }
    for target in $targets; do
        kernels "$BUILD/kernels-$target" $BUILD/zig/bin/python -m ziglang cc -O2 -target "$target"
        echo "linked for $target"
    done
    kernels $BUILD/kernels gcc -O2
    $BUILD/kernels | grep avx2 | cut -d' ' -f2- > $BUILD/avx2.txt
    need qemu-aarch64-static qemu-user-static
    qemu-aarch64-static $BUILD/kernels-aarch64-linux-musl | grep neon | cut -d' ' -f2- > $BUILD/neon.txt
    cmp $BUILD/avx2.txt $BUILD/neon.txt
    echo "NEON by qemu: the bits of AVX2"
}

case ${1:-} in
    asan | valgrind | cpus | windows | zig) "$1" ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
