/* SPDX-License-Identifier: MIT */
#include "common/forwarded.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

static void append(struct forwarded_list *l, struct str item)
{
	if (l->n == FORWARDED_MAX) {
		l->n--;
		memmove(l->items, l->items + 1, l->n * sizeof(l->items[0]));
	}
	l->items[l->n++] = item;
}

void forwarded_add(struct forwarded_list *l, struct str field)
{
	struct str item;

	while (str_list_next(&field, &item))
		append(l, item);
}

/*
 * Take a pair off an element. The value of a quoted string is a view of what
 * it says, so one with escapes in it, which no address, name or scheme needs,
 * is malformed here.
 */
static bool next_pair(struct str *rest, struct str *key, struct str *value)
{
	const char *p = rest->p, *end = p + rest->n, *begin = p;

	while (p < end && token_char(*p))
		p++;
	*key = (struct str){begin, (size_t)(p - begin)};
	if (!key->n || p == end || *p++ != '=')
		return false;

	bool quoted = p < end && *p == '"';
	begin = p += quoted;
	while (p < end && (quoted ? *p != '"' && *p != '\\' : token_char(*p)))
		p++;
	*value = (struct str){begin, (size_t)(p - begin)};
	if (quoted && (p == end || *p++ != '"'))
		return false;

	*rest = (struct str){p, (size_t)(end - p)};
	return quoted || value->n;
}

/* One hop: pairs with semicolons between. No parameter comes twice. */
static int read_element(struct forwarded *f, struct str rest)
{
	struct str key, value, client = {NULL, 0}, proto = client,
			       host = client;

	for (;;) {
		struct str *field = NULL;

		rest = str_trim(rest);
		if (!next_pair(&rest, &key, &value))
			return -EINVAL;
		if (str_ieq(key, "for"))
			field = &client;
		else if (str_ieq(key, "proto"))
			field = &proto;
		else if (str_ieq(key, "host"))
			field = &host;
		if (field && field->p)
			return -EINVAL;
		if (field)
			*field = value;

		rest = str_trim(rest);
		if (!rest.n)
			break;
		if (rest.p[0] != ';')
			return -EINVAL;
		rest = (struct str){rest.p + 1, rest.n - 1};
	}
	append(&f->clients, client);
	append(&f->protos, proto);
	append(&f->hosts, host);
	return 0;
}

int forwarded_read(struct forwarded *f, struct str field)
{
	struct str element;
	int r = 0;

	while (r == 0 && str_list_next(&field, &element))
		r = read_element(f, element);
	return r;
}

struct str forwarded_hop(const struct forwarded_list *l, size_t hop)
{
	if (!l->n)
		return (struct str){NULL, 0};

	return l->items[l->n > hop ? l->n - hop : 0];
}

/* A port, or a word that hides it, behind the address. */
static bool is_port(struct str s)
{
	for (size_t i = 1; i < s.n; i++) {
		if (!ascii_is_digit(s.p[i]) && !ascii_is_alpha(s.p[i]) &&
		    !strchr("._-", s.p[i]))
			return false;
	}
	return s.n == 0 || (s.n > 1 && s.p[0] == ':');
}

/* Split a node into its address and what follows. */
static struct str address_of(struct str node, struct str *rest)
{
	struct str address = node;

	*rest = (struct str){NULL, 0};
	if (!node.n)
		return address;

	const char *end = node.p + node.n, *p;
	if (node.p[0] == '[') {
		p = memchr(node.p, ']', node.n);
		address = (struct str){node.p + 1, p ? (size_t)(p - node.p) - 1
						     : 0};
		p = p ? p + 1 : end;
	} else {
		/* More than one colon is an IPv6 address without a port. */
		p = memchr(node.p, ':', node.n);
		if (!p || memchr(p + 1, ':', (size_t)(end - p) - 1))
			p = end;
		address.n = (size_t)(p - node.p);
	}
	*rest = (struct str){p, (size_t)(end - p)};
	return address;
}

int forwarded_address(struct str node, struct sockaddr_storage *ret)
{
	struct sockaddr_storage addr = {0};
	struct sockaddr_in *v4 = (void *)&addr;
	struct sockaddr_in6 *v6 = (void *)&addr;
	char text[INET6_ADDRSTRLEN];
	struct str rest, address = address_of(node, &rest);

	if (address.n >= sizeof(text) || !is_port(rest) ||
	    memchr(address.n ? address.p : "", '\0', address.n))
		return -EINVAL;

	memcpy(text, address.n ? address.p : "", address.n);
	text[address.n] = '\0';
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
		v4->sin_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
		v6->sin6_family = AF_INET6;
	else
		return -EINVAL;

	*ret = addr;
	return 0;
}
