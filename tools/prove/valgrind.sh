#!/usr/bin/env bash
# The C kernels under memcheck, which hides AVX-512.
source "$(dirname "$0")/common.sh"

need valgrind
kernels $BUILD/kernels gcc -O2 -g
valgrind --error-exitcode=1 --leak-check=full --quiet $BUILD/kernels > $BUILD/kernels.txt
cat $BUILD/kernels.txt
