/* SPDX-License-Identifier: MIT */
/*
 * Inside of conf: the rows of the table of keys, and how a value of each type
 * is read, written and freed. Only conf*.c and their tests include it.
 * Threads: as conf.h.
 */
#ifndef BASE_CONF_VALUE_H
#define BASE_CONF_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <spillway/base.h>

#include "base/conf.h"

enum conf_kind {
	CONF_KIND_SIZE,
	CONF_KIND_DURATION,
	CONF_KIND_COUNT,
	CONF_KIND_BOOL,
	CONF_KIND_STRING,
	CONF_KIND_COMMAND,
	CONF_KIND_WORDS,
	CONF_KIND_LISTEN,
	CONF_KIND_ORIGINS,
	CONF_KIND_NETWORKS,
	CONF_KIND_PORTS,
	CONF_KIND_PROXIES,
	CONF_KIND_EVENTS,
	CONF_KIND_DURABILITY,
	CONF_KIND_DIGEST,
	CONF_KIND_AUTH,
	CONF_KIND_CONFINE,
	CONF_KIND_FORWARD,
	CONF_KIND_LEVEL,
	CONF_KIND_FORMAT,
};

struct conf_key {
	const char *section;
	const char *name;
	enum conf_kind kind;
	size_t offset; /* of the member in struct conf; of those of a group,
			  in the struct of a section */
	const char *preset;
	uint64_t min, max; /* numbers: value; lists: items; strings: bytes */
	const char *doc;
};

/** Whether a value may go on in indented lines. */
bool conf_kind_is_list(enum conf_kind kind);
/** Whether it is a string to whoever holds it. */
bool conf_kind_is_text(enum conf_kind kind);

/**
 * Read `text` into `field`, in place of what is there.
 *
 * Errors:    -EINVAL or -ENOMEM, and `reterr->msg` says why; `field` is then
 *            as it was. `file` and `line` of `reterr` are left alone.
 * Ownership: `field` holds a value or all zeros; see conf_value_fini().
 */
int conf_value_parse(const struct conf_key *key, void *field, const char *text,
    struct conf_error *reterr) SPW_MUST_CHECK;

/** Have a field hold an empty string, in place of nothing. Errors: -ENOMEM. */
int conf_value_empty(void *field) SPW_MUST_CHECK;

/** Write a value as conf_value_parse() reads it. */
void conf_value_print(const struct conf_key *key, const void *field, FILE *out);

/** Whether conf_value_print() would write nothing. */
bool conf_value_is_empty(const struct conf_key *key, const void *field);

/** Write what is allowed, as in "8K to 1M" or "text, json, journal". */
void conf_value_allowed(const struct conf_key *key, char *out, size_t size);

/** Free a value; it is all zeros then. */
void conf_value_fini(const struct conf_key *key, void *field);

#endif
