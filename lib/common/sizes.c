/* SPDX-License-Identifier: MIT */
#include "common/sizes.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "common/text.h"

struct unit {
	const char *name;
	uint64_t factor;
};

/* A whole number and one of `units`, which ends with a NULL name. */
static int scaled_parse(struct str s, const struct unit *units, uint64_t *ret)
{
	size_t digits = 0;
	uint64_t v;

	while (digits < s.n && ascii_is_digit(s.p[digits]))
		digits++;

	struct str suffix = {s.p + digits, s.n - digits};
	while (units->name && !str_eq(suffix, units->name))
		units++;
	if (!units->name)
		return -EINVAL;

	int r = str_u64((struct str){s.p, digits}, &v);
	if (r < 0)
		return r;
	/* UINT64_MAX itself means no limit and is not a number of things. */
	if (v > (UINT64_MAX - 1) / units->factor)
		return -ERANGE;

	*ret = v * units->factor;
	return 0;
}

int size_parse(const char *s, uint64_t *ret_bytes)
{
	static const struct unit units[] = {
	    {"", 1},
	    {"K", UINT64_C(1) << 10},
	    {"k", UINT64_C(1) << 10},
	    {"M", UINT64_C(1) << 20},
	    {"m", UINT64_C(1) << 20},
	    {"G", UINT64_C(1) << 30},
	    {"g", UINT64_C(1) << 30},
	    {"T", UINT64_C(1) << 40},
	    {"t", UINT64_C(1) << 40},
	    {NULL, 0},
	};

	if (strcmp(s, "unlimited") == 0) {
		*ret_bytes = UINT64_MAX;
		return 0;
	}
	return scaled_parse(str_from(s), units, ret_bytes);
}

int duration_parse(const char *s, uint64_t *ret_ms)
{
	static const struct unit units[] = {
	    {"", 1000},
	    {"ms", 1},
	    {"s", 1000},
	    {"m", 60 * 1000},
	    {"h", 60 * 60 * 1000},
	    {"d", 24 * 60 * 60 * 1000},
	    {NULL, 0},
	};

	return scaled_parse(str_from(s), units, ret_ms);
}
