/* SPDX-License-Identifier: MIT */
#include "common/authfile.h"

#include "fuzz.h"

/* What was read is written, but for its limits, and read again to the same. */
static void check_token(const struct token_line *t)
{
	char out[TOKEN_LINE_SIZE];
	struct token_line again;
	char why[AUTH_WHY_SIZE];

	FUZZ_CHECK(token_name_valid(t->name));
	FUZZ_CHECK(t->scopes && t->scopes < 1 << AUTH_SCOPE_COUNT);
	size_t n = token_line_write(t, out);
	FUZZ_CHECK(n == strlen(out));
	FUZZ_CHECK(token_line_read(str_from(out), &again, why) == 0);
	FUZZ_CHECK(again.scopes == t->scopes);
	FUZZ_CHECK(memcmp(again.hash, t->hash, sizeof(t->hash)) == 0);
	FUZZ_CHECK(again.name.n == t->name.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str line = {(const char *)data, size};
	uint8_t key[LINK_KEY_MAX];
	struct token_line t;
	char why[AUTH_WHY_SIZE] = "";

	if (token_line_read(line, &t, why) == 0)
		check_token(&t);
	else
		FUZZ_CHECK(*why);
	ssize_t n = link_key_read(line, key, why);
	FUZZ_CHECK(n < 0 ? *why
			 : n >= LINK_KEY_MIN && n <= LINK_KEY_MAX);
	return 0;
}
