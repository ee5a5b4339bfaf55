/* SPDX-License-Identifier: MIT */
#include "common/text.h"

#include <errno.h>

#include "common/sizes.h"
#include "fuzz.h"

static void check_list(struct str list)
{
	const char *end = list.p + list.n;
	struct str item;
	size_t before = list.n;

	while (str_list_next(&list, &item)) {
		FUZZ_CHECK(list.n < before);
		FUZZ_CHECK(list.p + list.n == end);
		FUZZ_CHECK(item.n > 0);
		FUZZ_CHECK(str_trim(item).n == item.n);
		before = list.n;
	}
	FUZZ_CHECK(list.n == 0);
}

static void check_encodings(const uint8_t *data, size_t size)
{
	char *text = malloc(2 * size + BASE64_SIZE(size));
	uint8_t *back = malloc(size + 1);

	FUZZ_CHECK(text && back);
	size_t n = base64_encode(data, size, text);
	FUZZ_CHECK(n + 1 == BASE64_SIZE(size));
	FUZZ_CHECK(base64_decode(text, n, back, size) == (ssize_t)size);
	if (size > 0) {
		FUZZ_CHECK(memcmp(back, data, size) == 0);
		FUZZ_CHECK(base64_decode(text, n, back, size - 1) < 0);
	}
	FUZZ_CHECK(base64url_encode(data, size, text) <= n);
	n = hex_encode(data, size, text);
	FUZZ_CHECK(hex_decode(text, n, back) == (ssize_t)size);
	if (size > 0)
		FUZZ_CHECK(memcmp(back, data, size) == 0);
	free(text);
	free(back);
}

static void check_decoders(const char *text, size_t size)
{
	size_t cap = size / 4 * 3 + 2;
	uint8_t *out = malloc(cap);

	FUZZ_CHECK(out != NULL);
	ssize_t n = base64_decode(text, size, out, cap);
	FUZZ_CHECK(n <= (ssize_t)cap);
	FUZZ_CHECK(n != -E2BIG);
	n = hex_decode(text, size, out);
	FUZZ_CHECK(n <= (ssize_t)(size / 2));
	free(out);
}

/* The fast path must agree with the slow one. */
static void check_utf8(const char *text, size_t size)
{
	size_t i = 0;
	size_t n = 1;

	for (; i < size && n > 0; i += n) {
		uint32_t cp;
		n = utf8_next(text + i, size - i, &cp);
	}
	FUZZ_CHECK(utf8_valid(text, size) == (n > 0));
}

static void check_numbers(const char *text, size_t size)
{
	char copy[64];
	uint64_t v;

	if (size < sizeof(copy)) {
		if (size > 0)
			memcpy(copy, text, size);
		copy[size] = '\0';
		int r = size_parse(copy, &v);
		FUZZ_CHECK(r <= 0);
		r = duration_parse(copy, &v);
		FUZZ_CHECK(r < 0 || v < UINT64_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	if (size > 0)
		check_list((struct str){text, size});
	check_encodings(data, size);
	check_decoders(text, size);
	check_utf8(text, size);
	check_numbers(text, size);
	return 0;
}
