#!/usr/bin/env bash
# The C kernels by mingw under wine, with the bits of Linux; the tables as clang-cl compiles them.
source "$(dirname "$0")/common.sh"

need x86_64-w64-mingw32-gcc gcc-mingw-w64-x86-64
need clang-19
kernels $BUILD/kernels gcc -O2
kernels $BUILD/kernels.exe x86_64-w64-mingw32-gcc -O2
$BUILD/kernels > $BUILD/linux.txt
WINEDEBUG=-all "$(command -v wine64 || echo /usr/lib/wine/wine64)" $BUILD/kernels.exe | tr -d '\r' > $BUILD/windows.txt
cmp $BUILD/linux.txt $BUILD/windows.txt
echo "Windows by wine: the bits of Linux, $(wc -l < $BUILD/linux.txt) tables"
# Microsoft's headers are not here: declarations of what the tables call stand in for them.
headers=$BUILD/headers
mkdir -p $headers
echo 'typedef unsigned long long size_t; void *memcpy(void *, const void *, size_t);
    void *memset(void *, int, size_t); void *memmove(void *, const void *, size_t);' > $headers/string.h
echo '#include <string.h>
    void *malloc(size_t); void free(void *);' > $headers/stdlib.h
: > $headers/malloc.h
grep -ohE '\b(sqrt|fma|fabs|floor|rint|nearbyint|ldexp|log|log1p|exp|expm1|tanh|erf|lgamma|tgamma)f? *\(' csrc -r |
    tr -d ' (' | sort -u | sed 's/.*f$/float &(float, ...);/; t; s/.*/double &(double, ...);/' |
    sed -E 's/(float|double) fmaf?\(.*/\1 fma\1(\1, \1, \1);/; s/fmafloat/fmaf/; s/fmadouble/fma/; s/\((float|double), \.\.\.\)/(\1)/' \
        > $headers/math.h
echo '#define INFINITY __builtin_inff()
    #define NAN __builtin_nanf("")
    #define HUGE_VAL __builtin_inf()' >> $headers/math.h
for table in csrc/isa/avx*.c csrc/isa/portable*.c; do
    arch=''
    case $table in *avx512*) arch=/arch:AVX512 ;; *avx2*) arch=/arch:AVX2 ;; esac
    clang-19 --driver-mode=cl --target=x86_64-pc-windows-msvc /c /O2 /std:c11 /W3 /Fo$BUILD/table.obj \
        -imsvc $headers $arch /Icsrc "$table"
done
echo "clang-cl compiles all tables"
