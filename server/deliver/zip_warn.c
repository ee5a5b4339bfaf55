/* SPDX-License-Identifier: MIT */
#include "deliver/zip_warn.h"

#define WORD(id, word, hazard) word,

const char *const zip_warn_words[ZIP_WARN_COUNT] = {ZIP_WARNINGS(WORD)};

void zip_warn_add(struct zip_warn_tally *t, uint32_t set, uint32_t index)
{
	for (; set; set &= set - 1) {
		unsigned i = zip_warn_first(set);

		if (t->count[i]++ == 0)
			t->first[i] = index;
	}
}
