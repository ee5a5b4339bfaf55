/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a record of a journal. The sum is made right, or nothing but
 * the sum would ever be looked at.
 */
#include "journal.h"

#include <string.h>

#include "fuzz.h"
#include "sys.h"

#define SUM 8		/* offsets of what is in the head */
#define LENGTH 16

static void check_ranges(const struct spw__journal *j)
{
	uint64_t end = 0;

	for (size_t i = 0; i < j->count; i++) {
		FUZZ_CHECK(j->ranges[i].first < j->ranges[i].end);
		FUZZ_CHECK(i == 0 || j->ranges[i].first > end);
		end = j->ranges[i].end;
	}
	FUZZ_CHECK(end <= (j->size ? j->size : (uint64_t)INT64_MAX));
}

/* What was understood is said again, and understood the same. */
static void check_again(const struct spw__journal *j)
{
	struct spw__journal k;
	uint8_t *record;
	size_t len;

	FUZZ_CHECK(spw__journal_encode(j, &record, &len) == 0);
	FUZZ_CHECK(spw__journal_decode(record, len, &k) == 0);
	FUZZ_CHECK(k.seq == j->seq && k.size == j->size);
	FUZZ_CHECK(k.sealed == j->sealed && k.synced == j->synced);
	FUZZ_CHECK(k.count == j->count && k.meta_len == j->meta_len);
	FUZZ_CHECK(!memcmp(k.ranges, j->ranges,
	    k.count * sizeof(*k.ranges)));
	FUZZ_CHECK(!memcmp(k.meta, j->meta, k.meta_len));
	FUZZ_CHECK(!memcmp(k.state, j->state, k.state_len));
	spw__sys_free(record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spw__journal j;
	uint64_t length, sum;

	if (size < LENGTH + sizeof(length) || size > SPW__JOURNAL_PLACE)
		return 0;

	/* As long as it is, so that a sanitizer sees its end. */
	uint8_t *record = malloc(size);
	FUZZ_CHECK(record);
	memcpy(record, data, size);
	memcpy(&length, record + LENGTH, sizeof(length));
	if (length > LENGTH && length <= size) {
		sum = fuzz_hash(UINT64_C(0xcbf29ce484222325), record + LENGTH,
		    (size_t)length - LENGTH);
		memcpy(record + SUM, &sum, sizeof(sum));
	}
	if (spw__journal_decode(record, size, &j) == 0) {
		FUZZ_CHECK(j.state + j.state_len <= record + size);
		check_ranges(&j);
		check_again(&j);
	}
	free(record);
	return 0;
}
