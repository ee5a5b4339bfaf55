/* SPDX-License-Identifier: MIT */
#include "common/media.h"

#include <string.h>

#include "fuzz.h"

static void check_name_is_safe(const char *name, size_t len)
{
	FUZZ_CHECK(len <= FILENAME_MAX_BYTES);
	FUZZ_CHECK(utf8_valid(name, len));
	FUZZ_CHECK(len == 0 || name[0] != '.');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];
		FUZZ_CHECK(c >= 0x20 && c != 0x7F && c != '/' && c != '\\');
	}
}

/* A safe name survives being sent; any name makes a field that can be. */
static void check_format(const char *name, bool safe)
{
	size_t cap = 4 * strlen(name) + 48;
	char *field = malloc(cap);
	char back[FILENAME_MAX_BYTES * 3 + 1];

	FUZZ_CHECK(field != NULL);
	size_t n = disposition_format(name, true, field, cap);
	FUZZ_CHECK(n < cap && strlen(field) == n);
	for (size_t i = 0; i < n; i++)
		FUZZ_CHECK(field[i] >= 0x20 && field[i] <= 0x7E);
	FUZZ_CHECK(disposition_format(name, true, NULL, 0) == n);

	ssize_t got =
	    disposition_filename((struct str){field, n}, back, sizeof(back));
	if (safe && name[0] != '\0') {
		FUZZ_CHECK(got == (ssize_t)strlen(name));
		FUZZ_CHECK(strcmp(back, name) == 0);
	}
	free(field);
}

static void check_sanitise(const uint8_t *data, size_t size)
{
	char *name = malloc(size + 1);

	FUZZ_CHECK(name != NULL);
	if (size > 0)
		memcpy(name, data, size);
	name[size] = '\0';
	check_format(name, false);
	size_t n = filename_sanitise(name, size);
	FUZZ_CHECK(n <= size);
	check_name_is_safe(name, n);
	FUZZ_CHECK(filename_sanitise(name, n) == n);
	free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str field = {(const char *)data, size};
	char out[1024];
	char small[8];

	media_type_is(field, "multipart/form-data");
	ssize_t n = header_param(field, "boundary", out, sizeof(out));
	FUZZ_CHECK(n < (ssize_t)sizeof(out));
	if (n >= 0)
		FUZZ_CHECK(strlen(out) == (size_t)n);
	ssize_t fits = header_param(field, "boundary", small, sizeof(small));
	FUZZ_CHECK(
	    fits == n || (fits < 0 && n >= (ssize_t)sizeof(small)) || n < 0);

	n = disposition_filename(field, out, sizeof(out));
	if (n >= 0) {
		FUZZ_CHECK(strlen(out) == (size_t)n);
		check_name_is_safe(out, (size_t)n);
		check_format(out, true);
	}
	check_sanitise(data, size);
	return 0;
}
