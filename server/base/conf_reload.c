/* SPDX-License-Identifier: MIT */
#include "base/conf_reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf_group.h"
#include "base/conf_table.h"
#include "base/conf_value.h"

/*
 * Whose users read them anew for each request, connection, upload or fetch,
 * and can do with any value at any time. Texts are for who reloads alone.
 */
#define AT(section, key) offsetof(struct conf, section.key)
static const size_t reloadable[] = {
    AT(server, cors_origins),
    AT(server, drain_timeout),
    AT(server, header_timeout),
    AT(server, max_connections),
    AT(server, max_connections_per_address),
    AT(server, page),
    AT(server, proxy_fields),
    AT(server, timing),
    AT(server, tls_cert),
    AT(server, tls_key),
    AT(server, trusted_proxies),
    AT(auth, link_key),
    AT(auth, link_ttl_max),
    AT(auth, tokens),
    AT(store, digest),
    AT(store, max_file_size),
    AT(store, ttl),
    AT(upload, expire),
    AT(upload, max_active),
    AT(upload, max_field_size),
    AT(upload, max_open_per_client),
    AT(upload, max_part_header),
    AT(upload, max_parts),
    AT(upload, max_time),
    AT(upload, min_rate),
    AT(fetch, allow_networks),
    AT(fetch, connect_timeout),
    AT(fetch, connections),
    AT(fetch, deny_networks),
    AT(fetch, max_active),
    AT(fetch, max_connections),
    AT(fetch, max_lazy),
    AT(fetch, max_lazy_per_client),
    AT(fetch, max_queued_per_client),
    AT(fetch, max_redirects),
    AT(fetch, max_retries),
    AT(fetch, max_size),
    AT(fetch, max_transfers),
    AT(fetch, min_rate),
    AT(fetch, ports),
    AT(fetch, response_timeout),
    AT(fetch, retry_delay),
    AT(fetch, stall_timeout),
    AT(log, access),
    AT(log, format),
    AT(log, level),
    AT(log, max_incidents),
};

static bool may_change(const struct conf_key *key)
{
	for (size_t i = 0; i < sizeof reloadable / sizeof reloadable[0]; i++) {
		if (reloadable[i] == key->offset)
			return true;
	}
	return false;
}

bool conf_reloads(const char *section, const char *key)
{
	struct conf_error none;
	const struct conf_key *found = conf_find(section, key, &none);

	return found && may_change(found);
}

/** A value as it is printed; NULL without memory. The caller frees it. */
static char *text_of(const struct conf_key *key, const struct conf *c)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;

	conf_value_print(key, (const char *)c + key->offset, f);
	if (fclose(f) == 0)
		return text;

	free(text);
	return NULL;
}

/** Returns: 1 when the values differ, 0 when not. Errors: -ENOMEM. */
static int differs(const struct conf_key *key, const struct conf *a,
    const struct conf *b)
{
	char *before = text_of(key, a);
	char *after = text_of(key, b);
	int r = before && after ? strcmp(before, after) != 0 : -ENOMEM;

	free(before);
	free(after);
	return r;
}

static void take(const struct conf_key *key, void *to, void *from)
{
	void *list;

	switch (key->kind) {
	case CONF_KIND_SIZE:
	case CONF_KIND_DURATION:
		atomic_store((_Atomic uint64_t *)to, *(uint64_t *)from);
		break;
	case CONF_KIND_BOOL:
		atomic_store((_Atomic bool *)to, *(bool *)from);
		break;
	case CONF_KIND_LISTEN:
	case CONF_KIND_ORIGINS:
	case CONF_KIND_NETWORKS:
	case CONF_KIND_PORTS:
	case CONF_KIND_PROXIES:
	case CONF_KIND_EVENTS:
	case CONF_KIND_STRING:
	case CONF_KIND_COMMAND:
	case CONF_KIND_WORDS:
		memcpy(&list, from, sizeof list);
		list = atomic_exchange((void *_Atomic *)to, list);
		memcpy(from, &list, sizeof list);
		break;
	default:
		/* Counts and enums. */
		atomic_store((_Atomic unsigned *)to, *(unsigned *)from);
		break;
	}
}

/** A section as it is printed; NULL without memory, or without a section. */
static char *text_of_named(
    const struct conf_group *g, const struct conf_name *at)
{
	char *text = NULL;
	size_t size;
	FILE *f = at ? open_memstream(&text, &size) : NULL;

	if (!f)
		return NULL;

	conf_print_named(g, at, f);
	if (fclose(f) == 0)
		return text;

	free(text);
	return NULL;
}

static const struct conf_name *find_named(
    const struct conf_group_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->items[i]->name, name) == 0)
			return list->items[i];
	}
	return NULL;
}

/** Tell of sections of `a` that are others, or none, in `b`; with `gone`, of
    those that are none. */
static void tell_named(const struct conf_group *g,
    const struct conf_group_list *a, const struct conf_group_list *b,
    bool gone, conf_changed_fn tell, void *ctx)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct conf_name *other =
		    find_named(b, a->items[i]->name);
		char *before = text_of_named(g, a->items[i]);
		char *after = text_of_named(g, other);

		if (!other || (!gone && before && after &&
				  strcmp(before, after) != 0))
			tell(ctx, g->section, a->items[i]->name, false);
		free(before);
		free(after);
	}
}

int conf_reload(
    struct conf *live, struct conf *fresh, conf_changed_fn tell, void *ctx)
{
	bool changed[CONF_KEY_COUNT];
	int lists = 0;

	for (size_t i = 0; i < CONF_KEY_COUNT; i++) {
		int r = differs(&conf_keys[i], live, fresh);
		if (r < 0)
			return r;
		changed[i] = r;
	}

	for (size_t i = 0; i < CONF_KEY_COUNT; i++) {
		const struct conf_key *key = &conf_keys[i];

		if (!changed[i] || !may_change(key))
			continue;
		take(key, conf_field(live, key), conf_field(fresh, key));
		lists += conf_kind_is_list(key->kind);
	}
	for (size_t i = 0; i < CONF_KEY_COUNT; i++) {
		const struct conf_key *key = &conf_keys[i];

		if (changed[i])
			tell(ctx, key->section, key->name, may_change(key));
	}
	for (size_t i = 0; i < CONF_GROUP_COUNT; i++) {
		const struct conf_group *g = &conf_groups[i];
		const struct conf_group_list *now = conf_group_list(live, g);
		const struct conf_group_list *then = conf_group_list(fresh, g);

		tell_named(g, then, now, false, tell, ctx);
		tell_named(g, now, then, true, tell, ctx);
	}
	return lists;
}
