/* SPDX-License-Identifier: MIT */
/*
 * The HTTP side of the server: one acceptor thread and a few event loops,
 * each with connections of its own.
 *
 *   http_server_new() -> http_server_start() -> ... http_server_drain()
 *   -> http_server_stop() -> http_server_free()
 *
 * Threads: one thread at a time for all calls, except http_server_draining(),
 * http_server_active() and http_server_beat(), which any may call.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/notify.h"
#include "http/http.h"
#include "http/tls.h"

struct http_server;

/**
 * Bind the addresses and set up the loops; nothing is answered yet.
 *
 * `conf` must outlive it. `fds` are sockets handed over; the server takes
 * them.
 *
 * Returns:   0 and the server.
 * Errors:    from socket(), bind() and listen(), with the address in
 *            `reterr`; -EPROTOTYPE for what was handed over and is no
 *            listening socket of streams; -ENOMEM.
 */
int http_server_new(const struct conf *conf, const struct http_handler *handler,
    const struct notify_fds *fds, struct http_server **ret,
    struct conf_error *reterr) SPW_MUST_CHECK;

/** Returns: whether other machines can connect. */
bool http_server_is_public(const struct http_server *s);

/** Show this certificate from now on; takes it. NULL: that of before. */
void http_server_use_cert(struct http_server *s, struct http_cert *cert);

/** Start answering. Errors: -EAGAIN when no thread can be started. */
int http_server_start(struct http_server *s) SPW_MUST_CHECK;

/** Returns: the port of the first TCP listener; 0 without one. */
uint16_t http_server_port(const struct http_server *s);

/**
 * Write the `i`th listener as a URL ("http://127.0.0.1:8080", "unix:/path").
 *
 * Returns:   false when there is no such listener.
 */
#define HTTP_URL_SIZE 160
bool http_server_url(
    const struct http_server *s, unsigned i, char out[HTTP_URL_SIZE]);

/**
 * Finish what runs: every answer closes its connection from now on. If all
 * sockets were handed over, or are kept for the next start, no connection is
 * accepted any more: those that wait are that one's.
 */
void http_server_drain(struct http_server *s);
bool http_server_draining(const struct http_server *s);
/** Returns: whether it does so. Who has a connection already may ask once
    more, and is refused nothing: no others come. */
bool http_server_handing_over(const struct http_server *s);

/**
 * Returns:   requests that are being answered or read now; for two seconds
 *            from when it began to hand over, open connections.
 */
uint64_t http_server_active(const struct http_server *s);

/** Returns: whether every loop has turned lately (for a watchdog). */
bool http_server_beat(struct http_server *s);

/** Cut what still runs, stop the threads. */
void http_server_stop(struct http_server *s);
void http_server_free(struct http_server *s);

/** Returns: the version of the library that reads and writes HTTP. */
const char *http_library_version(void);

#endif
