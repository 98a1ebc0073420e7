# What the proofs beside this file share. Each runs by itself, from anywhere: tools/prove/asan.sh. They need another
# compiler, machine or watcher than `make test` has; docs/wheels.md tells what each takes.
set -euo pipefail
cd "$(dirname "$0")/../.."

PYTHON=${PYTHON:-python3}
BUILD=build/prove
mkdir -p $BUILD

need() { command -v "$1" > /dev/null || { echo "Missing: $1, which apt-get install ${2:-$1} brings"; exit 1; }; }

# source_tree NAME: a copy of the sources to build in, so that nothing of another build can slip in.
source_tree() {
    rm -rf "$BUILD/$1-source"
    mkdir -p "$BUILD/$1-source"
    git ls-files -z | xargs -0 cp --parents -t "$BUILD/$1-source"
}

# environment NAME [EXTRA]: a new one with the tests' libraries and this package, built with CFLAGS and LDFLAGS.
environment() {
    source_tree "$1"
    rm -rf "${BUILD:?}/$1"
    $PYTHON -m venv "$BUILD/$1"
    "$BUILD/$1/bin/python" -m pip install --quiet "$BUILD/$1-source[${2:-test-wheel}]"
}

# zig: the command that is zig, from the index.
zig() {
    if [ ! -e $BUILD/zig/made ]; then
        rm -rf $BUILD/zig
        $PYTHON -m venv $BUILD/zig
        $BUILD/zig/bin/python -m pip install --quiet ziglang
        touch $BUILD/zig/made
    fi
    echo "$PWD/$BUILD/zig/bin/python -m ziglang"
}

# kernels OUTPUT COMPILER...: the C kernels' own program, which prints a hash for each table.
kernels() {
    local output=$1
    shift
    "$@" -DNDEBUG -std=c11 -Wall -Wextra -Werror -fno-math-errno -fno-trapping-math -ffp-contract=off -Icsrc \
        $(find csrc -name '*.c' ! -name '*.inc.c' | LC_ALL=C sort) tests/c/kernel_bits.c -o "$output" -lm
}
