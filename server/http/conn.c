/* SPDX-License-Identifier: MIT */
/* Connections: coming, going, being too slow, and lingering. */
#include "http/loop.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/incident.h"

#define LINGER_MAX 64
/* Times a connection's end is pointed out to the library in a row. */
#define NUDGES_MAX 16
#define LINGER_MS 5000
/* A body that seems stuck is looked at again soon. */
#define LOOK_AGAIN_MS 250
#define LINGER_BYTES (8u * 1024 * 1024)
/* An upload may pause for so long before it counts as slow; what came before
   at a higher rate does not make that longer. */
#define SLOW_MS 5000

/* What is always looked out for. */
#define WATCHED (EPOLLRDHUP | EPOLLET)

void http_address_text(
    const struct sockaddr_storage *addr, char out[HTTP_CLIENT_SIZE])
{
	const struct sockaddr_in *v4 = (const void *)addr;
	const struct sockaddr_in6 *v6 = (const void *)addr;
	const char *text = NULL;

	if (addr->ss_family == AF_INET)
		text = inet_ntop(
		    AF_INET, &v4->sin_addr, out, HTTP_CLIENT_SIZE);
	/* The same host on a socket for both. */
	else if (addr->ss_family == AF_INET6 &&
		 IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		text = inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, out,
		    HTTP_CLIENT_SIZE);
	else if (addr->ss_family == AF_INET6)
		text = inet_ntop(
		    AF_INET6, &v6->sin6_addr, out, HTTP_CLIENT_SIZE);
	if (!text)
		memcpy(out, "unix", 5);
}

static void forget(struct http_conn *c)
{
	struct http_loop *l = c->loop;

	pthread_mutex_lock(&l->inbox_lock);
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	pthread_mutex_unlock(&l->inbox_lock);
	atomic_fetch_sub(&l->connections, 1);
	metrics_add(METRIC_CONNECTIONS_OPEN, -1);
	free(c);
}

static struct http_conn *remember(struct http_loop *l, struct http_arrival *a)
{
	struct http_conn *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;

	c->source.kind = SOURCE_CONN;
	c->magic = HTTP_CONN_MAGIC;
	c->fd = a->fd;
	c->addr = a->addr;
	c->tls = a->tls;
	c->loop = l;
	c->linger_fd = -1;
	c->since_ms = clock_ms();
	pthread_mutex_lock(&l->inbox_lock);
	c->next = l->conns;
	c->prev = &l->conns;
	if (c->next)
		c->next->prev = &c->next;
	l->conns = c;
	pthread_mutex_unlock(&l->inbox_lock);
	metrics_add(METRIC_CONNECTIONS_OPEN, 1);
	return c;
}

unsigned http_loop_count(struct http_loop *l, uint64_t address_key)
{
	unsigned n = 0;

	pthread_mutex_lock(&l->inbox_lock);
	for (const struct http_conn *c = l->conns; c; c = c->next)
		n += http_address_key(&c->addr) == address_key;
	for (const struct http_arrival *a = l->arrivals; a; a = a->next)
		n += !a->refused &&
		     http_address_key(&a->addr) == address_key;
	pthread_mutex_unlock(&l->inbox_lock);
	return n;
}

/* Takes `fd`, which was answered. */
static void begin_linger(struct http_loop *l, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP};
	struct http_linger *g =
	    l->linger_count < LINGER_MAX ? calloc(1, sizeof(*g)) : NULL;

	shutdown(fd, SHUT_WR);
	if (!g) {
		close(fd);
		return;
	}

	g->source.kind = SOURCE_LINGER;
	g->fd = fd;
	g->until_ms = clock_ms() + LINGER_MS;
	g->next = l->lingers;
	g->prev = &l->lingers;
	if (g->next)
		g->next->prev = &g->next;
	l->lingers = g;
	l->linger_count++;
	ev.data.ptr = g;
	epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, g->fd, &ev);
}

static void reject(const struct http_arrival *a, const char *why)
{
	char client[HTTP_CLIENT_SIZE];

	http_address_text(&a->addr, client);
	incident(METRIC_CONNECTIONS_REJECTED_ERROR, LOG_LEVEL_ERROR,
	    "refused: a connection from %s: %s", client, why);
}

