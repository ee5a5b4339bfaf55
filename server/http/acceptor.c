/* SPDX-License-Identifier: MIT */
#include "http/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/incident.h"
#include "base/thread.h"

/* After running out of descriptors: listen again when some may be free. */
#define OUT_OF_FDS_MS 100
/* Connections taken before others are looked after. */
#define ACCEPT_TURN 64

#define REFUSAL \
	"{\"type\":\"/problems/unavailable\"," \
	"\"title\":\"The server is busy\",\"status\":503," \
	"\"detail\":\"There are too many connections; try again later.\"}\n"

/* With TLS there is no answer that would be understood. */
static void answer_busy(int fd, const char *id)
{
	char answer[512];
	int n = snprintf(answer, sizeof(answer),
	    "HTTP/1.1 503 Service Unavailable\r\n"
	    "Content-Type: application/problem+json\r\n"
	    "Content-Length: %zu\r\nCache-Control: no-store\r\n"
	    "X-Request-Id: %s\r\nRetry-After: " HTTP_RETRY_AFTER "\r\n"
	    "Connection: close\r\n\r\n" REFUSAL,
	    sizeof(REFUSAL) - 1, id);

	(void)!send(fd, answer, (size_t)n, MSG_NOSIGNAL);
}

/*
 * The connection is over the limit: one short answer. What the client sends
 * all the same is read by a loop for a while, or the answer might be lost; `l`
 * NULL: there is no time for that.
 */
static void refuse(struct http_loop *l, int fd, bool tls,
    const struct sockaddr_storage *addr, enum metric why, const char *text)
{
	const struct http_arrival how = {.refused = true};
	struct log_request whom = {0}, *before = log_for(&whom);
	char client[HTTP_CLIENT_SIZE];

	http_address_text(addr, client);
	incident(why, LOG_LEVEL_INFO, "refused: 503: a connection from %s: %s",
	    client, text);
	if (!tls)
		answer_busy(fd, log_request_id(&whom));
	log_for(before);
	if (tls || !l || http_loop_post(l, fd, addr, &how) < 0)
		close(fd);
}

static struct http_loop *least_loaded(struct http_server *s, uint32_t *total)
{
	struct http_loop *best = &s->loops[0];

	*total = 0;
	for (unsigned i = 0; i < s->loop_count; i++) {
		uint32_t n = atomic_load(&s->loops[i].connections);

		*total += n;
		if (n < atomic_load(&best->connections))
			best = &s->loops[i];
	}
	return best;
}

static bool address_full(
    struct http_server *s, const struct sockaddr_storage *addr)
{
	unsigned limit = s->conf->server.max_connections_per_address, n = 0;
	uint64_t key = http_address_key(addr);

	/* A proxy's connections are of all its clients. */
	if (!limit || addr->ss_family == AF_UNIX ||
	    conf_proxies_match(s->conf->server.trusted_proxies,
		(const struct sockaddr *)addr))
		return false;
	for (unsigned i = 0; i < s->loop_count; i++)
		n += http_loop_count(&s->loops[i], key);
	return n >= limit;
}

static void deal(struct http_server *s, int fd, bool tls,
    const struct sockaddr_storage *addr)
{
	const struct http_arrival how = {.tls = tls};
	uint32_t total;
	int one = 1;
	struct http_loop *l = least_loaded(s, &total);

	if (total >= s->conf->server.max_connections) {
		refuse(l, fd, tls, addr, METRIC_CONNECTIONS_REJECTED_LIMIT,
		    "there are server.max_connections");
		return;
	}
	if (address_full(s, addr)) {
		refuse(l, fd, tls, addr, METRIC_CONNECTIONS_REJECTED_ADDRESS,
		    "it has server.max_connections_per_address");
		return;
	}

	if (addr->ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	metrics_add(METRIC_CONNECTIONS_ACCEPTED, 1);
	atomic_fetch_add(&l->connections, 1);
	if (http_loop_post(l, fd, addr, &how) < 0) {
		atomic_fetch_sub(&l->connections, 1);
		refuse(NULL, fd, tls, addr,
		    METRIC_CONNECTIONS_REJECTED_ERROR, "out of memory");
	}
}

/* Out of descriptors: free the spare one to be able to say so. */
static void out_of_fds(
    struct http_server *s, const struct http_listener *from)
{
	struct sockaddr_storage addr = {0};
	socklen_t len = sizeof(addr);

	if (s->spare_fd >= 0)
		close(s->spare_fd);
	int fd = accept4(
	    from->fd, (struct sockaddr *)&addr, &len, SOCK_CLOEXEC);
	if (fd >= 0)
		refuse(NULL, fd, from->tls, &addr,
		    METRIC_CONNECTIONS_REJECTED_FDS, "out of descriptors");
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Returns: false to pause accepting for a moment. */
static bool accept_some(
    struct http_server *s, const struct http_listener *from)
{
	unsigned taken = 0;

	for (int i = 0; i < ACCEPT_TURN; i++) {
		struct sockaddr_storage addr = {0};
		socklen_t len = sizeof(addr);
		int fd = accept4(from->fd, (struct sockaddr *)&addr, &len,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			deal(s, fd, from->tls, &addr);
			taken++;
			continue;
		}
		if (errno == EMFILE || errno == ENFILE) {
			out_of_fds(s, from);
			return false;
		}
		if (errno == ENOBUFS || errno == ENOMEM)
			return false;
		if (errno == EAGAIN)
			return true;
		/* The rest is the fault of one connection: take the next. */
	}
	/* Or of none. */
	return taken > 0;
}

static void *run(void *arg)
{
	struct http_server *s = arg;
	struct pollfd fds[HTTP_LISTENERS_MAX + 1];
	unsigned n = s->listener_count;
	bool ok = true;

	for (unsigned i = 0; i < n; i++)
		fds[i] = (struct pollfd){s->listeners[i].fd, POLLIN, 0};
	fds[n] = (struct pollfd){s->stop_fd, POLLIN, 0};
	for (;;) {
		/* Paused, only the stop is listened for. */
		if (ok)
			poll(fds, n + 1, -1);
		else
			poll(&fds[n], 1, OUT_OF_FDS_MS);
		if (fds[n].revents)
			return NULL;

		ok = true;
		for (unsigned i = 0; i < n && ok; i++)
			ok = accept_some(s, &s->listeners[i]);
	}
}

int http_acceptor_start(struct http_server *s)
{
	int r = thread_start(&s->thread, "acceptor", run, s);

	s->running = r == 0;
	return r;
}

void http_acceptor_stop(struct http_server *s)
{
	uint64_t one = 1;

	if (!s->running)
		return;
	while (write(s->stop_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join(s->thread, NULL);
	s->running = false;
}
