/* SPDX-License-Identifier: MIT */
#include "common/fileid.h"

#include "common/text.h"

bool id_valid(const char *s, size_t len)
{
	if (len == 0 || len > ID_LEN_MAX || s[0] == '.')
		return false;

	for (size_t i = 0; i < len; i++) {
		char c = s[i];
		bool mark = c == '-' || c == '.' || c == '_' || c == '~';
		if (!ascii_is_alpha(c) && !ascii_is_digit(c) && !mark)
			return false;
	}
	return true;
}
