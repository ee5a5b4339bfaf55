/* SPDX-License-Identifier: MIT */
#include "http/member.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for the beginning of a value, as it is shown. */
#define SHOWN_SIZE 56
/* ... and for what is said of it. */
#define WHAT_SIZE 160

static void show(const json_t *v, char out[SHOWN_SIZE])
{
	static const char cut[] = "...";
	char *text =
	    json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);

	snprintf(out, SHOWN_SIZE, "%s", text ? text : "another");
	if (text && strlen(text) >= SHOWN_SIZE)
		memcpy(out + SHOWN_SIZE - sizeof(cut), cut, sizeof(cut));
	free(text);
}

struct http_problem http_problem_member(
    const char *key, const json_t *v, const char *fmt, ...)
{
	char what[WHAT_SIZE], shown[SHOWN_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (!v)
		return http_problem(PROBLEM_BAD_REQUEST,
		    "The member '%.32s' %s.", key, what);

	show(v, shown);
	return http_problem(PROBLEM_BAD_REQUEST,
	    "The member '%.32s' %s: it is %s.", key, what, shown);
}

struct http_problem http_problem_document(
    const json_error_t *why, const char *example)
{
	if (why)
		return http_problem(PROBLEM_BAD_REQUEST,
		    "The body is not JSON: %.100s, in line %d; write %s or the "
		    "like.",
		    why->text, why->line, example);

	return http_problem(PROBLEM_BAD_REQUEST,
	    "The body is not a JSON object; write %s or the like.", example);
}
