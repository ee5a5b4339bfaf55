/* SPDX-License-Identifier: MIT */
#include "base/conf_list.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/ipaddr.h"
#include "common/text.h"
#include "common/urlguard.h"

/** Lines of a list are about so wide. */
#define PRINT_COLUMNS 72
/** Longest item; a unix socket's path is the longest sensible one. */
#define ITEM_SIZE LISTEN_TEXT_SIZE
/** In front of an IPv4 address that is held as a mapped one. */
#define V4_MAPPED_BITS 96
/** A proxy on this machine. */
#define UNIX_WORD "unix"

/** What the lists of struct conf look like to this file. */
struct any_list {
	size_t count;
	char items[];
};
#define ALIKE(type) \
	(offsetof(struct any_list, items) == offsetof(struct type, items))
_Static_assert(ALIKE(conf_events) && ALIKE(conf_listen) &&
		   ALIKE(conf_networks) && ALIKE(conf_origins) &&
		   ALIKE(conf_ports) && ALIKE(conf_proxies),
    "lists are alike");
_Static_assert(CONF_ORIGIN_SIZE >= ITEM_SIZE, "any item has room");

/** A type of item; `parse` gets zeroed memory and a NUL-terminated text. */
struct item_type {
	size_t size;
	int (*parse)(const char *text, void *ret, struct conf_error *reterr);
	void (*format)(const void *item, char out[ITEM_SIZE]);
};

static int parse_listen(const char *text, void *ret, struct conf_error *reterr)
{
	return listen_parse(text, ret, reterr);
}

static void format_listen(const void *item, char out[ITEM_SIZE])
{
	listen_format(item, out);
}

static int parse_network(const char *text, void *ret, struct conf_error *reterr)
{
	if (cidr_parse(text, strlen(text), ret) < 0)
		return conf_error_set(reterr, -EINVAL,
		    "'%s' is not a network; write 10.0.0.0/8 (/0 to /32), "
		    "fd00::/8 (/0 to /128) or an address",
		    text);
	return 0;
}

static void format_network(const void *item, char out[ITEM_SIZE])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const struct cidr *net = item;
	bool v4 = net->prefix >= V4_MAPPED_BITS &&
		  memcmp(net->addr, mapped, sizeof mapped) == 0;
	char address[INET6_ADDRSTRLEN];

	inet_ntop(v4 ? AF_INET : AF_INET6, net->addr + (v4 ? 12 : 0), address,
	    sizeof address);
	snprintf(out, ITEM_SIZE, "%s/%d", address,
	    net->prefix - (v4 ? V4_MAPPED_BITS : 0));
}

static int parse_proxy(const char *text, void *ret, struct conf_error *reterr)
{
	struct conf_proxy *proxy = ret;

	proxy->unix_socket = strcmp(text, UNIX_WORD) == 0;
	return proxy->unix_socket ? 0
				  : parse_network(text, &proxy->net, reterr);
}

static void format_proxy(const void *item, char out[ITEM_SIZE])
{
	const struct conf_proxy *proxy = item;

	if (proxy->unix_socket)
		snprintf(out, ITEM_SIZE, UNIX_WORD);
	else
		format_network(&proxy->net, out);
}

/* As "http://a:80": browsers leave it out. */
static bool names_own_port(const char *text, const struct url_parts *url)
{
	const char *port = strrchr(text, ':');

	/* Not that of the scheme, or of an IPv6 address. */
	return url->port == (url->https ? 443 : 80) && port[1] != '/' &&
	       !strchr(port, ']');
}

