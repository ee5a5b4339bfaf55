/* SPDX-License-Identifier: MIT */
/*
 * What of a file the kernel has in memory, so that sending or reading it does
 * not wait for the disk.
 *
 * An answer is true of a moment: memory may be taken back a moment later.
 *
 * Threads: any.
 */
#ifndef BASE_PAGECACHE_H
#define BASE_PAGECACHE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * Returns: whether all of [off, off + len), `len` > 0, is there. False also
 * where nobody can tell. Up to PAGECACHE_LITTLE_BYTES count as there when
 * somebody is just reading them from the disk.
 */
#define PAGECACHE_LITTLE_BYTES ((uint64_t)64 * 1024)
bool pagecache_has(int fd, uint64_t off, uint64_t len);

/**
 * The same by samples, for kernels that do not count (before Linux 6.5) or a
 * sandbox that does not let them: what is missing between two of them is not
 * noticed.
 */
#define PAGECACHE_SAMPLE_BYTES ((uint64_t)256 * 1024)
bool pagecache_sampled(int fd, uint64_t off, uint64_t len);

#endif
