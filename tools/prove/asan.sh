#!/usr/bin/env bash
# The core's tests against a build with AddressSanitizer and UndefinedBehaviorSanitizer.
source "$(dirname "$0")/common.sh"

need gcc
# Those that reach all kernels and the training loop, against the oracle.
core=$(find "$PWD/tests" -name "test_*.py" | grep -E '/test_(golden|linalg|vectors|random|steps|network|dropout)\.py$')
flags="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
CFLAGS=$flags LDFLAGS=$flags environment asan
LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)" PYTHONMALLOC=malloc \
    ASAN_OPTIONS=detect_leaks=0 "$BUILD/asan/bin/python" -P -m pytest -q -p no:cacheprovider $core
