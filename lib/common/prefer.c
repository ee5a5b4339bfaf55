/* SPDX-License-Identifier: MIT */
#include "common/prefer.h"

#include <errno.h>
#include <string.h>

/* How far `s` goes before any of `stops`. */
static size_t span(struct str s, const char *stops)
{
	size_t n = 0;

	while (n < s.n && (s.p[n] == '\0' || !strchr(stops, s.p[n])))
		n++;
	return n;
}

static struct str behind(struct str s, size_t n)
{
	return (struct str){s.p + n, s.n - n};
}

/* The value that `s` begins with, before any parameters. */
static struct str value_of(struct str s)
{
	size_t n = 0;

	if (s.n == 0 || s.p[0] != '"')
		return str_trim((struct str){s.p, span(s, ";")});

	s = behind(s, 1);
	while (n < s.n && s.p[n] != '"')
		n += s.p[n] == '\\' && n + 1 < s.n ? 2 : 1;
	return (struct str){s.p, n};
}

bool prefer_find(struct str field, const char *name, struct str *ret)
{
	struct str item;

	while (str_list_next(&field, &item)) {
		size_t n = span(item, "=;");
		if (!str_ieq(str_trim((struct str){item.p, n}), name))
			continue;

		struct str rest = behind(item, n);
		*ret = rest.n > 0 && rest.p[0] == '='
			   ? value_of(str_trim(behind(rest, 1)))
			   : behind(rest, rest.n);
		return true;
	}
	return false;
}

unsigned prefer_wait(struct str value, unsigned max)
{
	uint64_t seconds;

	int e = str_u64(value, &seconds);
	if (e == -EINVAL)
		return 0;
	return e < 0 || seconds > max ? max : (unsigned)seconds;
}
