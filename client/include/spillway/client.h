/* SPDX-License-Identifier: MIT */
/*
 * The Spillway client: put files on a spillwayd, read them back, list them.
 *
 * More is in headers of its own: uploads that go on after a break in
 * client_upload.h, many transfers on one thread in client_multi.h, fetching
 * URLs in client_fetch.h, reading them through the server in client_url.h, zips
 * in client_zip.h, links in client_link.h, processors in client_process.h, the
 * server's numbers in client_metrics.h. All of it is in libspillway-client.
 *
 *   struct spwc_opts opts = { sizeof(opts), .server = "127.0.0.1:8080" };
 *   spwc_new(&opts, &c, &error)
 *   spwc_put_fd(c, NULL, fd, &file, &error)      as often as wanted
 *   spwc_file_fini(&file)
 *   spwc_free(c)
 *
 * Calls block until the server has answered. A client keeps its connection
 * between calls. Nothing here logs, exits, touches signals or reads the
 * environment; no proxy is used that the options do not name.
 *
 * Every call that talks to the server returns 0 or a negative errno:
 *
 *   -ENOENT        404 and 410: no such file or entry
 *   -EACCES        401 and 403
 *   -EEXIST        409 and 412
 *   -EFBIG         413: more than the server takes; and an answer larger than
 *                  this library takes
 *   -ERANGE        416: the range lies outside the content
 *   -EBADMSG       422: the content is not what it should be (not a zip,
 *                  wrong digest ...)
 *   -EBUSY         429 and 503: later; `retry_after_s` says when, if known
 *   -ENOSPC        507
 *   -ETIMEDOUT     504, no connection in time, or nothing moved for too long
 *   -EINVAL        other 4xx, and arguments that cannot be sent
 *   -EREMOTEIO     other 5xx
 *   -EPROTO        the answer is not one that a spillwayd gives
 *   -EXDEV         the file is named by a URL of another server
 *   -ECONNREFUSED  nobody listens there
 *   -EHOSTUNREACH  the server's name is not known, or there is no way there
 *   -ECONNRESET    the connection broke
 *   -ECANCELED     the progress callback asked to stop
 *   -ENOMEM        there is no memory left
 *
 * and whatever a callback returned, if that was negative.
 * `reterr_error` may be NULL; it is filled when and only when a call fails,
 * and is always complete: `detail` is never empty then.
 *
 * Structs of options begin with `size` and grow as <spillway/base.h> has it;
 * NULL where options are wanted means all defaults, but for spwc_new(). What
 * the library fills has room reserved that later versions may use; what it
 * shows to callbacks may have more members at the end in later versions.
 *
 * Text that comes from the server (names, types, error details) is untrusted:
 * it is UTF-8, but may hold control characters.
 *
 * A "ref" names a file: its bare id ("k3v0"), its path ("/files/k3v0") or its
 * URL beneath this client's server. A query on the path or URL (the signature
 * of a link) is sent along.
 *
 * Threads: one thread at a time for one client; clients are independent.
 *
 * libcurl writes to sockets with SIGPIPE suppressed, but for TLS: a program
 * that uses an https server ignores SIGPIPE.
 */
#ifndef SPILLWAY_CLIENT_H
#define SPILLWAY_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <spillway/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A size that is not known, or a time that is not set. */
#define SPWC_UNKNOWN UINT64_MAX
/** As the time that a file is kept: it never expires. */
#define SPWC_FOREVER UINT64_MAX
/** Longest id, without the final NUL. */
#define SPWC_ID_MAX 200

struct spwc_client;

/**
 * Why a call failed.
 *
 * For an answer of the server, `status` is its HTTP status, `type` the NAME
 * of its problem type "/problems/NAME", and `title` and `detail` are the
 * problem's. For a failure on this side or on the way, `status` is 0 and
 * `type` is one of: invalid_argument, out_of_memory, cancelled, callback,
 * other_server, dns_error, connection_refused, connection_timeout,
 * connection_failed, connection_terminated, http_response_incomplete,
 * http_protocol_error, tls_error, transfer_failed.
 */
struct spwc_error {
	int status;
	char type[64];
	char title[128];
	/** One line for people, without a final full stop. */
	char detail[512];
	/** Seconds, from Retry-After; 0 when the server did not say. */
	unsigned int retry_after_s;
	/** What a processor complained of, in lines; "" when of nothing. */
	char said[1024];
	unsigned int reserved[7];
};