void http_conn_add(struct http_loop *l, struct http_arrival *a)
{
	struct epoll_event ev = {.events = WATCHED};
	struct http_conn *c;

	if (a->refused) {
		begin_linger(l, a->fd);
		return;
	}
	c = remember(l, a);
	if (!c) {
		close(a->fd);
		atomic_fetch_sub(&l->connections, 1);
		reject(a, "out of memory");
		return;
	}

	l->adding = c;
	ev.data.ptr = c;
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, a->fd, &ev) < 0) {
		close(a->fd);
		forget(c);
	} else if (MHD_add_connection(l->mhd[a->tls], a->fd,
		       (struct sockaddr *)&a->addr,
		       sizeof(a->addr)) != MHD_YES) {
		/* The library has closed the descriptor. */
		reject(a, "by the HTTP library");
		if (l->adding)
			forget(c);
	}
	l->adding = NULL;
	l->ran = true;
}

static void end_linger(struct http_loop *l, struct http_linger *g)
{
	*g->prev = g->next;
	if (g->next)
		g->next->prev = g->prev;
	l->linger_count--;
	close(g->fd);
	free(g);
}

void http_conn_linger(struct http_conn *c)
{
	/*
	 * Closing with unread bytes makes the kernel send a reset, which can
	 * destroy the answer before the client has read it.
	 */
	if (c->linger_fd < 0 && c->loop->linger_count < LINGER_MAX)
		c->linger_fd = dup(c->fd);
}

void http_linger_read(struct http_loop *l, struct http_linger *g)
{
	char buf[16 * 1024];

	for (int i = 0; i < 16; i++) {
		ssize_t n = recv(g->fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0 || (g->drained += (uint64_t)n) > LINGER_BYTES) {
			end_linger(l, g);
			return;
		}
	}
}

void http_linger_expire(struct http_loop *l, uint64_t now_ms, bool all)
{
	struct http_linger *g = l->lingers, *next;

	for (; g; g = next) {
		next = g->next;
		if (all || now_ms >= g->until_ms)
			end_linger(l, g);
	}
}

void http_conn_notify(void *cls, struct MHD_Connection *mhd, void **socket_ctx,
    enum MHD_ConnectionNotificationCode code)
{
	struct http_loop *l = cls;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		assert(l->adding);
		l->adding->mhd = mhd;
		*socket_ctx = l->adding;
		l->adding = NULL;
		return;
	}

	struct http_conn *c = *socket_ctx;
	assert(c && c->magic == HTTP_CONN_MAGIC);
	/* The library forgets to say that it gave up on a header, and newer
	   ones that a chunk's line was too long. */
	if (c->req)
		http_request_forget(c->req);
	else
		http_refusal_closed(c);
	if (c->linger_fd >= 0) {
		/* The dup keeps the socket open, and so in the set. */
		epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
		begin_linger(l, c->linger_fd);
	}
	forget(c);
}

void http_conn_watch_writable(struct http_conn *c, bool watch)
{
	struct epoll_event ev = {
	    .events = watch ? WATCHED | EPOLLOUT : WATCHED, .data.ptr = c};

	epoll_ctl(c->loop->epoll_fd, EPOLL_CTL_MOD, c->fd, &ev);
}

/* The peer closed its sending side. */
static void hang_up(struct http_conn *c)
{
	struct http_request *req = c->req;

	/* It is on its way out. */
	if (req && req->cut)
		return;
	if (!req || !req->suspended) {
		/*
		 * The library can miss an end that came together with data;
		 * this makes it look again. Bytes in the socket stay. Each
		 * time is an event of its own that leads back here, so there
		 * is an end to it; the scan goes on once a second.
		 */
		c->hung_up = true;
		if (c->nudges++ < NUDGES_MAX)
			shutdown(c->fd, SHUT_RD);
		return;
	}
	req->peer_gone = true;
	/* An upload that waits for the disk has all it needs, and an answer
	   that is being made may be read; who waits for bytes or for news of
	   others most likely has nobody to tell them to. */
	if (req->phase == PHASE_REPLIED
		? req->soon
		: !req->waiter || req->waiter->soon) {
		c->hung_up = req->soon || req->waiter;
		return;
	}
	c->hung_up = true;
	req->cut = true;
	http_request_resume(req);
	shutdown(c->fd, SHUT_RDWR);
}

void http_conn_event(struct http_conn *c, uint32_t events)
{
	if (events & EPOLLOUT && c->req)
		http_ahead_writable(c->req);
	if (events & ~(uint32_t)EPOLLOUT)
		hang_up(c);
}

/* A request's header must arrive in time, byte by byte or not. */
static bool header_late(const struct http_conn *c, uint64_t now_ms)
{
	const struct conf *conf = c->loop->conf;
	uint64_t limit = conf->server.header_timeout;

	/* While it is idle the library's own timeout counts as well. */
	if (c->served)
		limit += conf->server.idle_timeout;
	return now_ms - c->since_ms > limit;
}

