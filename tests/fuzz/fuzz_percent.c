/* SPDX-License-Identifier: MIT */
#include "common/percent.h"

#include <string.h>

#include "fuzz.h"

static void check_decode(const char *in, size_t len)
{
	char *apart = malloc(len + 1);
	char *same = malloc(len + 1);

	FUZZ_CHECK(apart && same);
	if (len > 0)
		memcpy(same, in, len);
	ssize_t n = percent_decode(in, len, apart);
	FUZZ_CHECK(percent_decode(same, len, same) == n);
	FUZZ_CHECK(n <= (ssize_t)len);
	if (n > 0)
		FUZZ_CHECK(memcmp(apart, same, (size_t)n) == 0);
	free(apart);
	free(same);
}

static void check_encode(const char *in, size_t len)
{
	size_t need = percent_encode(in, len, NULL, 0);
	char *text = malloc(need + 1);
	char small[8];

	FUZZ_CHECK(text != NULL);
	FUZZ_CHECK(percent_encode(in, len, text, need + 1) == need);
	FUZZ_CHECK(strlen(text) == need);
	FUZZ_CHECK(percent_encode(in, len, small, sizeof(small)) == need);
	FUZZ_CHECK(strncmp(small, text, strlen(small)) == 0);
	FUZZ_CHECK(percent_decode(text, need, text) == (ssize_t)len);
	if (len > 0)
		FUZZ_CHECK(memcmp(text, in, len) == 0);
	free(text);
}

/* Every key that iteration finds, query_get() finds by its encoded name. */
static void check_query(const char *query, size_t len)
{
	const char *cursor = query;
	const char *end = query + len;
	struct str key;
	struct str value;
	size_t pairs = 0;

	while (query_next(&cursor, end, &key, &value)) {
		char name[64];
		char out[16];
		size_t n;

		FUZZ_CHECK(++pairs <= len);
		FUZZ_CHECK(key.p >= query && key.p + key.n <= end);
		FUZZ_CHECK(value.p >= query && value.p + value.n <= end);
		bool plain = key.n < sizeof(name);
		for (size_t i = 0; i < key.n && plain; i++)
			plain = ascii_is_alpha(key.p[i]);
		if (!plain)
			continue;

		memcpy(name, key.p, key.n);
		name[key.n] = '\0';
		FUZZ_CHECK(query_get(query, len, name, out, sizeof(out), &n));
		FUZZ_CHECK(n <= len);
		FUZZ_CHECK(memchr(out, '\0', sizeof(out)) != NULL);
	}
}

/* What is left is no longer, has no value, and stays as it is. */
static void check_redact(const char *in, size_t len)
{
	char *text = malloc(len);
	struct str key, value;

	FUZZ_CHECK(text != NULL);
	memcpy(text, in, len);
	size_t n = url_redact(text, len);
	FUZZ_CHECK(n <= len);
	const char *mark = memchr(text, '?', n);
	if (mark) {
		const char *cursor = mark + 1;
		while (query_next(&cursor, text + n, &key, &value))
			FUZZ_CHECK(value.n == 0);
	}
	FUZZ_CHECK(url_redact(text, n) == n);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	check_decode(text, size);
	check_encode(text, size);
	if (size > 0) {
		check_query(text, size);
		check_redact(text, size);
	}
	return 0;
}
