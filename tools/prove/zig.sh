#!/usr/bin/env bash
# The C kernels linked for eight systems; the NEON ones run under qemu, with the bits of AVX2.
source "$(dirname "$0")/common.sh"

targets="x86_64-linux-gnu.2.28 aarch64-linux-gnu.2.28 x86_64-linux-musl aarch64-linux-musl x86_64-macos
    aarch64-macos x86_64-windows-gnu aarch64-windows-gnu"
zig=$(zig)
for target in $targets; do
    kernels "$BUILD/kernels-$target" $zig cc -O2 -target "$target"
    echo "linked for $target"
done
kernels $BUILD/kernels gcc -O2
$BUILD/kernels | grep avx2 | cut -d' ' -f2- > $BUILD/avx2.txt
need qemu-aarch64-static qemu-user-static
qemu-aarch64-static $BUILD/kernels-aarch64-linux-musl | grep neon | cut -d' ' -f2- > $BUILD/neon.txt
cmp $BUILD/avx2.txt $BUILD/neon.txt
echo "NEON by qemu: the bits of AVX2"
