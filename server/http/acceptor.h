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
	int stop_fd;  /* an eventfd */
	int spare_fd; /* given up to accept and refuse at EMFILE */
	pthread_t thread;
	bool running;
	_Atomic bool draining;
	unsigned loop_count;
	struct http_loop loops[];
};

/** Bind and listen. Errors: negative errno, with the address in `reterr`. */
int http_acceptor_open(struct http_server *s, int systemd_first_fd,
    int systemd_fds, struct conf_error *reterr);
int http_acceptor_start(struct http_server *s);
void http_acceptor_stop(struct http_server *s);
void http_acceptor_close(struct http_server *s);

#endif
