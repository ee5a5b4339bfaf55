/* SPDX-License-Identifier: MIT */
/* What a log tells of lines that it has lost. */
#ifndef TESTS_LOST_H
#define TESTS_LOST_H

#include "check.h"

#include <stdio.h>
#include <string.h>

/* A line that tells of `n` lost ones, and then `text`, as text has them. */
static inline void assert_lost(const char *all, unsigned n, const char *text)
{
	char words[64];

	snprintf(words, sizeof(words), " warn   %u line%s lost\n", n,
	    n == 1 ? " was" : "s were");
	const char *told = strstr(all, words);
	assert_non_null(told);
	assert_non_null(strstr(told, text));
}

/* How often there is a word. */
static inline unsigned count(const char *all, const char *word)
{
	unsigned n = 0;

	while ((all = strstr(all, word))) {
		all++;
		n++;
	}
	return n;
}

#endif
