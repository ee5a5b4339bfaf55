/* SPDX-License-Identifier: MIT */
#include "ingest/fetch_prefer.h"

#include <errno.h>

/* Up to a parameter, which no wait has a use for. */
static struct str without_parameters(struct str s)
{
	const char *semicolon = memchr(s.p, ';', s.n);

	if (semicolon)
		s.n = (size_t)(semicolon - s.p);
	return str_trim(s);
}

unsigned fetch_prefer_wait(struct str field)
{
	struct str item;
	uint64_t seconds;

	while (str_list_next(&field, &item)) {
		struct str s = without_parameters(item);
		const char *equals = memchr(s.p, '=', s.n);
		if (!equals)
			continue;

		struct str name = {s.p, (size_t)(equals - s.p)};
		struct str value = {equals + 1, s.n - name.n - 1};
		if (!str_ieq(str_trim(name), "wait"))
			continue;

		value = str_trim(value);
		if (value.n >= 2 && value.p[0] == '"' &&
		    value.p[value.n - 1] == '"')
			value = (struct str){value.p + 1, value.n - 2};
		int e = str_u64(value, &seconds);
		if (e == -EINVAL)
			return 0;
		return e < 0 || seconds > FETCH_WAIT_MAX_S
		    ? FETCH_WAIT_MAX_S
		    : (unsigned)seconds;
	}
	return 0;
}
