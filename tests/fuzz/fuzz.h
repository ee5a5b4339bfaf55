/* SPDX-License-Identifier: MIT */
/*
 * What every fuzz target shares. A target is one file with one
 * LLVMFuzzerTestOneInput(); it is linked either with libFuzzer or with
 * replay.c, which runs the corpus and a fixed number of mutations of it.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/** Call the code under test with one input. Returns: 0, always. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Something that must hold for every input. */
#define FUZZ_CHECK(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: does not hold: %s\n", \
			    __FILE__, __LINE__, #cond); \
			abort(); \
		} \
	} while (0)

/** The next number of a xorshift sequence. The state must not be 0. */
static inline uint64_t fuzz_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/** FNV-1a: a hash that says whether two streams of bytes were the same. */
static inline uint64_t fuzz_hash(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ p[i]) * UINT64_C(0x100000001B3);
	return hash;
}

#define FUZZ_HASH_START UINT64_C(0xCBF29CE484222325)

#endif
