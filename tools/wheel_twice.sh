#!/usr/bin/env bash
# Build a wheel twice, from copies in two directories, and compare the bytes.
set -euo pipefail
cd "$(dirname "$0")/.."

export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1700000000}
work=build/twice
rm -rf $work
for copy in one another-place/two; do
    mkdir -p $work/$copy/source
    git ls-files -z | xargs -0 cp --parents -t $work/$copy/source
    ${PYTHON:-python3} -m pip wheel --quiet --no-deps ${PIP_ARGS:-} --wheel-dir $work/$copy/wheel $work/$copy/source
done
cmp $work/one/wheel/*.whl $work/another-place/two/wheel/*.whl
sha256sum $work/one/wheel/*.whl
stat -c '%s bytes, twice the same' $work/one/wheel/*.whl
