/* A large page of 2 MiB holds what 512 small ones do: it is found by one entry of a table that the processor keeps
 * few of, and the system finds and clears it in one go. Of a training with Adam, 784-2048-2048-10 gains 2 % a
 * step and 8-256-256-256-1 with 1024 rows 4 %. */
#if defined(__linux__)
#define _DEFAULT_SOURCE /* madvise and its constants */
#include <sys/mman.h>
#include <unistd.h>
#endif

#include "kernels.h"

void snn_prefer_large_pages(void *memory, size_t size) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)memory,
                    first = (start + page - 1) / page * page, end = (start + size) / page * page;
    if (first < end) (void)madvise((void *)first, end - first, MADV_HUGEPAGE);
#else
    (void)memory, (void)size;
#endif
}
