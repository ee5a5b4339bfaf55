/* SPDX-License-Identifier: MIT */
/*
 * The daemon's configuration: one table of keys, from which the struct, the
 * defaults, the reader, the checks, --print-config and its comments are made.
 *
 *   conf_init(&c)                 the defaults
 *   conf_load(&c, path, &err)     a file over them
 *   conf_set(&c, "a.b=c", &err)   each -o of the command line over that
 *   conf_check(&c, &err)          what several keys must agree on
 *   ... c.server.idle_timeout ...
 *   conf_fini(&c)
 *
 * A file is INI text: `[section]`, `key = value`, comments from `#` or `;` at
 * the start of a line or from ` ;` behind a value. A list may go on in
 * further lines that are indented. Unknown sections and keys are errors, and
 * so is a key given twice.
 *
 * Of [processor NAME] and [hook NAME] there may be any number, each with the
 * keys of its table; on the command line they are "processor NAME.key=value".
 *
 * Adding a key is one line in its CONF_... table (conf_keys.h): section, type,
 * name, default, minimum, maximum, what it is. The types and what they become
 * in the struct:
 *
 *   SIZE      uint64_t     bytes; K, M, G, T; `unlimited` is SPW_UNLIMITED
 *   DURATION  uint64_t     milliseconds; ms, s, m, h, d; a bare number is s
 *   COUNT     unsigned
 *   BOOL      bool         yes, no (and true/false, on/off, 1/0)
 *   STRING    char *       never NULL
 *   COMMAND   char *       never NULL; words_next() splits it, and the first
 *                          word is a program that is there
 *   WORDS     char *       never NULL; words_next() splits it
 *   LISTEN    struct conf_listen *     never NULL, like all lists
 *   ORIGINS   struct conf_origins *
 *   NETWORKS  struct conf_networks *
 *   PROXIES   struct conf_proxies *
 *   PORTS     struct conf_ports *
 *   EVENTS    struct conf_events *
 *   DURABILITY, DIGEST, AUTH, LEVEL, FORMAT, CONFINE, FORWARD    enums
 *
 * Threads: built by one thread, read by all. While they read, one thread may
 * call conf_reload() (conf_reload.h) and nothing else: so values are atomics,
 * and whoever needs one twice to be the same reads it once.
 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <spillway/base.h>

#include "base/conf_keys.h"
#include "base/listen.h"
#include "base/log.h"
#include "common/ipaddr.h"
#include "common/text.h"

enum conf_durability {
	CONF_DURABILITY_NONE, /* files are gone with the process */
	CONF_DURABILITY_RESTART,
	CONF_DURABILITY_FSYNC,
};

enum conf_digest {
	CONF_DIGEST_ASKED, /* by a request */
	CONF_DIGEST_ALWAYS,
};

enum conf_auth_mode {
	CONF_AUTH_AUTO, /* without tokens only this machine is served */
	CONF_AUTH_NONE, /* anybody is served */
	CONF_AUTH_TOKEN,
};

enum conf_forward {
	CONF_FORWARD_X,	  /* X-Forwarded-For, -Proto and -Host */
	CONF_FORWARD_RFC, /* Forwarded, RFC 7239 */
};

enum conf_confine {
	CONF_CONFINE_NO,
	CONF_CONFINE_AUTO, /* where the kernel has it */
	CONF_CONFINE_REQUIRE,
};

/* Room for an origin and its NUL. */
#define CONF_ORIGIN_SIZE 128

struct conf_listen {
	size_t count;
	struct listen_addr items[];
};

/* A web page's origin as browsers send it, or `*`. RFC 6454 §6.2 */
struct conf_origin {
	char text[CONF_ORIGIN_SIZE];
};

struct conf_origins {
	size_t count;
	struct conf_origin items[];
};

struct conf_networks {
	size_t count;
	struct cidr items[];
};

/* Where a proxy connects from. */
struct conf_proxy {
	bool unix_socket; /* else `net` */
	struct cidr net;
};

struct conf_proxies {
	size_t count;
	struct conf_proxy items[];
};

struct conf_port_range {
	uint16_t first, last; /* both are in it */
};

struct conf_ports {
	size_t count;
	struct conf_port_range items[];
};

enum conf_event { CONF_EVENT_READY, CONF_EVENT_FAILED, CONF_EVENT_DELETED };

struct conf_events {
	size_t count;
	enum conf_event items[];
};

/* clang-format off */
#define CONF_C_SIZE _Atomic uint64_t
#define CONF_C_DURATION _Atomic uint64_t
#define CONF_C_COUNT _Atomic unsigned
#define CONF_C_BOOL _Atomic bool
#define CONF_C_STRING char *
#define CONF_C_COMMAND char *
#define CONF_C_WORDS char *
#define CONF_C_LISTEN struct conf_listen *_Atomic
#define CONF_C_ORIGINS struct conf_origins *_Atomic
#define CONF_C_NETWORKS struct conf_networks *_Atomic
#define CONF_C_PORTS struct conf_ports *_Atomic
#define CONF_C_PROXIES struct conf_proxies *_Atomic
#define CONF_C_FORWARD _Atomic enum conf_forward
#define CONF_C_EVENTS struct conf_events *_Atomic
#define CONF_C_DURABILITY _Atomic enum conf_durability
#define CONF_C_DIGEST _Atomic enum conf_digest
#define CONF_C_AUTH _Atomic enum conf_auth_mode
#define CONF_C_CONFINE _Atomic enum conf_confine
#define CONF_C_LEVEL _Atomic enum log_level
#define CONF_C_FORMAT _Atomic enum log_format
/* clang-format on */

