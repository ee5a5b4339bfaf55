/* SPDX-License-Identifier: MIT */
#include "common/settings.h"

#include "fuzz.h"

static void inside(struct str part, const char *p, size_t size)
{
	FUZZ_CHECK(!part.n || (part.p >= p && part.p + part.n <= p + size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	struct str rest = {p, size}, key, value;
	unsigned line = 0, before = 0;
	int r;

	while ((r = settings_next(&rest, &line, &key, &value)) != 0) {
		FUZZ_CHECK(line > before);
		before = line;
		inside(rest, p, size);
		if (r < 0)
			continue;
		FUZZ_CHECK(key.n > 0);
		inside(key, p, size);
		inside(value, p, size);
		FUZZ_CHECK(!memchr(value.p, '\n', value.n));
	}
	FUZZ_CHECK(!rest.n);
	return 0;
}
