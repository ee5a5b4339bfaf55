/* SPDX-License-Identifier: MIT */
#include "common/words.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static const char OPEN_QUOTE[] = "a quote is not closed";
static const char LONE_BACKSLASH[] = "it ends with a backslash";
static const char FOR_A_SHELL[] =
    "there is no shell: one of | & ; < > ( ) $ ` * ? [ # ~ has to stand in "
    "quotes, where it means itself";

/* A word being read. */
struct reader {
	const char *at, *end;
	char *out;
	size_t len, cap;
	const char *why;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* What a comment or a home directory begins with is so at the front only. */
static bool is_special(char c, bool first)
{
	return (c && strchr("|&;<>()$`*?[", c)) ||
	       (first && (c == '#' || c == '~'));
}

static void put(struct reader *r, char c)
{
	if (r->out && r->len < r->cap)
		r->out[r->len] = c;
	r->len++;
}

/* Behind a backslash; between double quotes it is one itself before others. */
static bool escaped(struct reader *r, bool quoted)
{
	if (r->at == r->end) {
		r->why = quoted ? OPEN_QUOTE : LONE_BACKSLASH;
		return false;
	}
	if (quoted && !strchr("\"\\$`", *r->at))
		put(r, '\\');
	put(r, *r->at++);
	return true;
}

static bool quoted(struct reader *r, char quote)
{
	while (r->at < r->end && *r->at != quote) {
		char c = *r->at++;

		if (c == '\\' && quote == '"') {
			if (!escaped(r, true))
				return false;
		} else {
			put(r, c);
		}
	}
	if (r->at == r->end) {
		r->why = OPEN_QUOTE;
		return false;
	}
	r->at++;
	return true;
}

static bool read_word(struct reader *r)
{
	bool fine = true;

	for (const char *begin = r->at; fine && r->at < r->end; ) {
		char c = *r->at;

		if (is_blank(c))
			break;
		if (is_special(c, r->at == begin)) {
			r->why = FOR_A_SHELL;
			return false;
		}
		r->at++;
		if (c == '\\')
			fine = escaped(r, false);
		else if (c == '\'' || c == '"')
			fine = quoted(r, c);
		else
			put(r, c);
	}
	return fine;
}

ssize_t words_next(
    struct str *rest, char *out, size_t cap, const char **reterr)
{
	struct reader r = {
	    .at = rest->p, .end = rest->p + rest->n, .out = out, .cap = cap};

	while (r.at < r.end && is_blank(*r.at))
		r.at++;
	if (r.at == r.end)
		return -ENOENT;

	if (!read_word(&r)) {
		*reterr = r.why;
		return -EINVAL;
	}
	if (out && r.len >= cap)
		return -E2BIG;

	if (out)
		out[r.len] = '\0';
	*rest = (struct str){r.at, (size_t)(r.end - r.at)};
	return (ssize_t)r.len;
}
