/* SPDX-License-Identifier: MIT */
/*
 * A cipher for tests: its keystream looks random and depends on every bit of
 * what it should depend on, and protects nothing.
 */
#ifndef TESTS_UNIT_LIB_TOY_H
#define TESTS_UNIT_LIB_TOY_H

#include <string.h>

#include <spillway/cipher.h>

static inline uint64_t toy_mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static inline int toy_apply(const uint8_t *key, uint64_t nonce, uint64_t off,
    uint8_t *data, size_t len)
{
	uint64_t half[2];

	memcpy(half, key, sizeof(half));
	for (size_t i = 0; i < len;) {
		uint64_t at = off + i;
		uint64_t word = toy_mix(half[0] +
		    toy_mix(nonce + toy_mix(half[1] + at / 8)));

		word >>= at % 8 * 8;
		for (uint64_t n = at % 8; n < 8 && i < len; n++, i++) {
			data[i] ^= (uint8_t)word;
			word >>= 8;
		}
	}
	return 0;
}

static const struct spw_cipher toy_cipher = {
	.size = sizeof(toy_cipher),
	.key_bytes = 16,
	.apply = toy_apply,
};

#endif
