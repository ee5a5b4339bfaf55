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
 * Adding a key is one line in its CONF_... table: section, type, name,
 * default, minimum, maximum, what it is. The types and what they become in the
 * struct:
 *
 *   SIZE      uint64_t     bytes; K, M, G, T; `unlimited` is SPW_UNLIMITED
 *   DURATION  uint64_t     milliseconds; ms, s, m, h, d; a bare number is s
 *   COUNT     unsigned
 *   BOOL      bool         yes, no (and true/false, on/off, 1/0)
 *   STRING    char *       never NULL
 *   LISTEN    struct conf_listen *     never NULL, like all lists
 *   ORIGINS   struct conf_origins *
 *   NETWORKS  struct conf_networks *
 *   PROXIES   struct conf_proxies *
 *   PORTS     struct conf_ports *
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

#include "base/listen.h"
#include "base/log.h"
#include "common/ipaddr.h"

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

#define CONF_KIB UINT64_C(1024)
#define CONF_MIB (1024 * CONF_KIB)
#define CONF_TIB (CONF_MIB * CONF_MIB)
#define CONF_SEC UINT64_C(1000)
#define CONF_DAY (86400 * CONF_SEC)
#define CONF_BILLION UINT64_C(1000000000)

/* clang-format off */
#define CONF_SERVER(X)                                                         \
	X(server, LISTEN, listen, "127.0.0.1:8080", 1, 16,                     \
	  "where to listen: HOST:PORT, https://HOST:PORT, *:PORT, "            \
	  "unix:/PATH, systemd")                                               \
	X(server, STRING, tls_cert, "", 0, 3800,                               \
	  "PEM file of the certificate for https, and who vouches for it")     \
	X(server, STRING, tls_key, "", 0, 3800,                                \
	  "PEM file of its key")                                               \
	X(server, BOOL, hand_over, "no", 0, 0,                                 \
	  "whether the service manager keeps the sockets over a restart")      \
	X(server, BOOL, page, "yes", 0, 0,                                     \
	  "whether browsers get a page at /")                                  \
	X(server, ORIGINS, cors_origins, "", 0, 256,                           \
	  "origins whose pages may use this server from a browser; * is any")  \
	X(server, STRING, unix_mode, "", 0, 4,                                 \
	  "permissions of unix sockets, like 0660; empty: as the umask says")  \
	X(server, STRING, unix_owner, "", 0, 128,                              \
	  "whose unix sockets are: USER, USER:GROUP or :GROUP; empty: ours")   \
	X(server, PROXIES, trusted_proxies, "", 0, 256,                        \
	  "networks, or unix, from where clients are told of and believed")    \
	X(server, FORWARD, proxy_fields, "x-forwarded", 0, 0,                  \
	  "fields they tell it by: x-forwarded or forwarded")                  \
	X(server, COUNT, threads, "0", 0, 64,                                  \
	  "event loops; 0 is one per core, at most 4")                         \
	X(server, COUNT, max_connections, "10000", 1, 1000000,                 \
	  "open client connections; more are refused")                         \
	X(server, COUNT, max_connections_per_address, "0", 0, 1000000,         \
	  "open connections of one client address; 0 is no limit")             \
	X(server, DURATION, idle_timeout, "60s", CONF_SEC, CONF_DAY,           \
	  "a connection on which nothing moves is closed after this")          \
	X(server, DURATION, header_timeout, "20s", CONF_SEC, CONF_DAY,         \
	  "a request's header must be complete within this")                   \
	X(server, DURATION, drain_timeout, "25s", 0, CONF_DAY,                 \
	  "how long running transfers may finish after SIGTERM")               \
	X(server, SIZE, connection_memory, "14K", 8 * CONF_KIB, CONF_MIB,      \
	  "memory of a connection; also bounds a request's header")