static bool upload_slow(
    struct http_request *req, uint64_t came, uint64_t elapsed_ms)
{
	int64_t rate = (int64_t)req->loop->conf->upload.min_rate;
	int64_t most = rate * (SLOW_MS / 1000);

	/* It begins, or what is wanted of it has changed. */
	if (rate != req->rate_wanted) {
		req->rate_wanted = rate;
		req->rate_credit = most;
	}
	req->rate_credit += (int64_t)came - rate * (int64_t)elapsed_ms / 1000;
	if (req->rate_credit > most)
		req->rate_credit = most;
	return req->rate_credit < 0;
}

static bool upload_late(const struct http_request *req, uint64_t now_ms)
{
	uint64_t limit = req->loop->conf->upload.max_time;

	return limit && now_ms > req->timing.began / 1000 + limit;
}

/*
 * Bytes wait in the socket and none is taken: a chunk's line is longer than
 * the library's buffer, and it neither goes on nor says so.
 */
static bool upload_stuck(struct http_request *req, uint64_t came)
{
	int waiting = 0;

	if (came || ioctl(req->conn->fd, FIONREAD, &waiting) < 0 || !waiting)
		req->stuck_scans = 0;
	else
		req->stuck_scans++;
	return req->stuck_scans > 1;
}

/* Answer beside the library, and that was it. */
static void cut_with(
    struct http_request *req, enum http_problem_kind kind, const char *why)
{
	req->problem = http_problem(kind, "%s", why);
	http_conn_linger(req->conn);
	log_for(&req->log);
	http_problem_send_raw(req);
	log_for(NULL);
	req->raw_sent = true;
	req->cut = true;
	shutdown(req->conn->fd, SHUT_RD);
}

/* A body that comes in: is it going on? */
static void scan_body(struct http_request *req, uint64_t now_ms)
{
	uint64_t now = req->received + req->discarded;
	uint64_t came = now - req->rate_bytes;
	uint64_t elapsed_ms = now_ms - req->rate_ms;

	if (!req->rate_ms)
		came = elapsed_ms = 0;
	req->rate_ms = now_ms;
	req->rate_bytes = now;
	if (req->suspended || req->raw_sent) {
		/* What waits, waits for us. */
		req->stuck_scans = 0;
		return;
	}
	if (upload_late(req, now_ms)) {
		metrics_add(METRIC_UPLOADS_FAILED_TIMED_OUT, 1);
		cut_with(req, PROBLEM_TOO_SLOW,
		    "The content took longer than this server allows "
		    "(upload.max_time); a resumable upload goes on with "
		    "another request.");
	} else if (upload_slow(req, came, elapsed_ms)) {
		metrics_add(METRIC_UPLOADS_FAILED_TOO_SLOW, 1);
		cut_with(req, PROBLEM_TOO_SLOW,
		    "The content comes more slowly than this server allows "
		    "(upload.min_rate); a resumable upload goes on with "
		    "another request.");
	} else if (upload_stuck(req, came)) {
		cut_with(req, PROBLEM_BAD_FRAMING,
		    "A line of the chunked body is too long; a chunk begins "
		    "with its size and little else.");
	} else if (req->stuck_scans) {
		req->loop->scan_ms = now_ms + LOOK_AGAIN_MS;
	}
}

void http_conn_scan(struct http_loop *l, uint64_t now_ms)
{
	for (struct http_conn *c = l->conns; c; c = c->next) {
		struct http_request *req = c->req;

		if (req && req->deadline_ms && now_ms >= req->deadline_ms) {
			req->deadline_ms = 0;
			http_request_resume(req);
		}
		if (c->hung_up && !req)
			shutdown(c->fd, SHUT_RDWR);
		if (req && req->phase == PHASE_BODY) {
			scan_body(req, now_ms);
		} else if ((!req || req->phase == PHASE_HEADER) &&
			   header_late(c, now_ms)) {
			incident(METRIC_CONNECTIONS_TIMED_OUT, LOG_LEVEL_INFO,
			    "cut: a connection from %s on which no header "
			    "came in time",
			    http_conn_client(c));
			c->timed_out = true;
			shutdown(c->fd, SHUT_RDWR);
		}
	}
}

void http_conn_wake_all(struct http_loop *l)
{
	for (struct http_conn *c = l->conns; c; c = c->next) {
		if (c->req)
			http_request_resume(c->req);
	}
}

void http_conn_cut_all(struct http_loop *l)
{
	for (struct http_conn *c = l->conns; c; c = c->next) {
		if (c->req) {
			c->req->cut = true;
			http_request_resume(c->req);
		}
		shutdown(c->fd, SHUT_RDWR);
	}
	l->ran = true;
}
