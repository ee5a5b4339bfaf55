/* SPDX-License-Identifier: MIT */
/*
 * Listening sockets, and the thread that accepts from them and deals the
 * connections out to the loops, each to the one that has the fewest.
 *
 * One acceptor instead of a shared listening socket: the kernel wakes the
 * same loop again and again, and all connections of a burst end up on it.
 */
#ifndef HTTP_ACCEPTOR_H
#define HTTP_ACCEPTOR_H

#include <netinet/in.h>
#include <pthread.h>
#include <sys/un.h>

#include "http/loop.h"
#include "http/server.h"

#define HTTP_LISTENERS_MAX 32
#define HTTP_LOOPS_MAX 64

struct http_listener {
	int fd;
	bool unix_path; /* `addr.sun_path` is removed at the end */
	bool lasting; /* somebody else has it, too, and hands it on */
	bool given;   /* who does so had it first */
	bool tls;
	union {
		struct sockaddr sa;
		struct sockaddr_storage storage;
		struct sockaddr_un un;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} addr;
};

struct http_server {
	const struct conf *conf;
	struct http_handler handler;
	struct http_listener listeners[HTTP_LISTENERS_MAX];
	unsigned listener_count;
	struct http_cert *_Atomic cert; /* see tls.h; NULL: none */
	int stop_fd;  /* an eventfd */
	int spare_fd; /* given up to accept and refuse at EMFILE */
	pthread_t thread;
	bool running;
	_Atomic bool draining, handing_over;
	_Atomic uint64_t drained_ms; /* since when */
	unsigned loop_count;
	struct http_loop loops[];
};

/* listeners.c */
/**
 * Bind and listen, or take a socket that was handed over and is bound to the
 * address already. Those that nobody wants are closed.
 *
 * Errors:    negative errno, with the address in `reterr`; -EPROTOTYPE when
 *            what was handed over is no listening socket of streams.
 */
int http_acceptor_open(struct http_server *s, const struct notify_fds *fds,
    struct conf_error *reterr);
/** Have the sockets handed over to the next start (server.hand_over). */
void http_acceptor_keep(struct http_server *s);
/** Returns: whether connections that nobody accepts here will be elsewhere. */
bool http_acceptor_lasts(const struct http_server *s);
void http_acceptor_close(struct http_server *s);

/* acceptor.c */
int http_acceptor_start(struct http_server *s);
void http_acceptor_stop(struct http_server *s);

#endif
