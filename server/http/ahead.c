/* SPDX-License-Identifier: MIT */
/*
 * Long files on their way out by sendfile. Where the kernel has not got the
 * bytes at hand it would wait for the disk, and with it the loop and all its
 * connections.
 *
 * The library sends on its own and does not tell how far it is; but the
 * system counts what was written to a socket, and there is so much that can be
 * sent in a turn. So each reply is looked at before it can be through with
 * what is ready, and more is made ready; one that is through all the same
 * sleeps until there is more. One whose client does not read is left alone
 * until its socket can be written to again.
 *
 * Threads: the loop's.
 */
#include <linux/tcp.h>

#include "base/metrics.h"
#include "http/loop.h"

/* The library sends up to 128 KiB of a reply in a run. */
#define TURN_BYTES (HTTP_LIBRARY_RUNS * (uint64_t)128 * 1024)
/* So much is made ready, and so much asked for at a time. */
#define READY_BYTES (6 * TURN_BYTES)
#define STEP_BYTES ((uint64_t)1024 * 1024)
/* After so many looks at which no byte had gone the socket is full. */
#define STILL_LOOKS 2
_Static_assert(2 * TURN_BYTES <= HTTP_AHEAD_BYTES,
    "it begins in the middle of a turn, and is looked at before the next");

bool http_counts_sent(const struct http_request *req)
{
	return req->conn->addr.ss_family != AF_UNIX;
}

/* All bytes that were ever written to a socket. False: it does not say. */
static bool written(int fd, uint64_t *ret)
{
	struct tcp_info info;

	if (!http_tcp_info(fd, &info))
		return false;

	*ret = info.tcpi_bytes_sent - info.tcpi_bytes_retrans +
	       info.tcpi_notsent_bytes;
	return true;
}

static void unlink_sending(struct http_sending *s)
{
	*s->prev = s->next;
	if (s->next)
		s->next->sending.prev = s->prev;
	s->prev = NULL;
}

static void link_sending(struct http_request *req)
{
	struct http_sending *s = &req->sending;
	struct http_request **list = &req->loop->sending;

	s->turns = s->still = 0;
	s->next = *list;
	s->prev = list;
	if (s->next)
		s->next->sending.prev = &s->next;
	*list = req;
}

void http_ahead_writable(struct http_request *req)
{
	if (!req->sending.ops || req->sending.prev)
		return;

	http_conn_watch_writable(req->conn, false);
	link_sending(req);
}

void http_ahead_begin(struct http_request *req, const struct http_reply *r)
{
	struct http_sending *s = &req->sending;

	if (!written(req->conn->fd, &s->base))
		return;

	s->ops = r->ahead;
	s->ctx = r->ahead_ctx;
	s->ready = HTTP_AHEAD_BYTES;
	s->sent = 0;
	link_sending(req);
}

void http_ahead_end(struct http_request *req)
{
	struct http_sending *s = &req->sending;

	if (!s->ops)
		return;

	if (s->prev)
		unlink_sending(s);
	else
		http_conn_watch_writable(req->conn, false);
	s->ops = NULL;
}

/* Returns: the bytes from `s->ready` on that are asked for next; 0: enough. */
static uint64_t next_step(const struct http_request *req)
{
	const struct http_sending *s = &req->sending;
	uint64_t left = req->reply_length - s->ready;

	if (s->ready >= s->sent + READY_BYTES)
		return 0;
	return left < STEP_BYTES ? left : STEP_BYTES;
}

static void look(struct http_request *req)
{
	struct http_sending *s = &req->sending;
	uint64_t before = s->sent, count = s->base, n;

	if (s->turns) {
		s->turns--;
		return;
	}
	(void)written(req->conn->fd, &count);
	s->sent = count - s->base;
	s->still = s->sent && s->sent == before ? s->still + 1 : 0;
	while ((n = next_step(req)) && s->ops->prepare(s->ctx, s->ready, n))
		s->ready += n;
	if (s->ready == req->reply_length) {
		http_ahead_end(req);
	} else if (s->ready < s->sent + TURN_BYTES) {
		/* For our own disk: the answer goes on, whatever the client
		   does meanwhile. */
		req->soon = true;
		s->still = 0;
		metrics_add(METRIC_WAITS, 1);
		http_request_suspend(req);
	} else if (s->still >= STILL_LOOKS) {
		unlink_sending(s);
		http_conn_watch_writable(req->conn, true);
	} else if (!n) {
		s->turns = (unsigned)((s->ready - s->sent) / TURN_BYTES) - 1;
	}
}

void http_ahead_look(struct http_loop *l)
{
	struct http_request *req, *next;

	for (req = l->sending; req; req = next) {
		next = req->sending.next;
		if (!req->suspended && !req->cut)
			look(req);
	}
}
