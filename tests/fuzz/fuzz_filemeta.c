/* SPDX-License-Identifier: MIT */
#include "common/filemeta.h"

#include <string.h>

#include "common/fileid.h"
#include "fuzz.h"

/* Nothing that leads out of a directory. */
static void check_name(struct str s)
{
	FUZZ_CHECK(!s.n || id_valid(s.p, s.n));
	FUZZ_CHECK(!s.n || (!memchr(s.p, '/', s.n) && s.p[0] != '.'));
}

/* What was read can be written, and then reads as the same. */
static void check(const uint8_t *data, size_t size)
{
	static uint8_t first[FILEMETA_MAX], second[FILEMETA_MAX];
	struct filemeta m;

	if (filemeta_read(data, size, &m) < 0)
		return;
	check_name(m.id);
	check_name(m.etag);
	size_t n = filemeta_write(&m, first, sizeof(first));
	FUZZ_CHECK(n || size > 1000);
	if (!n)
		return;
	FUZZ_CHECK(filemeta_read(first, n, &m) == 0);
	FUZZ_CHECK(filemeta_write(&m, second, sizeof(second)) == n);
	FUZZ_CHECK(memcmp(first, second, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t summed[8192];
	uint64_t h = FUZZ_HASH_START;

	check(data, size);
	/* With a right sum, or hardly anything gets past it. */
	if (size > sizeof(summed) - 13)
		return 0;
	memcpy(summed, "SPWF\1", 5);
	if (size)
		memcpy(summed + 5, data, size);
	h = fuzz_hash(h, summed, size + 5);
	for (size_t i = 0; i < 8; i++)
		summed[5 + size + i] = (uint8_t)(h >> (8 * i));
	check(summed, size + 13);
	return 0;
}
