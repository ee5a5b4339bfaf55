/* SPDX-License-Identifier: MIT */
#include "common/etag.h"

#include "common/text.h"

/* etagc: any visible byte but the quote; bytes over 0x7F are obs-text. */
static bool etag_char(char c)
{
	unsigned char u = (unsigned char)c;

	return u > 0x20 && u != 0x7F && u != '"';
}

/* Take `W/"x"` or `"x"` off the front of `s`. `*tag` gets the quoted part. */
static bool tag_take(struct str *s, struct str *tag, bool *weak)
{
	size_t i = 0;

	*weak = s->n >= 2 && s->p[0] == 'W' && s->p[1] == '/';
	if (*weak)
		i = 2;

	size_t start = i;
	if (i == s->n || s->p[i] != '"')
		return false;
	for (i++; i < s->n && etag_char(s->p[i]); i++)
		;
	if (i == s->n || s->p[i] != '"')
		return false;

	i++;
	*tag = (struct str){s->p + start, i - start};
	s->p += i;
	s->n -= i;
	return true;
}

static void skip(struct str *s, bool commas)
{
	while (s->n > 0 && (s->p[0] == ' ' || s->p[0] == '\t' ||
			       (commas && s->p[0] == ','))) {
		s->p++;
		s->n--;
	}
}

bool etag_list_match(const char *field, size_t len, const char *etag, bool weak)
{
	struct str s = str_trim((struct str){field, len});
	bool found = false;

	/* Of a weak tag of ours the rest; where only strong ones count, it
	   stays what no tag of the field is. */
	if (etag && weak && etag[0] == 'W')
		etag += 2;
	if (str_eq(s, "*"))
		return true;

	/* Commas may stand inside tags, so this is no str_list_next(). */
	for (skip(&s, true); s.n > 0; skip(&s, true)) {
		struct str tag;
		bool tag_weak;
		if (!tag_take(&s, &tag, &tag_weak))
			return false;

		skip(&s, false);
		if (s.n > 0 && s.p[0] != ',')
			return false;
		if (etag && (weak || !tag_weak) && str_eq(tag, etag))
			found = true;
	}
	return found;
}

bool etag_equal_strong(const char *field, size_t len, const char *etag)
{
	struct str s = str_trim((struct str){field, len});
	struct str tag;
	bool weak;

	return etag && tag_take(&s, &tag, &weak) && s.n == 0 && !weak &&
	       str_eq(tag, etag);
}
