/* SPDX-License-Identifier: MIT */
#include "common/storemeta.h"

#include <string.h>

#include "fuzz.h"

/* What was read can be written, and then reads as the same; what others left is
   never trusted further than what came later. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char now[STOREMETA_BOOT + 1] =
	    "00000000-0000-0000-0000-000000000000";
	const struct str other = {"ffffffff-ffff-ffff-ffff-ffffffffffff",
	    STOREMETA_BOOT};
	char text[STOREMETA_SIZE];
	struct storemeta m, again;

	if (storemeta_read((const char *)data, size, &m) < 0)
		return 0;
	size_t n = storemeta_write(&m, text);
	FUZZ_CHECK(n < STOREMETA_SIZE && n == strlen(text));
	FUZZ_CHECK(storemeta_read(text, n, &again) == 0);
	FUZZ_CHECK(memcmp(m.boot, again.boot, sizeof(m.boot)) == 0);
	FUZZ_CHECK(m.checkpoint == again.checkpoint);
	FUZZ_CHECK(m.others == again.others);
	FUZZ_CHECK(memcmp(m.doubts, again.doubts, sizeof(m.doubts)) == 0);
	FUZZ_CHECK(!storemeta_trusts(&m, now, other, m.checkpoint + 1));
	uint64_t last = storemeta_last_doubt(&m);
	FUZZ_CHECK(!last || !storemeta_trusts(&m, now, other, last));
	/* Those that are added are in doubt, and so are those that were. */
	if (last < INT64_MAX / 2) {
		const struct storemeta_doubt more = {last + 9, last + 10};

		storemeta_add_doubt(&m, more);
		n = storemeta_write(&m, text);
		FUZZ_CHECK(storemeta_read(text, n, &again) == 0);
		FUZZ_CHECK(storemeta_last_doubt(&again) == more.last);
		m.others = m.checkpoint = INT64_MAX;
		FUZZ_CHECK(!storemeta_trusts(&m, now, other, more.first));
		FUZZ_CHECK(!last || !storemeta_trusts(&m, now, other, last));
	}
	storemeta_end_doubts(&m, INT64_MAX);
	FUZZ_CHECK(storemeta_last_doubt(&m) == 0);
	FUZZ_CHECK(storemeta_trusts(&m, now, other, m.others));
	return 0;
}