#define CONF_FIELD(section, type, key, ...) CONF_C_##type key;
#define CONF_STRUCT(section, keys) \
	struct conf_##section { \
		keys(CONF_FIELD) \
	} section;

#define CONF_COUNT_KEY(...) +1
#define CONF_COUNT_SECTION(section, keys) keys(CONF_COUNT_KEY)
/** How many keys there are in sections of which there is one. */
#define CONF_KEY_COUNT (0 CONF_SECTIONS(CONF_COUNT_SECTION))
/** Room for the name of a file, for people. */
#define CONF_FILE_SIZE 256

/** Room for the NAME of [processor NAME]. */
#define CONF_NAME_SIZE 33
/** More than any of these sections has keys. */
#define CONF_GROUP_KEYS_MAX 16

/* What each of those sections has besides its keys. */
struct conf_name {
	char name[CONF_NAME_SIZE];
	char file[CONF_FILE_SIZE]; /* where it begins; empty: in none */
	unsigned line;
	unsigned lines[CONF_GROUP_KEYS_MAX]; /* of its keys; 0: not in a file */
};

/** `c->processors.items[i]->timeout` and so on, in the order of the file. */
#define CONF_GROUP_STRUCT(section, keys) \
	struct conf_##section { \
		struct conf_name at; \
		keys(CONF_FIELD) \
	}; \
	struct conf_##section##s { \
		size_t count; \
		struct conf_##section **items; \
	};
CONF_GROUPS(CONF_GROUP_STRUCT)

#define CONF_GROUP_LIST(section, keys) struct conf_##section##s section##s;
/** `c->server.idle_timeout` and so on: a member per section and key. */
struct conf {
	CONF_SECTIONS(CONF_STRUCT)
	CONF_GROUPS(CONF_GROUP_LIST)
	char file[CONF_FILE_SIZE]; /* that was read last; empty: none was */
	unsigned lines[CONF_KEY_COUNT]; /* in it; 0: what counts is not */
};

/** What is wrong with a configuration, for people. */
struct conf_error {
	char file[CONF_FILE_SIZE]; /* empty: not in a file */
	unsigned line;		   /* 0: no line */
	char msg[512]; /* one sentence: what is wrong, what is allowed */
};

/**
 * Fill in the defaults.
 *
 * Errors:    -ENOMEM; nothing is to be freed then.
 */
int conf_init(struct conf *c) SPW_MUST_CHECK;

/** Free what it holds; NULL and all zeros are allowed. */
void conf_fini(struct conf *c);

/**
 * Read a file over what is there.
 *
 * Errors:    -EINVAL for the content; -ENOENT, -EACCES ... when it cannot be
 *            read; -ENOMEM. `reterr` says file, line and why, and the keys
 *            before that line are set.
 */
int conf_load(struct conf *c, const char *path, struct conf_error *reterr)
    SPW_MUST_CHECK;

/**
 * Set one key from `section.key=value`.
 *
 * Errors:    -EINVAL or -ENOMEM; nothing is changed then, but a section of
 *            that name may be there.
 */
int conf_set(struct conf *c, const char *assignment, struct conf_error *reterr)
    SPW_MUST_CHECK;

/**
 * Check what several keys must agree on, once all are set.
 *
 * Sockets of `systemd` are not known yet: the daemon asks listen_is_local()
 * for each of them when `auth.mode` is auto.
 *
 * Errors:    -EINVAL.
 */
int conf_check(const struct conf *c, struct conf_error *reterr) SPW_MUST_CHECK;

/** Write a file, with comments, that loads back to the same values. */
void conf_print(const struct conf *c, FILE *out);

/** Whether what comes from `sa` is from a proxy that is believed. */
bool conf_proxies_match(
    const struct conf_proxies *proxies, const struct sockaddr *sa);
/** Whether a section can be called so: it stands in paths of URLs, and before
    the dot of an -o. */
bool conf_is_name(struct str s);

/** Whether `port` is in one of the ranges. */
bool conf_ports_match(const struct conf_ports *ports, uint16_t port);

/**
 * Put a sentence into `reterr->msg`, for returning it in one statement.
 *
 * Returns:   `err`.
 */
int conf_error_set(struct conf_error *reterr, int err, const char *fmt, ...)
    SPW_PRINTF(3, 4);

/** Say where the value of `field`, which is a member of `c` or of one of its
    named sections, stands, unless `reterr` says already where it is wrong. */
void conf_error_at(
    const struct conf *c, const void *field, struct conf_error *reterr);

/** Room for conf_error_format(). */
#define CONF_ERROR_TEXT_SIZE 800

/** Write `FILE:LINE: MESSAGE`, without the parts that are not known. */
void conf_error_format(
    const struct conf_error *err, char out[CONF_ERROR_TEXT_SIZE]);

#endif
