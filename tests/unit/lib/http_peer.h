/* SPDX-License-Identifier: MIT */
/*
 * The other side for tests of libcurl: a thread that takes connections on
 * the loopback and answers each by a script.
 *
 *   peer_init() -> transfers to http://127.0.0.1:`port`/ -> peer_stop()
 *   -> look at the requests -> peer_fini()
 */
#ifndef TESTS_UNIT_LIB_HTTP_PEER_H
#define TESTS_UNIT_LIB_HTTP_PEER_H

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/lib/threads.h"

#define PEER_EXCHANGES 2
#define PEER_REQUEST_MAX (4u * 1024 * 1024)

/* What it is asked and what it answers, one a connection. */
struct exchange {
	const char *head;	/* NULL: the script is over */
	const void *body;
	size_t body_len;
	char *request;		/* as it came */
	size_t request_len;
};

struct peer {
	struct exchange script[PEER_EXCHANGES];
	unsigned taken;		/* connections */
	int listen_fd;
	unsigned port;
	pthread_t thread;
};

/* The request ends with its body: by length, or with the last chunk. */
static inline bool peer_is_whole(const char *request, size_t len)
{
	const char *end = memmem(request, len, "\r\n\r\n", 4);

	if (!end)
		return false;
	size_t head = (size_t)(end - request) + 4;
	if (memmem(request, head, "chunked", 7))
		return !memcmp(request + len - 5, "0\r\n\r\n", 5);

	const char *given = memmem(request, head, "Content-Length: ", 16);
	return len - head >= (given ? strtoul(given + 16, NULL, 10) : 0);
}

static inline void peer_send(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		/* Whoever gave up reading is no error here. */
		if (n <= 0)
			return;
		p += n;
		len -= (size_t)n;
	}
}

static inline void peer_answer(struct exchange *ex, int fd)
{
	ssize_t n = 1;

	ex->request = calloc(1, PEER_REQUEST_MAX);
	require(ex->request);
	while (n > 0 && !peer_is_whole(ex->request, ex->request_len)) {
		n = read(fd, ex->request + ex->request_len,
		    PEER_REQUEST_MAX - ex->request_len);
		if (n > 0)
			ex->request_len += (size_t)n;
	}
	if (n > 0) {
		peer_send(fd, ex->head, strlen(ex->head));
		peer_send(fd, ex->body, ex->body_len);
	}
	close(fd);
}

static inline void *peer_run(void *arg)
{
	struct peer *p = arg;

	while (p->taken < PEER_EXCHANGES && p->script[p->taken].head) {
		int fd = accept4(p->listen_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			break;
		peer_answer(&p->script[p->taken++], fd);
	}
	return NULL;
}

static inline void peer_init(struct peer *p, const struct exchange *first,
    const struct exchange *second)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);

	*p = (struct peer){ .script[0] = *first };
	if (second)
		p->script[1] = *second;
	p->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	require(p->listen_fd >= 0);
	require(bind(p->listen_fd, (struct sockaddr *)&addr, len) == 0);
	require(listen(p->listen_fd, PEER_EXCHANGES) == 0);
	require(getsockname(p->listen_fd, (struct sockaddr *)&addr, &len) == 0);
	p->port = ntohs(addr.sin_port);
	p->thread = start_thread(peer_run, p);
}

/* No more connections; what came can be looked at. */
static inline void peer_stop(struct peer *p)
{
	shutdown(p->listen_fd, SHUT_RDWR);
	join_thread(p->thread);
	close(p->listen_fd);
}

static inline void peer_fini(struct peer *p)
{
	for (unsigned i = 0; i < PEER_EXCHANGES; i++)
		free(p->script[i].request);
}

/**
 * Find the body of a request, undoing its chunks in place.
 *
 * Returns: its length; in `*ret` where it begins.
 */
static inline size_t peer_body(struct exchange *ex, char **ret)
{
	char *end = memmem(ex->request, ex->request_len, "\r\n\r\n", 4);

	require(end);
	char *p = *ret = end + 4;
	size_t head = (size_t)(p - ex->request), got = 0;
	if (!memmem(ex->request, head, "chunked", 7))
		return ex->request_len - head;

	for (;;) {
		size_t len = strtoul(p, &p, 16);

		if (!len)
			return got;
		memmove(*ret + got, p + 2, len);
		got += len;
		p += 2 + len + 2;
	}
}

#endif
