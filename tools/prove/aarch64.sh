#!/usr/bin/env bash
# A wheel for 64-bit Arm, tested as installed in a Debian under qemu: NEON is chosen, and gives the bits of x86-64.
source "$(dirname "$0")/common.sh"
source tools/emulated.sh

machine aarch64 arm64
there aarch64 'python -P -m scratchnn info
    python -P -c "from scratchnn.core import kernels; assert kernels.isa() == \"neon\", kernels.isa()"'
exchange aarch64
there aarch64 'python -P tests/on_wheel.py --core'
