/* SPDX-License-Identifier: MIT */
/*
 * Spillway's server as a library: the same that spillwayd runs.
 *
 *   spw_server_new(NULL, settings, &s, error)   "server.listen=...", ...
 *   spw_server_start(s)
 *   ... spw_server_port(s) ...
 *   spw_server_drain(s, 30000)                  finish what runs
 *   spw_server_free(s)
 *
 * It starts threads of its own and installs no signal handlers. SIGPIPE must
 * be ignored by the program (signal(SIGPIPE, SIG_IGN)), and SIGXFSZ if there
 * is a limit on the size of files.
 *
 * State: several servers may live in one process; the log, which goes to
 * standard error as the last of them was told (`log.level`, `log.format`), and
 * metrics are the process's. What [sandbox] says of the process is not done:
 * the program confines itself, or does not.
 *
 * Threads: the calls for one server come from one thread at a time.
 */
#ifndef SPILLWAY_SERVER_H
#define SPILLWAY_SERVER_H

#include <stdbool.h>

#include <spillway/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spw_server;
struct spw_processor_in;
struct spw_processor_out;

#define SPW_SERVER_ERROR_SIZE 800

/**
 * Read the configuration, open the spool directory, bind the addresses.
 *
 * `file` is a configuration file, NULL for the defaults alone. `settings` is
 * a NULL-terminated array of "section.key=value" over it, or NULL.
 *
 * Returns:   0 and the server in `*ret`.
 * Errors:    -EINVAL for the configuration; from the system when the
 *            directory or an address is of no use; -ENOMEM. `error` (may be
 *            NULL) says what is wrong and what is allowed.
 */
SPW_API int spw_server_new(const char *file, const char *const *settings,
    struct spw_server **ret, char error[SPW_SERVER_ERROR_SIZE]) SPW_MUST_CHECK;

/**
 * Start to answer.
 *
 * Returns:   0.
 * Errors:    -EAGAIN when threads cannot be started; -ENOMEM.
 */
SPW_API int spw_server_start(struct spw_server *s) SPW_MUST_CHECK;

/*
 * A processor: a function that makes a new content of an uploaded one, or of a
 * file, for POST /process/{name} and POST /files/{id}/process/{name}. It is to
 * a client what a [processor NAME] of the configuration is, but nothing keeps
 * it in bounds but it itself.
 */
struct spw_processor {
	size_t size;		/* sizeof(struct spw_processor) */
	const char *name;	/* 1 to 32 letters, digits, - and _ */
	const char *type;	/* media type of what is written; NULL:
				   application/octet-stream */
	/*
	 * Read `in` and write `out`, on a thread of the processor's, until
	 * all is done. Both go when it returns.
	 *
	 * Returns: 0 when the output is complete; a negative errno otherwise:
	 *          the client is answered 502, or cut if it was sent some of
	 *          the output already. What a call below returned will do.
	 */
	int (*fn)(void *ctx, struct spw_processor_in *in,
	    struct spw_processor_out *out);
	void *ctx;
	unsigned concurrency;	/* how many run at a time, up to 64; 0: 1 */
	unsigned max_waiting;	/* how many wait, more get 503; 0: 64 */
	uint64_t timeout_ms;	/* after it the calls below fail; 0: never. A
				   thread cannot be ended from outside: until
				   `fn` calls one of them or returns, the
				   client waits, and so does a server that is
				   to be freed */
	uint64_t max_output;	/* bytes; 0: no limit of its own */
};

/**
 * Add a processor, between spw_server_new() and spw_server_start().
 *
 * Returns:   0.
 * Errors:    -EINVAL, also after spw_server_start(); -EEXIST there is one of
 *            that name; -EAGAIN when threads cannot be started; -ENOMEM.
 * Ownership: copies `p` and its texts; `fn` and `ctx` must outlive the server.
 */
SPW_API int spw_server_add_processor(struct spw_server *s,
    const struct spw_processor *p) SPW_MUST_CHECK;

/** Returns: the size of the content. */
SPW_API uint64_t spw_processor_size(const struct spw_processor_in *in);

/** Returns: its name and its media type, as a client gave them; "" without.
    They are data: no path, and nothing to rely on. */
SPW_API const char *spw_processor_name(const struct spw_processor_in *in);
SPW_API const char *spw_processor_type(const struct spw_processor_in *in);

/**
 * Read on.
 *
 * Returns:   how many bytes were read; 0 at the end.
 * Errors:    -ECANCELED nobody waits for the output any more, or the server
 *            stops; -ETIMEDOUT; -EIO and others from the disk.
 * Threads:   one at a time for one run, as for all that follows.
 */
SPW_API ssize_t spw_processor_read(struct spw_processor_in *in, void *buf,
    size_t len) SPW_MUST_CHECK;

/**
 * Read at a place; the one that spw_processor_read() goes on at stays.
 *
 * Returns:   as spw_processor_read().
 * Errors:    the same.
 */
SPW_API ssize_t spw_processor_pread(struct spw_processor_in *in, void *buf,
    size_t len, uint64_t off) SPW_MUST_CHECK;

/**
 * Write on. Readers of the output get it at once.
 *
 * Returns:   0 when all of it was taken.
 * Errors:    as spw_processor_read(); -EFBIG past `max_output`; -ENOSPC the
 *            disk is full. The run cannot go on then.
 */
SPW_API int spw_processor_write(struct spw_processor_out *out,
    const void *data, size_t len) SPW_MUST_CHECK;

/**
 * Say why the content cannot be processed, for people, in one sentence.
 *
 * Returns:   -EINVAL, for the function to return.
 */
SPW_API int spw_processor_refuse(
    struct spw_processor_out *out, const char *why);

/** Returns: the port of the first TCP address, 0 without one. */
SPW_API uint16_t spw_server_port(const struct spw_server *s);

/** Room for spw_server_url(). */
#define SPW_SERVER_URL_SIZE 160
/**
 * Write the `i`th address that is listened on ("http://127.0.0.1:8080").
 *
 * Returns:   false when there is no such address.
 */
SPW_API bool spw_server_url(const struct spw_server *s, unsigned i,
    char out[SPW_SERVER_URL_SIZE]);

/**
 * Take no more work and wait until what runs is finished.
 *
 * Units:     `timeout_ms` in milliseconds.
 * Returns:   true when everything finished in time.
 * Threads:   blocks until then.
 */
SPW_API bool spw_server_drain(struct spw_server *s, uint64_t timeout_ms);

/** Returns: whether the server is in working order (for a watchdog). */
SPW_API bool spw_server_healthy(struct spw_server *s);

/**
 * Stop it, cutting what still runs, and free it; NULL is allowed.
 *
 * Threads:   blocks while a processor's function has not returned.
 */
SPW_API void spw_server_free(struct spw_server *s);

#ifdef __cplusplus
}
#endif

#endif