#define CONF_SPOOL(X)                                                          \
	X(spool, STRING, dir, "", 0, 3800,                                     \
	  "directory for what does not stay in memory; empty picks one")       \
	X(spool, SIZE, memory_max, "1M", 0, UINT64_MAX,                        \
	  "a file up to this size stays in memory, if the budget allows")      \
	X(spool, SIZE, memory_budget, "256M", 0, UINT64_MAX,                   \
	  "memory of all files together")                                      \
	X(spool, SIZE, disk_quota, "unlimited", 1, UINT64_MAX,                 \
	  "disk space of all files together")                                  \
	X(spool, SIZE, keep_free, "64M", 0, CONF_TIB,                          \
	  "disk space that stays free for others; less on a disk under 1G")    \
	X(spool, BOOL, confidential, "no", 0, 0,                               \
	  "whether content is encrypted on disk, and wiped from memory")       \
	X(spool, COUNT, io_threads, "2", 1, 16,                                \
	  "threads that read and write the disk")

#define CONF_STORE(X)                                                          \
	X(store, DURABILITY, durability, "none", 0, 0,                         \
	  "what a file survives: none, restart or fsync")                      \
	X(store, DURATION, ttl, "24h", 0, 36500 * CONF_DAY,                    \
	  "life of a file that names none of its own; 0 is for ever")          \
	X(store, SIZE, max_file_size, "unlimited", 1, UINT64_MAX,              \
	  "largest file")                                                      \
	X(store, COUNT, max_files, "1000000", 1, CONF_BILLION,                 \
	  "files kept at a time")                                              \
	X(store, DIGEST, digest, "asked", 0, 0,                                \
	  "when a digest of an upload is computed: asked or always")           \
	X(store, COUNT, max_digest_jobs, "256", 1, 1000000,                    \
	  "files at a time whose digests are computed later")                  \
	X(store, COUNT, max_open_files, "1024", 16, CONF_BILLION,              \
	  "files that survive whose content is held open")                     \
	X(store, COUNT, keep_threads, "8", 1, 64,                              \
	  "threads that make files survive; fsync takes more of them")

#define CONF_UPLOAD(X)                                                         \
	X(upload, COUNT, max_active, "10000", 1, 1000000,                      \
	  "uploads at a time; more are answered 503")                          \
	X(upload, SIZE, min_rate, "0", 0, CONF_TIB,                            \
	  "a slower upload is cut, in bytes a second; 0 is off")               \
	X(upload, DURATION, max_time, "0", 0, 36500 * CONF_DAY,                \
	  "the body of one request must be complete within this; 0 is off")    \
	X(upload, COUNT, max_open_per_client, "1000", 0, 1000000,              \
	  "uploads at a time of one client address; 0 is no limit")            \
	X(upload, DURATION, expire, "24h", 0, 36500 * CONF_DAY,                \
	  "an upload that nothing comes for is dropped; 0 is never")           \
	X(upload, COUNT, max_idempotency_keys, "10000", 0, 10000000,           \
	  "uploads remembered by Idempotency-Key; 0 overlooks the field")      \
	X(upload, COUNT, max_parts, "1000", 1, 1000000,                        \
	  "parts of one multipart form")                                       \
	X(upload, SIZE, max_part_header, "8K", 256, 8 * CONF_KIB,              \
	  "header of a part of a multipart form")                              \
	X(upload, SIZE, max_field_size, "1M", 64, UINT64_MAX,                  \
	  "a field of a multipart form that is not a file")