static int parse_origin(const char *text, void *ret, struct conf_error *reterr)
{
	struct conf_origin *origin = ret;
	struct url_parts url = {0};
	const char *rule;
	size_t n = strlen(text);

	if (strcmp(text, "*") != 0 &&
	    (strchr(text, '#') || url_check(text, n, &url, &rule) < 0 ||
		url.path_query.n))
		return conf_error_set(reterr, -EINVAL,
		    "'%s' is not an origin; write SCHEME://HOST or "
		    "SCHEME://HOST:PORT without a path, or *",
		    text);

	if (strcmp(text, "*") != 0 && names_own_port(text, &url))
		return conf_error_set(reterr, -EINVAL,
		    "'%s' names the port that its scheme has anyway, which "
		    "browsers leave out; write it without",
		    text);

	/* Browsers send it in lower case. */
	for (size_t i = 0; i < n; i++)
		origin->text[i] = ascii_lower(text[i]);
	return 0;
}

static void format_origin(const void *item, char out[ITEM_SIZE])
{
	const struct conf_origin *origin = item;

	snprintf(out, ITEM_SIZE, "%s", origin->text);
}

static bool parse_port(struct str s, uint16_t *ret)
{
	uint64_t v;

	if (str_u64(s, &v) < 0 || v < 1 || v > UINT16_MAX)
		return false;

	*ret = (uint16_t)v;
	return true;
}

static int parse_ports(const char *text, void *ret, struct conf_error *reterr)
{
	struct conf_port_range *range = ret;
	struct str first = str_from(text);
	const char *dash = strchr(text, '-');
	struct str last = first;

	if (dash) {
		first.n = (size_t)(dash - text);
		last = str_from(dash + 1);
	}
	if (!parse_port(str_trim(first), &range->first) ||
	    !parse_port(str_trim(last), &range->last) ||
	    range->first > range->last)
		return conf_error_set(reterr, -EINVAL,
		    "'%s' is not a port; write 1 to 65535, or a range such as "
		    "8000-8999",
		    text);
	return 0;
}

static void format_ports(const void *item, char out[ITEM_SIZE])
{
	const struct conf_port_range *range = item;

	if (range->first == range->last)
		snprintf(out, ITEM_SIZE, "%" PRIu16, range->first);
	else
		snprintf(out, ITEM_SIZE, "%" PRIu16 "-%" PRIu16, range->first,
		    range->last);
}

static const char *const events[] = {
    [CONF_EVENT_READY] = "ready",
    [CONF_EVENT_FAILED] = "failed",
    [CONF_EVENT_DELETED] = "deleted",
};
#define EVENT_COUNT (sizeof events / sizeof events[0])

static int parse_event(const char *text, void *ret, struct conf_error *reterr)
{
	for (size_t i = 0; i < EVENT_COUNT; i++) {
		if (strcmp(text, events[i]) == 0) {
			*(enum conf_event *)ret = (enum conf_event)i;
			return 0;
		}
	}
	return conf_error_set(reterr, -EINVAL,
	    "'%s' is not an event; write ready, failed or deleted", text);
}

static void format_event(const void *item, char out[ITEM_SIZE])
{
	snprintf(out, ITEM_SIZE, "%s", events[*(const enum conf_event *)item]);
}

static const struct item_type *type_of(enum conf_kind kind)
{
	static const struct item_type listen = {
	    sizeof(struct listen_addr), parse_listen, format_listen};
	static const struct item_type origins = {
	    sizeof(struct conf_origin), parse_origin, format_origin};
	static const struct item_type networks = {
	    sizeof(struct cidr), parse_network, format_network};
	static const struct item_type ports = {
	    sizeof(struct conf_port_range), parse_ports, format_ports};
	static const struct item_type event = {
	    sizeof(enum conf_event), parse_event, format_event};

	static const struct item_type proxies = {
	    sizeof(struct conf_proxy), parse_proxy, format_proxy};

	switch (kind) {
	case CONF_KIND_LISTEN:
		return &listen;
	case CONF_KIND_ORIGINS:
		return &origins;
	case CONF_KIND_NETWORKS:
		return &networks;
	case CONF_KIND_EVENTS:
		return &event;
	case CONF_KIND_PORTS:
		return &ports;
	default:
		assert(kind == CONF_KIND_PROXIES);
		return &proxies;
	}
}