enum spwc_state { SPWC_RECEIVING, SPWC_READY, SPWC_FAILED };

/** A file as the server describes it. Strings are NULL when not given. */
struct spwc_file {
	/** Always set, and only characters that need no escape in a URL. */
	char *id;
	char *name;
	char *type;
	char *etag;
	enum spwc_state state;
	/** SPWC_UNKNOWN while the total is not known. */
	uint64_t size;
	uint64_t received;
	/** Seconds since 1970; SPWC_UNKNOWN when not given. */
	uint64_t created;
	uint64_t expires;
	/** For SPWC_FAILED: why. Else `error.type` is "". */
	struct spwc_error error;
	/** The whole descriptor: one line of JSON, ASCII only. */
	char *json;
	void *reserved[4];
};

/** Which bytes an answer holds. */
struct spwc_content {
	uint64_t offset;
	/** Bytes in this answer; SPWC_UNKNOWN when the server did not say. */
	uint64_t length;
	/** Size of the whole; SPWC_UNKNOWN when not known yet. */
	uint64_t total;
	/** With its quotes, W/ included; "" when the server sent none. */
	char etag[256];
	/** Of the whole; said when asked for, and when the server knows it. */
	uint8_t sha256[32];
	bool has_sha256;
	uint64_t reserved[4];
};

/**
 * Supplies content to send: fills at most `len` bytes. While it blocks,
 * nothing else happens: no progress is told and no refusal is seen.
 *
 * Returns:   the number of bytes, 0 at the end, or a negative errno, which
 *            ends the call with that error.
 */
typedef ssize_t (*spwc_read_fn)(void *arg, void *buf, size_t len);

/** Goes back to an offset of the content. Returns 0 or a negative errno. */
typedef int (*spwc_seek_fn)(void *arg, uint64_t offset);

/**
 * Takes content that arrived, in order, or says no with a negative errno.
 * All of `buf` is taken or the call ends.
 */
typedef int (*spwc_write_fn)(void *arg, const void *buf, size_t len);

/**
 * Told once, before the first byte, which bytes will come; a negative errno
 * ends the call. Not called when the server refuses.
 */
typedef int (*spwc_begin_fn)(void *arg, const struct spwc_content *content);

/**
 * Told how far the transfer is, at least once a second while a call runs,
 * even if nothing moves. `total` is SPWC_UNKNOWN when it is not known. Any
 * result but 0 ends the call with -ECANCELED.
 */
typedef int (*spwc_progress_fn)(void *arg, uint64_t done, uint64_t total);

/**
 * Told of each file of a list. `file` is valid during the callback. A
 * positive result ends the list with success, a negative errno with that.
 */
typedef int (*spwc_file_fn)(void *arg, const struct spwc_file *file);

/** Where content comes from. */
struct spwc_source {
	spwc_read_fn read;
	/** NULL when it cannot: what was sent is then never sent again. */
	spwc_seek_fn seek;
	void *arg;
	/** Bytes, or SPWC_UNKNOWN. What there is beyond is not asked for. */
	uint64_t size;
};

/** Where content goes. `begin` may be NULL. */
struct spwc_sink {
	spwc_begin_fn begin;
	spwc_write_fn write;
	void *arg;
};

/** How to reach the server. All zero but `server` are the defaults. */
struct spwc_opts {
	size_t size;
	/**
	 * "http://host[:port][/path]", the same with https, "host[:port]"
	 * (http is meant), or "unix:/path/of/socket".
	 */
	const char *server;
	/** Sent as a bearer token; NULL for none. */
	const char *token;
	/** URL of a proxy: http, https, socks4[a], socks5[h]; NULL for none. */
	const char *proxy;
	/** PEM file of authorities to trust; NULL for the system's. */
	const char *ca_file;
	/** Milliseconds to connect; 0 means 30 seconds. */
	unsigned int connect_timeout_ms;
	/**
	 * Seconds in which content of known length has to move on; 0 waits
	 * for as long as it takes.
	 */
	unsigned int stall_timeout_s;
	/**
	 * How often a call that may succeed later is tried again, with
	 * pauses that grow, and if that can do no harm: see spwc_transient().
	 */
	unsigned int retries;
	/** Bytes a second, of all its calls together; 0 is no limit. */
	uint64_t max_rate;
};

/**
 * The version of the library, as "MAJOR.MINOR.PATCH".
 *
 * Returns:   a constant string.
 */
SPW_API const char *spwc_version(void);

