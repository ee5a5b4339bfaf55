/* SPDX-License-Identifier: MIT */
/* Sizes that are interesting, of two random bytes. */
#ifndef TESTS_FUZZ_SPOOL_SCALED_H
#define TESTS_FUZZ_SPOOL_SCALED_H

#include <stddef.h>
#include <stdint.h>

/* Small ones, those around blocks, and large ones. */
static inline size_t scaled(const uint8_t *p)
{
	size_t low = p[0];

	switch (p[1] >> 5) {
	case 0: case 1: case 2:
		return low;
	case 3: case 4:
		return low * (p[1] & 31u);
	case 5:
		return 65536 + low - 128;
	case 6:
		return low * 256;
	default:
		return low * 1024;
	}
}

#endif
