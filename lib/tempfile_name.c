/* SPDX-License-Identifier: MIT */
/* Names that nobody else has. */
#include <errno.h>
#include <stdio.h>

#include "sys.h"
#include "tempfile.h"

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

#define LETTERS (sizeof(alphabet) - 1)
/* From here on some letters would come more often than others. */
#define FAIR (256 / LETTERS * LETTERS)

int spw__temp_random(void *ctx, char *ret)
{
	size_t n = 0;

	(void)ctx;
	while (n < SPW__TEMP_RANDOM) {
		unsigned char raw[2 * SPW__TEMP_RANDOM];

		int r = spw__sys_random(raw, sizeof(raw));
		if (r < 0)
			return r;
		for (size_t i = 0; i < sizeof(raw); i++) {
			if (raw[i] < FAIR && n < SPW__TEMP_RANDOM)
				ret[n++] = alphabet[raw[i] % LETTERS];
		}
	}
	ret[n] = '\0';
	return 0;
}

int spw__temp_make(int dir_fd, const struct spw__temp_names *names,
    spw__temp_make_fn make, char ret[SPW__TEMP_NAME_MAX + 1])
{
	int r = -EEXIST;

	/* Only a name that is taken is worth another try. */
	for (int i = 0; i < SPW__TEMP_TRIES && r == -EEXIST; i++) {
		char random[SPW__TEMP_RANDOM + 1];

		r = names->random(names->ctx, random);
		if (r < 0)
			return r;

		int n = snprintf(ret, SPW__TEMP_NAME_MAX + 1, "%s%s%s",
		    names->prefix, random, names->suffix);
		if (n < 0 || n > SPW__TEMP_NAME_MAX)
			return -ENAMETOOLONG;

		r = make(dir_fd, ret);
	}
	return r;
}