/**
 * Make a client. Nothing is sent yet.
 *
 * Returns:   0 and the client.
 * Errors:    -EINVAL when an option makes no sense (`reterr_error` says
 *            which); -ENOMEM.
 * Ownership: copies what `opts` points to.
 */
SPW_API int spwc_new(const struct spwc_opts *opts,
    struct spwc_client **ret_client, struct spwc_error *reterr_error)
    SPW_MUST_CHECK;

/**
 * Close the connections of a client and free it. NULL is allowed.
 *
 * Returns:   nothing.
 */
SPW_API void spwc_free(struct spwc_client *c);

static inline void spwc_freep(struct spwc_client **c)
{
	spwc_free(*c);
	*c = NULL;
}

/**
 * Have `fn` told of the progress of every call from now on; NULL for none.
 *
 * Returns:   nothing.
 * Ownership: `arg` stays the caller's and outlives its use.
 * Threads:   `fn` runs on the thread of the call it reports.
 */
SPW_API void spwc_set_progress(
    struct spwc_client *c, spwc_progress_fn fn, void *arg);

/**
 * Limit how fast content goes from now on, as `max_rate` of the options. A
 * call that began without a limit keeps none.
 *
 * Units:     bytes a second, of all its calls together; 0 is no limit.
 * Returns:   nothing.
 */
SPW_API void spwc_set_max_rate(struct spwc_client *c, uint64_t max_rate);

/**
 * Whether what failed may succeed when it is tried again: the connection
 * broke or was not made, the server is overloaded (429, 503), or somebody
 * before it lost the way to it (502, 504 that are not its own).
 *
 * Returns:   true if so.
 */
SPW_API bool spwc_transient(int err, const struct spwc_error *error);

/**
 * How long to wait before trying again: longer each time, never the same, and
 * no less than `retry_after_s`.
 *
 * Units:     `tries` counts those that failed so far, from 1.
 * Returns:   milliseconds; UINT64_MAX when the server wants more patience
 *            than two minutes.
 */
SPW_API uint64_t spwc_pause_ms(
    unsigned int tries, const struct spwc_error *error);

/**
 * The server as a base for URLs, without a final slash: "http://host:8080".
 * For a unix socket, what was given: "unix:/path/of/socket".
 *
 * Returns:   a string.
 * Ownership: the client's, until it is freed.
 */
SPW_API const char *spwc_server(const struct spwc_client *c);

/**
 * The address of a file that others can be given: an absolute URL; for a
 * server on a unix socket, which has none, the path "/files/ID".
 *
 * Returns:   0 and a string for free().
 * Errors:    -EINVAL when `id` is not an id; -ENOMEM.
 */
SPW_API int spwc_url(
    const struct spwc_client *c, const char *id, char **ret_url) SPW_MUST_CHECK;

/** A ref taken apart. */
struct spwc_ref {
	/** As spwc_server() would give it; NULL when the ref names none. */
	char *server;
	char *id;
	/** After the "?"; NULL when there is none. */
	char *query;
};

/**
 * Take "ID", "/files/ID[?query]" or "http[s]://host[/path]/files/ID[?query]"
 * apart.
 *
 * Returns:   0 and the parts.
 * Errors:    -EINVAL when `text` is none of these; -ENOMEM.
 * Ownership: the parts are the caller's, for spwc_ref_fini().
 */
SPW_API int spwc_ref_parse(const char *text, struct spwc_ref *ret_ref)
    SPW_MUST_CHECK;

/**
 * Free the parts of a ref; one that is all zero is allowed.
 *
 * Returns:   nothing.
 */
SPW_API void spwc_ref_fini(struct spwc_ref *ref);

/**
 * Free what a file holds and zero it; one that is all zero is allowed.
 *
 * Returns:   nothing.
 */
SPW_API void spwc_file_fini(struct spwc_file *file);

/**
 * The word of the contract for a state: "receiving", "ready", "failed".
 *
 * Returns:   a constant string.
 */
SPW_API const char *spwc_state_name(enum spwc_state state);

/** What to store. All zero are the defaults. */
struct spwc_put_opts {
	size_t size;
	/** NULL lets the server choose; else what has this id is replaced. */
	const char *id;
	const char *name;
	/** Media type; NULL means application/octet-stream. */
	const char *type;
	/** Seconds until the file expires; 0 is the server's default, and
	 * SPWC_FOREVER never. */
	uint64_t ttl_s;
	/** Complete downloads after which it is deleted; 0 is no limit. */
	uint64_t reads;
};

