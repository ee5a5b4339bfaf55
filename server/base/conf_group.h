/* SPDX-License-Identifier: MIT */
/*
 * Inside of conf: sections of which there are several, [processor NAME], and
 * keys by section and name whatever kind of section it is.
 * Threads: as conf.h.
 */
#ifndef BASE_CONF_GROUP_H
#define BASE_CONF_GROUP_H

#include <stddef.h>
#include <stdio.h>

#include <spillway/base.h>

#include "base/conf_value.h"

/* A kind of such sections. */
struct conf_group {
	const char *section;
	size_t offset;	  /* of their list in struct conf */
	size_t item_size; /* of the struct of one */
	const struct conf_key *keys;
	size_t key_count;
};

#define CONF_COUNT_GROUP(section, keys) +1
/** How many kinds there are. */
#define CONF_GROUP_COUNT (0 CONF_GROUPS(CONF_COUNT_GROUP))

extern const struct conf_group conf_groups[CONF_GROUP_COUNT];

/* Their list, and one of them, as they are all alike. */
struct conf_group_list {
	size_t count;
	struct conf_name **items;
};

/* A key, and where its value is. */
struct conf_place {
	const struct conf_key *key;
	void *field;
	unsigned *line; /* that it was read from; 0: from none */
};

static inline struct conf_group_list *conf_group_list(
    struct conf *c, const struct conf_group *g)
{
	return (struct conf_group_list *)(void *)((char *)c + g->offset);
}

/**
 * Find a section, and make it, with the defaults, if it has a name and is not
 * there yet; `*ret_at` is then what it has besides its keys, otherwise NULL.
 *
 * Errors:    -EINVAL there is none such, or the name is not sound; -ENOMEM.
 *            `reterr->msg` says why.
 */
int conf_open_section(struct conf *c, const char *section,
    struct conf_name **ret_at, struct conf_error *reterr) SPW_MUST_CHECK;

/** Find a key in such a section. Errors: the same; -EINVAL for the key. */
int conf_locate(struct conf *c, const char *section, const char *name,
    struct conf_place *ret, struct conf_error *reterr) SPW_MUST_CHECK;

/** Write one key as conf_print() does. */
void conf_print_key(
    const struct conf_key *key, const void *field, FILE *out);

/** Write one section, its name included; `at` is one of `g`. */
void conf_print_named(
    const struct conf_group *g, const struct conf_name *at, FILE *out);

/** Whether all of them have what they cannot do without. Errors: -EINVAL. */
int conf_check_groups(
    const struct conf *c, struct conf_error *reterr) SPW_MUST_CHECK;

/** As conf_error_at(), for a key of such a section. Returns: whether it is
    one. */
bool conf_group_error_at(
    const struct conf *c, const void *field, struct conf_error *reterr);

/** Free them all. */
void conf_fini_groups(struct conf *c);

#endif
