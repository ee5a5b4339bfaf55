/* SPDX-License-Identifier: MIT */
/*
 * CRC-32C (Castagnoli), which finds accidents and no forgery.
 *
 *   uint32_t crc = 0;
 *   crc = crc32c(crc, p, len); ...     the checksum of all so far
 *
 * Threads: any.
 */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/**
 * Go on with a checksum.
 *
 * `crc`:     0 at first, then what the call before returned.
 * Source:    RFC 3720 §12.1, appendix B.4
 */
uint32_t crc32c(uint32_t crc, const void *p, size_t len);

/** The same without the processor's own instruction, for tests. */
uint32_t crc32c_portable(uint32_t crc, const void *p, size_t len);

#endif
