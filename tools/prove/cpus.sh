#!/usr/bin/env bash
# Golden hashes and the core on an emulated Haswell, and on one without AVX2 and FMA.
source "$(dirname "$0")/common.sh"

need qemu-x86_64-static qemu-user-static
environment cpus
for cpu in Haswell Haswell,-avx2,-fma; do
    echo "$cpu"
    qemu-x86_64-static -cpu $cpu "$BUILD/cpus/bin/python" -P -W ignore -m scratchnn info
    qemu-x86_64-static -cpu $cpu "$BUILD/cpus/bin/python" -P -m pytest -q -p no:cacheprovider \
        tests/test_golden.py tests/test_linalg.py tests/test_network.py
done
