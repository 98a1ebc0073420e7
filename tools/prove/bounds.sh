#!/usr/bin/env bash
# Tests of what is compiled, built to check each index, overflow and count of references.
source "$(dirname "$0")/common.sh"

# What has no compiled part, and what such a build cannot have: its size, its memory, its speed.
others="compilers|arduino|plots.*|sklearn.*|examples|docs|math_page|cli|problem|table|columns|benchmarks|exchange.*|export"
others="$others|package|environment|layering|memory|leaks|tensorboard|progress|fuzz_corpus|failing_allocations"
tests=$(find "$PWD/tests" -name 'test_*.py' | grep -vE "/test_($others)\.py$" | LC_ALL=C sort)

SCRATCHNN_CHECKED=1 environment bounds test
# An error that a function without the GIL cannot raise comes as a warning, which is an error to pytest. What is wrong
# with references is only printed.
# shellcheck disable=SC2086
"$BUILD/bounds/bin/python" -P -m pytest -q -p no:cacheprovider --capture=tee-sys \
    -k "not example and not without_python and not another_version" $tests | tee $BUILD/bounds.txt
if grep -n REFNANNY $BUILD/bounds.txt; then exit 1; fi
