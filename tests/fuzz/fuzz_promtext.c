/* SPDX-License-Identifier: MIT */
#include "common/promtext.h"

#include "fuzz.h"

static void inside(struct str part, const char *p, size_t size)
{
	FUZZ_CHECK(!part.n || (part.p >= p && part.p + part.n <= p + size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	struct str rest = {p, size};
	struct promtext_sample s;
	size_t left = size;
	int r;

	while ((r = promtext_next(&rest, &s)) != 0) {
		FUZZ_CHECK(rest.n < left);
		left = rest.n;
		if (r < 0)
			continue;
		FUZZ_CHECK(s.name.n > 0);
		inside(s.name, p, size);
		inside(s.labels, p, size);
	}
	FUZZ_CHECK(!rest.n);
	return 0;
}
