/* SPDX-License-Identifier: MIT */
#include "common/digestfield.h"

#include "fuzz.h"

/* What was read can be written, and comes back as it was. */
static void check_back(const struct digest_set *set)
{
	char out[DIGEST_FIELD_SIZE];
	struct digest_set back = {0};

	size_t n = digest_field_write(set, DIGEST_ALL, out);
	FUZZ_CHECK(n < sizeof(out) && strlen(out) == n);
	int count = digest_field_read((struct str){out, n}, &back);
	FUZZ_CHECK(count >= 0 && back.have == set->have);
	for (unsigned i = 0; i < DIGEST_COUNT; i++) {
		if (set->have & DIGEST_BIT(i))
			FUZZ_CHECK(!memcmp(set->value[i], back.value[i],
			    digest_alg_size((enum digest_alg)i)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str field = {(const char *)data, size};
	struct digest_set set = {0}, md5 = {0};
	enum digest_alg alg = DIGEST_COUNT;
	unsigned algs = 0;

	int count = digest_field_read(field, &set);
	if (count >= 0) {
		FUZZ_CHECK((count > 0) == (set.have != 0));
		check_back(&set);
		/* The same again is no contradiction. */
		FUZZ_CHECK(digest_field_read(field, &set) == count);
	}
	if (digest_md5_read(field, &md5) >= 0) {
		FUZZ_CHECK(md5.have == DIGEST_BIT(DIGEST_MD5));
		check_back(&md5);
	}
	if (digest_want_read(field, DIGEST_SECURE, &alg) > 0)
		FUZZ_CHECK(DIGEST_BIT(alg) & DIGEST_SECURE);
	FUZZ_CHECK(digest_want_read(field, 0, &alg) <= 0);
	if (digest_algs_read(field, &algs) == 0)
		FUZZ_CHECK(algs && !(algs & ~DIGEST_ALL));
	return 0;
}
