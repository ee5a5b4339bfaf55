/* SPDX-License-Identifier: MIT */
#include "base/conf_group.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf_table.h"
#include "common/text.h"

#define ROW(group, kind, key, preset, min, max, doc) \
	{#group, #key, CONF_KIND_##kind, offsetof(struct conf_##group, key), \
	    preset, min, max, doc},
#define TABLE(group, rows) \
	static const struct conf_key group##_keys[] = {rows(ROW)}; \
	_Static_assert(sizeof group##_keys / sizeof group##_keys[0] <= \
			   CONF_GROUP_KEYS_MAX, \
	    "there is a line for each");
CONF_GROUPS(TABLE)

#define GROUP(group, rows) \
	{#group, offsetof(struct conf, group##s), \
	    sizeof(struct conf_##group), group##_keys, \
	    sizeof group##_keys / sizeof group##_keys[0]},
const struct conf_group conf_groups[CONF_GROUP_COUNT] = {CONF_GROUPS(GROUP)};

#define ALIKE(group, rows) \
	_Static_assert(offsetof(struct conf_##group, at) == 0 && \
			   offsetof(struct conf_##group##s, items) == \
			       offsetof(struct conf_group_list, items), \
	    "sections are alike");
CONF_GROUPS(ALIKE)

/** The group a section is one of, NULL for others; `ret` is its name. */
static const struct conf_group *group_of(const char *section, struct str *ret)
{
	for (size_t i = 0; i < CONF_GROUP_COUNT; i++) {
		const struct conf_group *g = &conf_groups[i];
		size_t n = strlen(g->section);

		if (strncmp(section, g->section, n) == 0 &&
		    (section[n] == '\0' || section[n] == ' ' ||
			section[n] == '\t')) {
			*ret = str_trim(str_from(section + n));
			return g;
		}
	}
	return NULL;
}

bool conf_is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_is_alpha(s.p[i]) && !ascii_is_digit(s.p[i]) &&
		    s.p[i] != '-' && s.p[i] != '_')
			return false;
	}
	return s.n > 0 && s.n < CONF_NAME_SIZE;
}

static void free_named(const struct conf_group *g, struct conf_name *at)
{
	for (size_t i = 0; i < g->key_count; i++)
		conf_value_fini(
		    &g->keys[i], (char *)at + g->keys[i].offset);
	free(at);
}

/** Returns: a section at its defaults; NULL without memory. */
static struct conf_name *new_named(const struct conf_group *g, struct str name)
{
	struct conf_name *at = calloc(1, g->item_size);
	struct conf_error why;

	if (!at)
		return NULL;

	memcpy(at->name, name.p, name.n);
	for (size_t i = 0; i < g->key_count; i++) {
		const struct conf_key *key = &g->keys[i];
		void *field = (char *)at + key->offset;
		bool empty = conf_kind_is_text(key->kind) && !*key->preset;

		/* What has to be set is none that could be. */
		int r = empty ? conf_value_empty(field)
			      : conf_value_parse(
				    key, field, key->preset, &why);
		assert(r == 0 || r == -ENOMEM);
		if (r < 0) {
			free_named(g, at);
			return NULL;
		}
	}
	return at;
}

/** Put one more into the list. Errors: -ENOMEM. */
static int add(struct conf *c, const struct conf_group *g, struct str name,
    struct conf_name **ret)
{
	struct conf_group_list *list = conf_group_list(c, g);
	struct conf_name **items = realloc(
	    list->items, (list->count + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;

	list->items = items;
	struct conf_name *at = new_named(g, name);
	if (!at)
		return -ENOMEM;

	items[list->count++] = at;
	*ret = at;
	return 0;
}

int conf_open_section(struct conf *c, const char *section,
    struct conf_name **ret_at, struct conf_error *reterr)
{
	struct str name;
	const struct conf_group *g = group_of(section, &name);

	*ret_at = NULL;
	if (!g)
		return conf_find_section(section, reterr);
	if (!conf_is_name(name))
		return conf_error_set(reterr, -EINVAL,
		    "'%.*s' is no name for a section; write [%s NAME] with "
		    "1 to %d letters, digits, - and _",
		    (int)(name.n < 64 ? name.n : 64), name.p, g->section,
		    CONF_NAME_SIZE - 1);

	struct conf_group_list *list = conf_group_list(c, g);
	for (size_t i = 0; i < list->count; i++) {
		if (str_eq(name, list->items[i]->name)) {
			*ret_at = list->items[i];
			return 0;
		}
	}
	if (add(c, g, name, ret_at) < 0)
		return conf_error_set(reterr, -ENOMEM, "out of memory");
	return 0;
}

int conf_locate(struct conf *c, const char *section, const char *name,
    struct conf_place *ret, struct conf_error *reterr)
{
	struct conf_name *at;
	struct str ignored;
	const struct conf_group *g = group_of(section, &ignored);
	const struct conf_key *key =
	    g ? conf_find_in(g->keys, g->key_count, g->section, name, reterr)
	      : conf_find(section, name, reterr);

	int r = key ? conf_open_section(c, section, &at, reterr) : -EINVAL;
	if (r < 0)
		return r;

	if (at)
		*ret = (struct conf_place){key, (char *)at + key->offset,
		    &at->lines[key - g->keys]};
	else
		*ret = (struct conf_place){key, conf_field(c, key),
		    &c->lines[key - conf_keys]};
	return 0;
}

void conf_print_key(const struct conf_key *key, const void *field, FILE *out)
{
	char allowed[128];

	conf_value_allowed(key, allowed, sizeof allowed);
	fprintf(out, "# %s\n", key->doc);
	fprintf(out, "# (%s; default: %s)\n", allowed,
	    key->preset[0] ? key->preset : "empty");
	fprintf(out, "%s =%s", key->name,
	    conf_value_is_empty(key, field) ? "" : " ");
	conf_value_print(key, field, out);
	fputc('\n', out);
}

void conf_print_named(
    const struct conf_group *g, const struct conf_name *at, FILE *out)
{
	fprintf(out, "[%s %s]\n", g->section, at->name);
	for (size_t i = 0; i < g->key_count; i++)
		conf_print_key(&g->keys[i],
		    (const char *)at + g->keys[i].offset, out);
}

/** What is empty, and must not be. */
static const struct conf_key *missing(
    const struct conf_group *g, const struct conf_name *at)
{
	for (size_t i = 0; i < g->key_count; i++) {
		const struct conf_key *key = &g->keys[i];

		if (key->min > 0 && conf_kind_is_text(key->kind) &&
		    conf_value_is_empty(
			key, (const char *)at + key->offset))
			return key;
	}
	return NULL;
}

bool conf_group_error_at(
    const struct conf *c, const void *field, struct conf_error *reterr)
{
	for (size_t i = 0; i < CONF_GROUP_COUNT; i++) {
		const struct conf_group *g = &conf_groups[i];
		const struct conf_group_list *list =
		    (const void *)((const char *)c + g->offset);

		for (size_t j = 0; j < list->count * g->key_count; j++) {
			const struct conf_name *at =
			    list->items[j / g->key_count];
			size_t k = j % g->key_count;

			if ((const char *)at + g->keys[k].offset != field)
				continue;
			memcpy(reterr->file, at->file, sizeof reterr->file);
			reterr->line = at->lines[k] ? at->lines[k] : at->line;
			return true;
		}
	}
	return false;
}

int conf_check_groups(const struct conf *c, struct conf_error *reterr)
{
	for (size_t i = 0; i < CONF_GROUP_COUNT; i++) {
		const struct conf_group *g = &conf_groups[i];
		const struct conf_group_list *list =
		    (const void *)((const char *)c + g->offset);

		for (size_t j = 0; j < list->count; j++) {
			const struct conf_name *at = list->items[j];
			const struct conf_key *key = missing(g, at);

			if (!key)
				continue;
			memcpy(reterr->file, at->file, sizeof reterr->file);
			reterr->line = at->line;
			return conf_error_set(reterr, -EINVAL,
			    "[%s %s] has no %s, which says %s", g->section,
			    at->name, key->name, key->doc);
		}
	}
	return 0;
}

void conf_fini_groups(struct conf *c)
{
	for (size_t i = 0; i < CONF_GROUP_COUNT; i++) {
		struct conf_group_list *list =
		    conf_group_list(c, &conf_groups[i]);

		for (size_t j = 0; j < list->count; j++)
			free_named(&conf_groups[i], list->items[j]);
		free(list->items);
		*list = (struct conf_group_list){0};
	}
}