/**
 * Store content as a file, in one request.
 *
 * A refusal that the server gives before it has taken everything ends the
 * call at once. A call that fails stores nothing; one that is tried again
 * stores it once.
 *
 * Returns:   0 and the file.
 * Errors:    as above; -EIO when the source ends before its size.
 * Ownership: the file is the caller's, for spwc_file_fini().
 */
SPW_API int spwc_put(struct spwc_client *c, const struct spwc_put_opts *opts,
    const struct spwc_source *source, struct spwc_file *ret_file,
    struct spwc_error *reterr_error) SPW_MUST_CHECK;

/**
 * Store what can be read from `fd`, from its present position to its end.
 * For a regular file the size is sent ahead.
 *
 * Returns:   0 and the file.
 * Errors:    as spwc_put(), and what read() gives.
 * Ownership: `fd` stays the caller's and open; its position is moved.
 */
SPW_API int spwc_put_fd(struct spwc_client *c, const struct spwc_put_opts *opts,
    int fd, struct spwc_file *ret_file, struct spwc_error *reterr_error)
    SPW_MUST_CHECK;

/**
 * Describe a file. With `wait_s`, answers when its state changes, after that
 * many seconds at the latest.
 *
 * Returns:   0 and the file.
 * Errors:    as above.
 * Ownership: the file is the caller's, for spwc_file_fini().
 */
SPW_API int spwc_info(struct spwc_client *c, const char *ref,
    unsigned int wait_s, struct spwc_file *ret_file,
    struct spwc_error *reterr_error) SPW_MUST_CHECK;

/**
 * Delete a file.
 *
 * Returns:   0 once it is gone.
 * Errors:    as above.
 */
SPW_API int spwc_delete(struct spwc_client *c, const char *ref,
    struct spwc_error *reterr_error) SPW_MUST_CHECK;

/** Which files to list. All zero lists all. */
struct spwc_list_opts {
	size_t size;
	/** NULL for all; else the word of one state. */
	const char *state;
	/** Go on after this cursor; NULL begins. */
	const char *after;
	/** Files a request; 0 means 1000. Not a limit of the list. */
	unsigned int page;
};

/**
 * Tell `fn` of the files of the server, asking page by page.
 *
 * Returns:   0 at the end, or when `fn` ended it.
 * Errors:    as above, and what `fn` returned. `fn` may have been told of
 *            some files before.
 * Threads:   `fn` runs on the caller's thread and may not use `c`.
 */
SPW_API int spwc_list(struct spwc_client *c, const struct spwc_list_opts *opts,
    spwc_file_fn fn, void *arg, struct spwc_error *reterr_error) SPW_MUST_CHECK;

/** Which bytes to read. All zero (or NULL) reads the whole. */
struct spwc_get_opts {
	size_t size;
	uint64_t offset;
	/** Bytes from `offset`; 0 reads to the end. */
	uint64_t length;
	/** The last so many bytes; excludes the two above. 0 is off. */
	uint64_t suffix;
	/**
	 * A strong ETag: the range is meant only for this version. If the
	 * content is another by now, the whole comes: `begin` is told an
	 * offset of 0. NULL for none.
	 */
	const char *if_range;
};

/**
 * Read a file into `sink`. Of a file that is still received, what is there
 * comes at once and the rest as it arrives.
 *
 * An end that is not the end (a broken connection, a failed source) is an
 * error: 0 means that every byte was taken by `sink`. A server that ignores a
 * range, or answers another one, is -EPROTO before `sink` sees a byte.
 *
 * Returns:   0; `ret_content` (NULL is allowed) says what came.
 * Errors:    as above, and what `sink` returned. On -ERANGE too,
 *            `ret_content` is set, as far as the server said: `total` and
 *            `etag`; `length` is 0.
 */
SPW_API int spwc_get(struct spwc_client *c, const char *ref,
    const struct spwc_get_opts *opts, const struct spwc_sink *sink,
    struct spwc_content *ret_content, struct spwc_error *reterr_error)
    SPW_MUST_CHECK;

/**
 * Ask for the digest of a file's content, and its size and ETag, without the
 * content. The server computes it if it has not yet, which takes a while for
 * a large file.
 *
 * Returns:   0; `ret_content` has it.
 * Errors:    as above; -ENODATA when the server tells none.
 */
SPW_API int spwc_digest(struct spwc_client *c, const char *ref,
    struct spwc_content *ret_content, struct spwc_error *reterr_error)
    SPW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
