/* SPDX-License-Identifier: MIT */
/*
 * What the library refuses by itself, and connections on which no request ever
 * came. The library tells of a refusal by a line of its log that does not name
 * the connection: that is seen when the request, or the connection, ends, as
 * a rule in the same turn of the loop or the next. A request that has begun
 * knows its status itself; the others end in the order in which they were
 * refused. What is not seen to end within a second or two is told of without
 * an address.
 */
#include <linux/tcp.h>
#include <stdio.h>
#include <string.h>

#include "base/incident.h"
#include "http/loop.h"

#define WHO_SIZE (HTTP_CLIENT_SIZE + 32)

static void tell(const char *who, int status)
{
	if (status)
		http_refused_whom(
		    who, status, "by the HTTP library", "it could not be read");
	else
		incident(METRIC_TLS_HANDSHAKES_FAILED, LOG_LEVEL_INFO,
		    "cut: %s: its TLS handshake failed", who);
}

/* Take number `i` off the list. */
static int take(struct http_loop *l, unsigned i)
{
	int status = l->refusals[i];

	l->refusals_old -= i < l->refusals_old;
	l->refusal_count--;
	for (; i < l->refusal_count; i++)
		l->refusals[i] = l->refusals[i + 1];
	return status;
}

void http_refusal_seen(struct http_loop *l, int status)
{
	if (l->refusal_count == HTTP_REFUSALS_MAX)
		tell("a connection", take(l, 0));
	l->refusals[l->refusal_count++] = status;
}

void http_refusals_flush(struct http_loop *l)
{
	while (l->refusals_old)
		tell("a connection", take(l, 0));
	l->refusals_old = l->refusal_count;
}

static void name_connection(struct http_conn *c, char out[WHO_SIZE])
{
	snprintf(out, WHO_SIZE, "a connection from %s", http_conn_client(c));
}

bool http_refusal_of(struct http_request *req)
{
	struct http_loop *l = req->loop;
	char who[HTTP_ASKED_SIZE];

	if (req->phase == PHASE_REPLIED || req->raw_sent)
		return false;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    req->conn->mhd, MHD_CONNECTION_INFO_HTTP_STATUS);
	if (!info)
		return false;

	req->status = (int)info->http_status;
	for (unsigned i = l->refusal_count; i-- > 0;) {
		if (l->refusals[i] == req->status) {
			(void)take(l, i);
			break;
		}
	}
	if (req->phase == PHASE_HEADER)
		name_connection(req->conn, who);
	else
		http_asked(req, who);
	tell(who, req->status);
	return true;
}

/* Is it one that was refused before it became a request? */
static bool was_refused(const struct http_conn *c, const struct tcp_info *info)
{
	const struct http_loop *l = c->loop;

	if (!l->refusal_count)
		return false;
	/* One that has just been answered is not, nor one that left. */
	return c->served ? c->over_turn != l->turns && !c->hung_up
			 : info->tcpi_bytes_sent > 0 || c->tls;
}

/* Nothing came, or what became of it was told. */
static bool was_silent(const struct http_conn *c, const struct tcp_info *info)
{
	/* That nothing more comes counts as a byte. */
	return c->served || c->tls || c->timed_out ||
	       info->tcpi_bytes_received <= 1 ||
	       atomic_load_explicit(&c->loop->stop, memory_order_relaxed);
}

void http_refusal_closed(struct http_conn *c)
{
	struct tcp_info info = {0};
	char who[WHO_SIZE];

	if (!c->served && !http_tcp_info(c->fd, &info))
		memset(&info, 0, sizeof(info));
	bool refused = was_refused(c, &info);
	if (!refused && was_silent(c, &info))
		return;

	struct log_request whom = {0}, *before = log_for(&whom);
	name_connection(c, who);
	if (refused)
		tell(who, take(c->loop, 0));
	else
		incident(METRIC_CONNECTIONS_NO_REQUEST, LOG_LEVEL_INFO,
		    "cut: %s: %llu bytes came, and no request", who,
		    (unsigned long long)info.tcpi_bytes_received);
	log_for(before);
}
