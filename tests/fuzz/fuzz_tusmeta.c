/* SPDX-License-Identifier: MIT */
#include "common/tusmeta.h"

#include "fuzz.h"

static void check_pairs(struct str field)
{
	int pairs = tusmeta_check(field), n = 0, r;
	struct str key, value;
	char out[32], name[32];

	field = str_trim(field);
	if (pairs < 0 || !field.n) {
		FUZZ_CHECK(pairs <= 0);
		return;
	}
	for (struct str rest = field;
	     (r = tusmeta_next(&rest, &key, &value)) > 0; n++) {
		FUZZ_CHECK(key.n > 0);
		if (key.n >= sizeof(name) || memchr(key.p, '\0', key.n))
			continue;
		memcpy(name, key.p, key.n);
		name[key.n] = '\0';
		/* What is sound is found, or too long for here. */
		ssize_t len = tusmeta_find(field, name, out, sizeof(out));
		FUZZ_CHECK(len >= 0 || value.n > 40);
	}
	FUZZ_CHECK(r == 0 && n == pairs && n <= TUSMETA_PAIRS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str field = {(const char *)data, size}, alg, urls, url;
	enum tus_concat kind;
	uint8_t digest[64];

	check_pairs(field);

	ssize_t n = tus_checksum_read(field, &alg, digest, sizeof(digest));
	if (n >= 0)
		FUZZ_CHECK(n > 0 && n <= 64 && token_valid(alg.p, alg.n));

	if (tus_concat_read(field, &kind, &urls) == 0 &&
	    kind == TUS_CONCAT_FINAL) {
		size_t count = 0;

		while (tus_concat_next(&urls, &url)) {
			FUZZ_CHECK(url.n > 0 && !memchr(url.p, ' ', url.n));
			count++;
		}
		FUZZ_CHECK(count > 0 && count <= size);
	}
	return 0;
}
