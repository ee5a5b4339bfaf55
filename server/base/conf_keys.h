/* SPDX-License-Identifier: MIT */
/*
 * The one table of keys; conf.h tells how to read it, and what is made of it.
 */
#ifndef BASE_CONF_KEYS_H
#define BASE_CONF_KEYS_H

#include <stdint.h>

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
	X(server, BOOL, timing, "no", 0, 0,                                    \
	  "whether answers say by Server-Timing what they took")               \
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
	X(fetch, COUNT, max_lazy_per_client, "1000", 0, 10000000,              \
	  "such files of one client at a time; 0 is no limit")                 \
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
	X(log, FORMAT, format, "auto", 0, 0,                                   \
	  "text, json, journal, or auto: journal if standard error leads "     \
	  "there")                                                             \
	X(log, STRING, journal, "/run/systemd/journal/socket", 0, 107,         \
	  "socket of the journal; empty: as lines on standard error")          \
	X(log, BOOL, access, "no", 0, 0,                                       \
	  "one line per request as well")                                      \
	X(log, COUNT, max_incidents, "20", 0, CONF_BILLION,                    \
	  "lines a second about refusals and faults of one kind; 0: no limit")

#define CONF_PROCESSOR(X)                                                      \
	X(processor, COMMAND, command, "", 1, 3800,                            \
	  "program and arguments, for no shell; {} is a path of the content")  \
	X(processor, STRING, type, "application/octet-stream", 3, 255,         \
	  "media type of what it writes")                                      \
	X(processor, DURATION, timeout, "60s", 1, CONF_DAY,                    \
	  "it is killed after this")                                           \
	X(processor, DURATION, cpu, "60s", CONF_SEC, CONF_DAY,                 \
	  "processor time of all its processes together")                      \
	X(processor, SIZE, memory, "1G", CONF_MIB, UINT64_MAX,                 \
	  "memory of all its processes together")                              \
	X(processor, SIZE, max_output, "1G", 1, UINT64_MAX,                    \
	  "what it may write")                                                 \
	X(processor, SIZE, temp_max, "1G", 0, UINT64_MAX,                      \
	  "what its temporary directory may hold")                             \
	X(processor, COUNT, temp_files_max, "10000", 0, CONF_BILLION,          \
	  "files and directories there")                                       \
	X(processor, COUNT, processes, "64", 1, 100000,                        \
	  "processes and threads it may have")                                 \
	X(processor, BOOL, network, "no", 0, 0,                                \
	  "whether it may open sockets")                                       \
	X(processor, WORDS, read, "", 0, 3800,                                 \
	  "files and directories it may read, the system's apart")             \
	X(processor, COUNT, concurrency, "2", 1, 64,                           \
	  "how many of it run at a time; more wait")                           \
	X(processor, COUNT, max_waiting, "64", 0, 1000000,                     \
	  "how many wait; more are answered 503")

#define CONF_HOOK(X)                                                           \
	X(hook, STRING, url, "", 1, 3800,                                      \
	  "where a POST goes when a file changes")                             \
	X(hook, EVENTS, events, "ready, failed, deleted", 1, 3,                \
	  "what of: ready, failed, deleted")                                   \
	X(hook, STRING, secret, "", 0, 3800,                                   \
	  "file with the secret that signs; empty: nothing is signed")         \
	X(hook, NETWORKS, allow_networks, "", 0, 1024,                         \
	  "networks it may lead to although they are not public")              \
	X(hook, DURATION, timeout, "10s", 100, CONF_DAY,                       \
	  "one try must be over within this")                                  \
	X(hook, COUNT, max_retries, "10", 0, 1000,                             \
	  "times a call is tried again")                                       \
	X(hook, DURATION, retry_delay, "1s", 1, CONF_DAY,                      \
	  "pause before the first of them; it doubles, and varies")            \
	X(hook, COUNT, max_queue, "10000", 1, 10000000,                        \
	  "calls that wait; more are dropped")                                 \
	X(hook, COUNT, concurrency, "4", 1, 64,                                \
	  "calls at a time")

/* Sections of which there are several, each with a name. */
#define CONF_GROUPS(S)                                                         \
	S(processor, CONF_PROCESSOR)                                           \
	S(hook, CONF_HOOK)

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
/* clang-format on */

#endif
