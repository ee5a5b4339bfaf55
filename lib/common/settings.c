/* SPDX-License-Identifier: MIT */
#include "common/settings.h"

#include <errno.h>

static bool key_valid(struct str key)
{
	for (size_t i = 0; i < key.n; i++) {
		if (key.p[i] != '_' && (key.p[i] < 'a' || key.p[i] > 'z'))
			return false;
	}
	return key.n > 0;
}

static bool value_valid(struct str value)
{
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if ((c < ' ' && c != '\t') || c == 127)
			return false;
	}
	return true;
}

int settings_next(struct str *rest, unsigned *line, struct str *ret_key,
    struct str *ret_value)
{
	struct str text = {NULL, 0};

	while (!text.n || text.p[0] == '#') {
		if (!str_line_next(rest, &text))
			return 0;
		text = str_trim(text);
		++*line;
	}

	const char *sign = memchr(text.p, '=', text.n);
	if (!sign)
		return -EINVAL;

	size_t n = (size_t)(sign - text.p);
	struct str key = str_trim((struct str){text.p, n});
	struct str value = str_trim((struct str){sign + 1, text.n - n - 1});
	if (!key_valid(key) || !value_valid(value))
		return -EINVAL;

	*ret_key = key;
	*ret_value = value;
	return 1;
}
