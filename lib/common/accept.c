/* SPDX-License-Identifier: MIT */
#include "common/accept.h"

#include <stddef.h>

/** Read `0`, `0.5`, `1.000` as thousandths; what is no weight counts full. */
static int weight_of(struct str s)
{
	int weight = 0;
	int unit = ACCEPT_WEIGHT_MAX;

	for (size_t i = 0; i < s.n; i++) {
		if (i == 1 && s.p[i] == '.')
			continue;
		if (!ascii_is_digit(s.p[i]) || i > 4)
			return ACCEPT_WEIGHT_MAX;
		weight += (s.p[i] - '0') * unit;
		unit /= 10;
	}
	return s.n == 0 || weight > ACCEPT_WEIGHT_MAX ? ACCEPT_WEIGHT_MAX
						      : weight;
}

/** Cut `s` at the first `;`; the rest goes into `*rest`. */
static struct str cut(struct str s, struct str *rest)
{
	size_t n = 0;

	while (n < s.n && s.p[n] != ';')
		n++;
	*rest = n < s.n ? (struct str){s.p + n + 1, s.n - n - 1}
			: (struct str){s.p + n, 0};
	return str_trim((struct str){s.p, n});
}

bool accept_next(struct str *list, struct accept_choice *ret)
{
	struct str item;

	if (!str_list_next(list, &item))
		return false;

	*ret = (struct accept_choice){cut(item, &item), ACCEPT_WEIGHT_MAX};
	while (item.n > 0) {
		struct str param = cut(item, &item);
		if (str_istarts(param, "q="))
			ret->weight =
			    weight_of((struct str){param.p + 2, param.n - 2});
	}
	return true;
}

int accept_weight(struct str list, const char *name)
{
	struct accept_choice c;

	while (accept_next(&list, &c)) {
		if (str_ieq(c.name, name))
			return c.weight;
	}
	return -1;
}

bool accept_gzip(struct str accept_encoding)
{
	int gzip = -1;
	int any = -1;
	int identity = -1;
	struct accept_choice c;

	while (accept_next(&accept_encoding, &c)) {
		if (str_ieq(c.name, "gzip") || str_ieq(c.name, "x-gzip"))
			gzip = c.weight;
		else if (str_ieq(c.name, "identity"))
			identity = c.weight;
		else if (str_eq(c.name, "*"))
			any = c.weight;
	}
	if (gzip < 0)
		gzip = any;
	return gzip > 0 && gzip >= identity;
}