/** Copy the next item that is not empty; -ENOENT when there is none left. */
static int next_item(
    const char **cursor, char out[ITEM_SIZE], struct conf_error *reterr)
{
	while (**cursor) {
		size_t n = strcspn(*cursor, ",");
		struct str item = str_trim((struct str){*cursor, n});

		*cursor += n + ((*cursor)[n] == ',');
		if (item.n == 0)
			continue;
		if (item.n >= ITEM_SIZE)
			return conf_error_set(reterr, -EINVAL,
			    "'%.40s...' is too long for an item of a list; "
			    "allowed are %d bytes",
			    item.p, ITEM_SIZE - 1);

		memcpy(out, item.p, item.n);
		out[item.n] = '\0';
		return 0;
	}
	return -ENOENT;
}

/** Read one more item and put it at the end of `list`, which has room. */
static int add_item(const struct item_type *type, struct any_list *list,
    const char *text, struct conf_error *reterr)
{
	char *at = list->items + list->count * type->size;
	char now[ITEM_SIZE];
	char before[ITEM_SIZE];

	memset(at, 0, type->size);
	int r = type->parse(text, at, reterr);
	if (r < 0)
		return r;

	type->format(at, now);
	for (size_t i = 0; i < list->count; i++) {
		type->format(list->items + i * type->size, before);
		if (strcmp(now, before) == 0)
			return conf_error_set(
			    reterr, -EINVAL, "'%s' is listed twice", text);
	}
	list->count++;
	return 0;
}

static size_t count_items(const char *text)
{
	size_t n = 1;

	for (; *text; text++)
		n += *text == ',';
	return n;
}

static int parse_all(const struct conf_key *key, struct any_list *list,
    const char *text, struct conf_error *reterr)
{
	const struct item_type *type = type_of(key->kind);
	char item[ITEM_SIZE];
	int r;

	while ((r = next_item(&text, item, reterr)) == 0) {
		if (list->count == key->max)
			return conf_error_set(reterr, -EINVAL,
			    "too many items; allowed are %" PRIu64, key->max);
		r = add_item(type, list, item, reterr);
		if (r < 0)
			return r;
	}
	if (r != -ENOENT)
		return r;
	if (list->count < key->min)
		return conf_error_set(reterr, -EINVAL,
		    "the list is empty; it needs at least %" PRIu64 " item",
		    key->min);
	return 0;
}

/** The list that a field holds; NULL: none yet. */
static struct any_list *list_of(const void *field)
{
	struct any_list *list;

	memcpy(&list, field, sizeof list);
	return list;
}

int conf_list_parse(const struct conf_key *key, void *field, const char *text,
    struct conf_error *reterr)
{
	size_t most = count_items(text);

	if (most > key->max)
		most = key->max;
	struct any_list *list =
	    calloc(1, sizeof *list + most * type_of(key->kind)->size);
	if (!list)
		return conf_error_set(reterr, -ENOMEM, "out of memory");

	int r = parse_all(key, list, text, reterr);
	if (r < 0) {
		free(list);
		return r;
	}

	conf_list_fini(field);
	memcpy(field, &list, sizeof list);
	return 0;
}

void conf_list_print(const struct conf_key *key, const void *field, FILE *out)
{
	const struct item_type *type = type_of(key->kind);
	const struct any_list *list = list_of(field);
	size_t column = 0;
	char text[ITEM_SIZE];

	for (size_t i = 0; i < list->count; i++) {
		type->format(list->items + i * type->size, text);
		column += strlen(text) + 2;
		if (i > 0 && column > PRINT_COLUMNS) {
			fputs(",\n\t", out);
			column = strlen(text) + 2;
		} else if (i > 0) {
			fputs(", ", out);
		}
		fputs(text, out);
	}
}

bool conf_list_is_empty(const void *field)
{
	return list_of(field)->count == 0;
}

void conf_list_fini(void *field)
{
	free(list_of(field));
	memset(field, 0, sizeof(struct any_list *));
}
