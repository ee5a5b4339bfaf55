/* SPDX-License-Identifier: MIT */
#include "common/tusmeta.h"

#include <errno.h>

static struct str take_until(struct str *s, char stop)
{
	const char *end = s->n ? memchr(s->p, stop, s->n) : NULL;
	struct str taken = {s->p, end ? (size_t)(end - s->p) : s->n};

	if (end) {
		s->p = end + 1;
		s->n -= taken.n + 1;
	} else {
		*s = (struct str){NULL, 0};
	}
	return taken;
}

static bool key_valid(struct str key)
{
	for (size_t i = 0; i < key.n; i++) {
		unsigned char c = (unsigned char)key.p[i];

		if (c <= ' ' || c == 0x7f)
			return false;
	}
	return key.n > 0;
}

int tusmeta_next(struct str *rest, struct str *ret_key, struct str *ret_base64)
{
	/* Behind a comma something must follow, so the end is no pointer. */
	if (!rest->p)
		return 0;

	*ret_base64 = str_trim(take_until(rest, ','));
	/* Trimmed, it ends in no space: a key alone has no value. */
	*ret_key = take_until(ret_base64, ' ');
	return key_valid(*ret_key) ? 1 : -EINVAL;
}

static struct str pairs_of(struct str field)
{
	field = str_trim(field);
	return field.n ? field : (struct str){NULL, 0};
}

/* Whether it is base64, decoded piece by piece into nothing. */
static bool base64_valid(struct str s)
{
	uint8_t piece[96];
	size_t step = sizeof(piece) / 3 * 4;

	for (; s.n > step; s.p += step, s.n -= step) {
		if (base64_decode(s.p, step, piece, sizeof(piece)) !=
		    (ssize_t)sizeof(piece))
			return false;
	}
	return !s.n || base64_decode(s.p, s.n, piece, sizeof(piece)) >= 0;
}

/* Whether the key stands in the field before the place where it was found. */
static bool seen_before(struct str field, struct str key)
{
	struct str k, value;

	while (tusmeta_next(&field, &k, &value) > 0 && k.p != key.p) {
		if (k.n == key.n && !memcmp(k.p, key.p, k.n))
			return true;
	}
	return false;
}

int tusmeta_check(struct str field)
{
	struct str rest = pairs_of(field), key, value;
	int count = 0, r;

	/* It is told back as it came, and a tab would not go back. */
	if (rest.n && memchr(rest.p, '\t', rest.n))
		return -EINVAL;
	while ((r = tusmeta_next(&rest, &key, &value)) > 0) {
		if (++count > TUSMETA_PAIRS_MAX)
			return -E2BIG;
		if (!base64_valid(value) ||
		    seen_before(pairs_of(field), key))
			return -EINVAL;
	}
	return r < 0 ? r : count;
}

ssize_t tusmeta_find(struct str field, const char *key, char *out, size_t cap)
{
	struct str rest = pairs_of(field), k, value;
	int r;

	while ((r = tusmeta_next(&rest, &k, &value)) > 0) {
		if (!str_eq(k, key))
			continue;
		return value.n ? base64_decode(
				     value.p, value.n, (uint8_t *)out, cap)
			       : 0;
	}
	return r < 0 ? r : -ENOENT;
}

ssize_t tus_checksum_read(
    struct str field, struct str *ret_alg, uint8_t *out, size_t cap)
{
	struct str text = str_trim(field);
	struct str alg = take_until(&text, ' ');

	if (!token_valid(alg.p, alg.n) || !text.n)
		return -EINVAL;

	ssize_t n = base64_decode(text.p, text.n, out, cap);
	if (n == 0)
		return -EINVAL;
	if (n > 0)
		*ret_alg = alg;
	return n;
}

int tus_concat_read(
    struct str field, enum tus_concat *ret, struct str *ret_urls)
{
	struct str urls = str_trim(field), probe, first;

	if (str_eq(urls, "partial")) {
		*ret = TUS_CONCAT_PARTIAL;
		return 0;
	}
	if (!str_eq(take_until(&urls, ';'), "final"))
		return -EINVAL;
	probe = urls;
	if (!tus_concat_next(&probe, &first))
		return -EINVAL;

	*ret = TUS_CONCAT_FINAL;
	*ret_urls = urls;
	return 0;
}

bool tus_concat_next(struct str *urls, struct str *ret)
{
	while (urls->n) {
		*ret = take_until(urls, ' ');
		if (ret->n)
			return true;
	}
	return false;
}
