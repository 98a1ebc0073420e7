#!/usr/bin/env bash
# Readers of foreign bytes fed by libFuzzer, from the inputs that are kept: tools/prove/fuzz.sh [READER...].
# FUZZ_SECONDS is for each reader. What they find is in build/prove/fuzz-found; with FUZZ_KEEP=1 inputs that reach new
# code go into tests/fuzz/corpus.
source "$(dirname "$0")/common.sh"

need clang-19
readers=${*:-model_file safetensors table onnx_file}
corpus=$PWD/tests/fuzz/corpus
$PYTHON -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' ||
    { echo "atheris has wheels for Python 3.11 to 3.13: PYTHON=python3.13"; exit 1; }
CC=clang-19 CFLAGS="-fsanitize=address,fuzzer-no-link -fno-omit-frame-pointer" LDFLAGS=-fsanitize=address \
    environment fuzz cli,onnx
python=$BUILD/fuzz/bin/python
$python -m pip install --quiet --only-binary :all: atheris
library=$($python -c 'import pathlib, atheris; print(pathlib.Path(atheris.__file__).parent.parent / "asan_with_fuzzer.so")')

fuzz() {
    LD_PRELOAD=$library PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0 \
        "$python" -P tests/fuzz/run.py "$@" -timeout=20 -rss_limit_mb=2048 -max_len=8192 -detect_leaks=0
}

for reader in $readers; do
    echo "$reader"
    rm -rf "$BUILD/fuzz-$reader"
    mkdir -p "$BUILD/fuzz-$reader" $BUILD/fuzz-found
    fuzz "$reader" "$BUILD/fuzz-$reader" "$corpus/$reader" -max_total_time="${FUZZ_SECONDS:-60}" \
        -artifact_prefix="$BUILD/fuzz-found/$reader-" -print_final_stats=1 > "$BUILD/fuzz-$reader.txt" 2>&1 ||
        { tail -60 "$BUILD/fuzz-$reader.txt"; exit 1; }
    grep -E "DONE|average_exec" "$BUILD/fuzz-$reader.txt"
    if [ -n "${FUZZ_KEEP:-}" ]; then
        mkdir -p "$BUILD/fuzz-merged"
        rm -f "$BUILD/fuzz-merged"/*
        fuzz "$reader" -merge=1 $BUILD/fuzz-merged "$corpus/$reader" "$BUILD/fuzz-$reader" > "$BUILD/merge.txt" 2>&1
        rm -f "$corpus/$reader"/*
        cp $BUILD/fuzz-merged/* "$corpus/$reader"
    fi
done