#define CONF_FETCH(X)                                                          \
	X(fetch, BOOL, enabled, "yes", 0, 0,                                   \
	  "whether clients may let the server fetch URLs")                     \
	X(fetch, NETWORKS, allow_networks, "", 0, 1024,                        \
	  "networks that may be fetched from although they are not public")    \
	X(fetch, NETWORKS, deny_networks, "", 0, 1024,                         \
	  "networks that are never fetched from; wins over allow_networks")    \
	X(fetch, PORTS, ports, "80, 443", 1, 256,                              \
	  "ports that may be fetched from: numbers and ranges")                \
	X(fetch, STRING, ca_file, "", 0, 3800,                                 \
	  "PEM file of authorities to trust for https; empty: the system's")   \
	X(fetch, SIZE, max_size, "unlimited", 0, UINT64_MAX,                   \
	  "largest file that is fetched")                                      \
	X(fetch, COUNT, max_active, "64", 1, 10000,                            \
	  "fetches at a time; more wait")                                      \
	X(fetch, COUNT, max_queued_per_client, "250", 0, 1000000,              \
	  "fetches of one client that wait; 0 is no limit")                    \
	X(fetch, COUNT, max_lazy, "10000", 0, 10000000,                        \
	  "files at a time of which only what is read is fetched")             \
	X(fetch, COUNT, max_transfers, "256", 1, 10000,                        \
	  "connections to origins at a time, of all fetches")                  \
	X(fetch, COUNT, connections, "2", 1, 16,                               \
	  "connections that pull one large file")                              \
	X(fetch, COUNT, max_connections, "6", 1, 16,                           \
	  "connections of one fetch, those for places being read included")    \
	X(fetch, SIZE, segment_size, "8M", 64 * CONF_KIB, CONF_TIB,            \
	  "least part of a file that gets a connection of its own")            \
	X(fetch, SIZE, block_size, "64K", 16, 64 * CONF_MIB,                   \
	  "what is fetched for a read is a multiple of this")                  \
	X(fetch, SIZE, probe_size, "68K", 1, 64 * CONF_MIB,                    \
	  "what a lazy fetch begins with: the end of the file")                \
	X(fetch, SIZE, read_ahead, "4M", 64 * CONF_KIB, CONF_TIB,              \
	  "how far a lazy fetch runs ahead of who reads on")                   \
	X(fetch, COUNT, max_redirects, "5", 0, 50,                             \
	  "redirects followed for one fetch")                                  \
	X(fetch, DURATION, connect_timeout, "10s", 100, CONF_DAY,              \
	  "a connection to the origin must stand within this")                 \
	X(fetch, DURATION, response_timeout, "30s", 100, CONF_DAY,             \
	  "the origin's header must be there within this")                     \
	X(fetch, DURATION, stall_timeout, "30s", 100, CONF_DAY,                \
	  "a connection that brings no byte for this long is broken off")      \
	X(fetch, SIZE, min_rate, "100", 0, CONF_TIB,                           \
	  "and one that in this time brings fewer bytes a second; 0 is off")   \
	X(fetch, COUNT, max_retries, "3", 0, 100,                              \
	  "times a fetch that makes no headway is tried again")                \
	X(fetch, DURATION, retry_delay, "250ms", 1, CONF_DAY,                  \
	  "pause before the first of them; it doubles, and varies")            \
	X(fetch, SIZE, cache_size, "1G", 0, UINT64_MAX,                        \
	  "content that GET /fetch?url= keeps; what is unused longest goes")   \
	X(fetch, DURATION, cache_stale, "1h", 0, 36500 * CONF_DAY,             \
	  "how long after its time it is given out when its origin fails")

#define CONF_ZIP(X)                                                            \
	X(zip, COUNT, max_entries, "1000000", 1, CONF_BILLION,                 \
	  "entries of one archive")                                            \
	X(zip, SIZE, max_entry_size, "unlimited", 0, UINT64_MAX,               \
	  "largest entry, unpacked")                                           \
	X(zip, COUNT, max_ratio, "0", 0, CONF_BILLION,                         \
	  "how many times an entry may grow when unpacked; 0 is no limit")     \
	X(zip, SIZE, max_directory, "256M", CONF_KIB, UINT64_MAX,              \
	  "largest central directory of an archive")                           \
	X(zip, BOOL, deny, "no", 0, 0,                                         \
	  "refuse archives that look dangerous, not only tell what is wrong")  \
	X(zip, COUNT, check_reads, "4096", 0, CONF_BILLION,                    \
	  "reads for comparing an archive's local headers with its directory") \
	X(zip, SIZE, cache_size, "64M", 0, UINT64_MAX,                         \
	  "memory for what is known of archives; counts in memory_budget")     \
	X(zip, COUNT, max_active, "256", 1, 1000000,                           \
	  "entries unpacked, and archives made, at a time; more get 503")      \
	X(zip, SIZE, max_order, "1M", 64, 256 * CONF_MIB,                      \
	  "what POST /files/zip may say of the archive it wants")

