/* SPDX-License-Identifier: MIT */
/*
 * Spillway's server as a library: the same that spillwayd runs.
 *
 *   spw_server_new(NULL, settings, &s, error)   settings as on the command
 *   spw_server_start(s)                         line: "server.listen=..."
 *   ... spw_server_port(s) ...
 *   spw_server_drain(s, 30000)                  finish what runs
 *   spw_server_free(s)
 *
 * It starts threads of its own and installs no signal handlers. SIGPIPE must
 * be ignored by the program (signal(SIGPIPE, SIG_IGN)), and SIGXFSZ if there
 * is a limit on the size of files.
 *
 * State: several servers may live in one process; log level, log format and
 * metrics are the process's.
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
 */
SPW_API bool spw_server_drain(struct spw_server *s, uint64_t timeout_ms);

/** Returns: whether the server is in working order (for a watchdog). */
SPW_API bool spw_server_healthy(struct spw_server *s);

/** Stop it, cutting what still runs, and free it; NULL is allowed. */
SPW_API void spw_server_free(struct spw_server *s);

#ifdef __cplusplus
}
#endif

#endif
