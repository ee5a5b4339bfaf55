/* SPDX-License-Identifier: MIT */
#include "common/sfield.h"

#include <string.h>

#include "fuzz.h"

static void inside(struct str part, const char *p, size_t size)
{
	FUZZ_CHECK(!part.n || (part.p >= p && part.p + part.n <= p + size));
}

static void check_item(const struct sf_item *it, const char *p, size_t size)
{
	uint8_t out[64];

	inside(it->raw, p, size);
	inside(it->params, p, size);
	if (it->type == SF_INTEGER)
		FUZZ_CHECK(it->integer <= SF_INTEGER_MAX &&
			   it->integer >= -SF_INTEGER_MAX);
	if (it->type == SF_BYTES)
		FUZZ_CHECK(sf_bytes(it, out, sizeof(out)) <= 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	struct str field = {p, size}, key;
	struct sf_item it;
	uint64_t n;
	bool yes;
	int r;

	if (sf_item_read(field, &it) == 0) {
		check_item(&it, p, size);
		FUZZ_CHECK((sf_boolean_read(field, &yes) == 0) ==
			   (it.type == SF_BOOLEAN));
		FUZZ_CHECK((sf_unsigned_read(field, &n) == 0) ==
			   (it.type == SF_INTEGER && it.integer >= 0));
	}

	while ((r = sf_dict_next(&field, &key, &it)) > 0) {
		FUZZ_CHECK(key.n > 0);
		inside(key, p, size);
		check_item(&it, p, size);
		inside(field, p, size);
	}
	FUZZ_CHECK(r < 0 || !field.n);
	return 0;
}
