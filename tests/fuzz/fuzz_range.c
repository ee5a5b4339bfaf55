/* SPDX-License-Identifier: MIT */
#include "common/range.h"

#include "fuzz.h"

static void check_resolved(const struct range_set *set, uint64_t size)
{
	struct range out[RANGE_ITEMS_MAX];
	size_t n = range_resolve(set, size, out);

	FUZZ_CHECK(n <= set->count);
	for (size_t i = 0; i < n; i++) {
		FUZZ_CHECK(out[i].first <= out[i].last);
		FUZZ_CHECK(out[i].last < size);
		for (size_t k = 0; k < i; k++) {
			const struct range *low = &out[i];
			const struct range *high = &out[k];
			if (low->first > high->first) {
				low = &out[k];
				high = &out[i];
			}
			FUZZ_CHECK(high->first > low->last);
			FUZZ_CHECK(high->first - low->last > RANGE_GAP_MAX);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t sizes[] = {
	    0, 1, 79, 1000, 100000, UINT64_C(1) << 63, UINT64_MAX};
	const char *field = (const char *)data;
	struct range_set set;
	uint64_t first;
	uint64_t last;
	uint64_t total;

	if (range_parse(field, size, &set) == RANGE_OK) {
		FUZZ_CHECK(set.count > 0 && set.count <= RANGE_ITEMS_MAX);
		/* What is live ends where no content does. */
		for (size_t i = 0; i < set.count; i++)
			FUZZ_CHECK(!range_is_live(&set.items[i]) ||
				   (set.items[i].last >= RANGE_LIVE_LAST &&
				       set.items[i].last < UINT64_MAX));
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			check_resolved(&set, sizes[i]);
	}

	if (content_range_parse(field, size, &first, &last, &total) == 0) {
		bool unsatisfied = first == 1 && last == 0;
		FUZZ_CHECK(unsatisfied || (first <= last && last < total));
	}
	return 0;
}
