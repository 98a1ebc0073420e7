#!/usr/bin/env bash
# A wheel for big-endian s390x, tested as installed in a Debian under qemu: portable kernels, and x86-64's model files.
source "$(dirname "$0")/common.sh"
source tools/emulated.sh

machine s390x s390x
there s390x 'python -P -m scratchnn info
    python -P -c "import sys; from scratchnn.core import kernels; assert (sys.byteorder, kernels.isa()) == (\"big\", \"portable\")"'
exchange s390x
there s390x 'python -P tests/on_wheel.py --core'