#define CONF_AUTHENTICATION(X)                                                 \
	X(auth, AUTH, mode, "auto", 0, 0,                                      \
	  "who is served: auto (tokens, or this machine), none (anybody), "    \
	  "token")                                                             \
	X(auth, STRING, tokens, "", 0, 3800,                                   \
	  "file of tokens: name, hash, scopes and limits of each")             \
	X(auth, STRING, link_key, "", 0, 3800,                                 \
	  "file of keys that links are signed with; empty makes one up")       \
	X(auth, DURATION, link_ttl_max, "7d", CONF_SEC, 36500 * CONF_DAY,      \
	  "longest life of a link that is signed")

#define CONF_SANDBOX(X)                                                        \
	X(sandbox, CONFINE, landlock, "auto", 0, 0,                            \
	  "whether the kernel keeps it to the files it needs")                 \
	X(sandbox, CONFINE, seccomp, "auto", 0, 0,                             \
	  "whether the kernel refuses it what it never does")                  \
	X(sandbox, BOOL, core_dumps, "no", 0, 0,                               \
	  "whether a crash may leave a dump of the memory")

#define CONF_LOG(X)                                                            \
	X(log, LEVEL, level, "info", 0, 0,                                     \
	  "least important messages that are logged")                          \
	X(log, FORMAT, format, "text", 0, 0,                                   \
	  "form of the lines")                                                 \
	X(log, BOOL, access, "no", 0, 0,                                       \
	  "one line per request as well")                                      \
	X(log, COUNT, max_incidents, "20", 0, CONF_BILLION,                    \
	  "lines a second about refusals and faults of one kind; 0: no limit")

#define CONF_SECTIONS(S)                                                       \
	S(server, CONF_SERVER)                                                 \
	S(spool, CONF_SPOOL)                                                   \
	S(store, CONF_STORE)                                                   \
	S(upload, CONF_UPLOAD)                                                 \
	S(fetch, CONF_FETCH)                                                   \
	S(zip, CONF_ZIP)                                                       \
	S(auth, CONF_AUTHENTICATION)                                           \
	S(sandbox, CONF_SANDBOX)                                               \
	S(log, CONF_LOG)

#define CONF_C_SIZE _Atomic uint64_t
#define CONF_C_DURATION _Atomic uint64_t
#define CONF_C_COUNT _Atomic unsigned
#define CONF_C_BOOL _Atomic bool
#define CONF_C_STRING char *
#define CONF_C_LISTEN struct conf_listen *_Atomic
#define CONF_C_ORIGINS struct conf_origins *_Atomic
#define CONF_C_NETWORKS struct conf_networks *_Atomic
#define CONF_C_PORTS struct conf_ports *_Atomic
#define CONF_C_PROXIES struct conf_proxies *_Atomic
#define CONF_C_FORWARD _Atomic enum conf_forward
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
/** `c->server.idle_timeout` and so on: a member per section and key. */
struct conf {
	CONF_SECTIONS(CONF_STRUCT)
};

/** What is wrong with a configuration, for people. */
struct conf_error {
	char file[256]; /* empty: not in a file */
	unsigned line;	/* 0: no line */
	char msg[512];	/* one sentence: what is wrong, what is allowed */
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
 * Errors:    -EINVAL or -ENOMEM; nothing is changed then.
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

/** Whether `port` is in one of the ranges. */
bool conf_ports_match(const struct conf_ports *ports, uint16_t port);

/**
 * Put a sentence into `reterr->msg`, for returning it in one statement.
 *
 * Returns:   `err`.
 */
int conf_error_set(struct conf_error *reterr, int err, const char *fmt, ...)
    SPW_PRINTF(3, 4);

/** Room for conf_error_format(). */
#define CONF_ERROR_TEXT_SIZE 800

/** Write `FILE:LINE: MESSAGE`, without the parts that are not known. */
void conf_error_format(
    const struct conf_error *err, char out[CONF_ERROR_TEXT_SIZE]);

#endif
