/* SPDX-License-Identifier: MIT */
#include "common/words.h"

#include <errno.h>
#include <string.h>

#include "fuzz.h"

/* A word in single quotes is read back as it is. */
static void check_quoted(const char *word, size_t len)
{
	char *line = malloc(4 * len + 3), *back = malloc(len + 1);
	size_t n = 0;
	const char *why;

	FUZZ_CHECK(line && back);
	line[n++] = '\'';
	for (size_t i = 0; i < len; i++) {
		if (word[i] == '\'') {
			memcpy(line + n, "'\\''", 4);
			n += 4;
		} else {
			line[n++] = word[i];
		}
	}
	line[n++] = '\'';
	struct str rest = {line, n};
	FUZZ_CHECK(words_next(&rest, back, len + 1, &why) == (ssize_t)len);
	FUZZ_CHECK(memcmp(back, word, len) == 0 && rest.n == 0);
	free(line);
	free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size};
	char *word = malloc(size + 1);
	const char *why = NULL;
	ssize_t n;

	FUZZ_CHECK(word != NULL);
	for (;;) {
		struct str before = rest, again = rest;

		n = words_next(&rest, word, size + 1, &why);
		FUZZ_CHECK(words_next(&again, NULL, 0, &why) == n);
		if (n < 0) {
			FUZZ_CHECK(rest.n == before.n);
			break;
		}
		FUZZ_CHECK(rest.n < before.n && (size_t)n <= before.n);
		FUZZ_CHECK(rest.p + rest.n == before.p + before.n);
		FUZZ_CHECK(word[n] == '\0');
		check_quoted(word, (size_t)n);
	}
	FUZZ_CHECK(n == -ENOENT || (n == -EINVAL && why));
	free(word);
	return 0;
}
