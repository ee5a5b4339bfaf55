/* SPDX-License-Identifier: MIT */
#include "common/signedlink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/authfile.h"
#include "common/percent.h"

#define VERSION "spillway-link-1"
#define VERSION_TTL "spillway-link-2"

enum member { EXPIRES, MAX_SIZE, FILE_TTL, BY, SIGNATURE, MEMBERS };

static bool is_base64url(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!ascii_is_alpha(c) && !ascii_is_digit(c) && c != '-' &&
		    c != '_')
			return false;
	}
	return true;
}

static bool read_member(
    enum member m, struct str value, struct signed_link *link)
{
	switch (m) {
	case EXPIRES:
		return str_u64(value, &link->expires_s) == 0;
	case MAX_SIZE:
		return str_u64(value, &link->max_size) == 0;
	case FILE_TTL:
		link->has_file_ttl = true;
		return str_u64(value, &link->file_ttl_s) == 0;
	case BY:
		link->by = value;
		return token_name_valid(value);
	default:
		link->signature = value;
		return value.n == SIGNATURE_TEXT_LEN && is_base64url(value);
	}
}

static enum member member_of(struct str key)
{
	static const char *const names[MEMBERS] = {
	    "expires", "max_size", "file_ttl", "by", "signature"};
	int m = 0;

	while (m < MEMBERS && !str_eq(key, names[m]))
		m++;
	return (enum member)m;
}

int signed_link_read(struct str query, struct signed_link *ret)
{
	const char *cursor = query.p, *end = query.p + query.n;
	struct signed_link link = {.method = ret->method, .path = ret->path};
	struct str key, value;
	unsigned seen = 0;
	bool sound = true;

	while (query.n && query_next(&cursor, end, &key, &value)) {
		enum member m = member_of(key);

		if (m == MEMBERS)
			continue;
		sound &= !(seen & 1u << m) && read_member(m, value, &link);
		seen |= 1u << m;
	}
	if (!(seen & 1u << SIGNATURE))
		return -ENOENT;
	if (!sound || !(seen & 1u << EXPIRES))
		return -EINVAL;

	*ret = link;
	return 0;
}

/* Returns: `n`, what snprintf() has said, if that is the length. */
static size_t fitting(int n, size_t cap)
{
	return n > 0 && (size_t)n < cap ? (size_t)n : 0;
}

/* Room for a member with a number. */
#define NUMBER_SIZE 40

size_t signed_link_canonical(
    const struct signed_link *link, char *out, size_t cap)
{
	char ttl[NUMBER_SIZE] = "";

	if (link->has_file_ttl)
		snprintf(ttl, sizeof(ttl), "%" PRIu64 "\n", link->file_ttl_s);
	return fitting(
	    snprintf(out, cap,
		"%s\n%.*s\n%.*s\n%" PRIu64 "\n%" PRIu64 "\n%.*s\n%s",
		link->has_file_ttl ? VERSION_TTL : VERSION,
		(int)link->method.n, link->method.p, (int)link->path.n,
		link->path.p, link->expires_s, link->max_size,
		(int)link->by.n, link->by.n ? link->by.p : "", ttl),
	    cap);
}

size_t signed_link_write(const struct signed_link *link, char *out, size_t cap)
{
	char size[NUMBER_SIZE] = "", ttl[NUMBER_SIZE] = "";

	if (link->max_size)
		snprintf(size, sizeof(size), "&max_size=%" PRIu64,
		    link->max_size);
	if (link->has_file_ttl)
		snprintf(ttl, sizeof(ttl), "&file_ttl=%" PRIu64,
		    link->file_ttl_s);
	return fitting(
	    snprintf(out, cap,
		"%.*s?expires=%" PRIu64 "%s%s%s%.*s&signature=%.*s",
		(int)link->path.n, link->path.p, link->expires_s, size, ttl,
		link->by.n ? "&by=" : "", (int)link->by.n,
		link->by.n ? link->by.p : "", (int)link->signature.n,
		link->signature.p),
	    cap);
}
