/* SPDX-License-Identifier: MIT */
#include "deliver/zip_accept.h"

#include <stddef.h>

#define WEIGHT_MAX 1000

/* A member of such a list. */
struct choice {
	struct str name;
	int weight; /* thousandths */
};

/** Read `0`, `0.5`, `1.000` as thousandths; what is no weight counts full. */
static int weight_of(struct str s)
{
	int weight = 0;
	int unit = WEIGHT_MAX;

	for (size_t i = 0; i < s.n; i++) {
		if (i == 1 && s.p[i] == '.')
			continue;
		if (!ascii_is_digit(s.p[i]) || i > 4)
			return WEIGHT_MAX;
		weight += (s.p[i] - '0') * unit;
		unit /= 10;
	}
	return s.n == 0 || weight > WEIGHT_MAX ? WEIGHT_MAX : weight;
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

static bool next_choice(struct str *list, struct choice *ret)
{
	struct str item;

	if (!str_list_next(list, &item))
		return false;

	*ret = (struct choice){cut(item, &item), WEIGHT_MAX};
	while (item.n > 0) {
		struct str param = cut(item, &item);
		if (str_istarts(param, "q="))
			ret->weight =
			    weight_of((struct str){param.p + 2, param.n - 2});
	}
	return true;
}

/** Returns: the form that a media type means, -1 for none of ours. */
static int form_of(struct str type, bool *ret_named)
{
	*ret_named = true;
	if (str_ieq(type, "application/json"))
		return ZIP_FORM_JSON;
	if (str_ieq(type, "application/x-ndjson"))
		return ZIP_FORM_NDJSON;
	if (str_ieq(type, "text/plain"))
		return ZIP_FORM_TEXT;

	*ret_named = false;
	return str_eq(type, "*/*") || str_ieq(type, "application/*")
		   ? ZIP_FORM_JSON
		   : -1;
}

enum zip_form zip_accept_form(struct str accept)
{
	enum zip_form best = ZIP_FORM_JSON;
	bool best_named = false;
	int best_weight = 0;
	struct choice c;

	while (next_choice(&accept, &c)) {
		bool named;
		int form = form_of(c.name, &named);
		bool better = c.weight > best_weight ||
			      (c.weight == best_weight && named && !best_named);

		if (form < 0 || c.weight == 0 || !better)
			continue;
		best = (enum zip_form)form;
		best_named = named;
		best_weight = c.weight;
	}
	return best;
}

bool zip_accept_gzip(struct str accept_encoding)
{
	int gzip = -1;
	int any = -1;
	int identity = -1;
	struct choice c;

	while (next_choice(&accept_encoding, &c)) {
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
