/* SPDX-License-Identifier: MIT */
#include "common/traceparent.h"

#include <stdio.h>
#include <string.h>

/* Take `n` digits off the front; upper case is wrong. */
static bool take_hex(struct str *s, size_t n, struct str *ret)
{
	if (s->n < n)
		return false;

	*ret = (struct str){s->p, n};
	for (size_t i = 0; i < n; i++) {
		char c = s->p[i];

		if (!ascii_is_digit(c) && (c < 'a' || c > 'f'))
			return false;
	}
	s->p += n;
	s->n -= n;
	return true;
}

static bool take_dash(struct str *s)
{
	if (!s->n || s->p[0] != '-')
		return false;

	s->p++;
	s->n--;
	return true;
}

static bool only_zeros(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '0')
			return false;
	}
	return true;
}

bool traceparent_parse(struct str field, struct traceparent *ret)
{
	struct str rest = field, version, trace, parent, flags;

	if (field.n > TRACEPARENT_MAX)
		return false;
	if (!take_hex(&rest, 2, &version) || !take_dash(&rest) ||
	    !take_hex(&rest, TRACE_ID_LEN, &trace) || !take_dash(&rest) ||
	    !take_hex(&rest, SPAN_ID_LEN, &parent) || !take_dash(&rest) ||
	    !take_hex(&rest, 2, &flags))
		return false;
	if (str_eq(version, "ff") || only_zeros(trace) || only_zeros(parent))
		return false;
	/* Later versions may have more, behind another dash. */
	if (rest.n && (str_eq(version, "00") || rest.p[0] != '-'))
		return false;

	*ret = (struct traceparent){trace, parent,
	    (unsigned)ascii_hex_value(flags.p[1]) & TRACE_FLAGS};
	return true;
}

void traceparent_format(const char *trace_id, const char *span_id,
    unsigned flags, char out[TRACEPARENT_SIZE])
{
	snprintf(out, TRACEPARENT_SIZE, "00-%.*s-%.*s-%02x", TRACE_ID_LEN,
	    trace_id, SPAN_ID_LEN, span_id, flags & TRACE_FLAGS);
}
