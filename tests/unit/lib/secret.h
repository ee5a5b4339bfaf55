/* SPDX-License-Identifier: MIT */
/*
 * Something to keep secret, and to be found where it should not be.
 */
#ifndef TESTS_UNIT_LIB_SECRET_H
#define TESTS_UNIT_LIB_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define SECRET "the treasure is under the old oak; "
#define SECRETS 5000u
#define SECRETS_LEN (SECRETS * (sizeof(SECRET) - 1))

static inline const char *secrets(void)
{
	static char text[SECRETS_LEN + 1];

	for (size_t i = 0; !text[0] || i < SECRETS_LEN; i += sizeof(SECRET) - 1)
		memcpy(text + i, SECRET, sizeof(SECRET) - 1);
	return text;
}

static inline bool holds_secret(const void *raw, size_t len)
{
	/* Any piece of eight bytes gives it away. */
	for (size_t i = 0; i + 8 <= sizeof(SECRET) - 1; i++)
		if (memmem(raw, len, &SECRET[i], 8))
			return true;
	return false;
}

#endif
