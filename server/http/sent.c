/* SPDX-License-Identifier: MIT */
/*
 * How much of an answer has left. One that ended well has all of it, and costs
 * no question. For one that was cut the system knows what it has sent on the
 * connection; what the answers before took is subtracted. The library writes
 * their heads, of which only the fields that were given to it are known, so
 * the count may be off by some bytes for each of them. Where the system does
 * not count, on a Unix socket, what a stream was read for counts.
 */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#include "http/loop.h"

/* The first line, Date, the length and the end of a head. */
#define HEAD_BYTES 85

bool http_tcp_info(int fd, struct tcp_info *ret)
{
	socklen_t len = sizeof(*ret);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, ret, &len) == 0 &&
	       len >= offsetof(struct tcp_info, tcpi_bytes_retrans) +
			  sizeof(ret->tcpi_bytes_retrans);
}

void http_sent_head(struct http_request *req, const struct http_reply *r)
{
	req->conn->sent += HEAD_BYTES + r->head;
}

/* Of the body, if all goes well. */
static uint64_t whole(const struct http_request *req)
{
	if (!req->status || req->method == HTTP_HEAD)
		return 0;
	return req->streamed ? req->handed : req->reply_length;
}

void http_sent_note(struct http_request *req)
{
	uint64_t most = whole(req), n;
	struct tcp_info info;

	if (req->sent_noted)
		return;

	req->sent_noted = true;
	req->sent = 0;
	if (!most || !http_tcp_info(req->conn->fd, &info)) {
		req->sent = req->streamed ? most : 0;
		return;
	}
	n = info.tcpi_bytes_sent - info.tcpi_bytes_retrans;
	if (n > req->conn->sent)
		req->sent = n - req->conn->sent;
	if (req->sent > most)
		req->sent = most;
}

void http_sent_end(struct http_request *req, bool complete)
{
	if (complete || req->raw_sent)
		req->sent = whole(req);
	else
		http_sent_note(req);
	req->conn->sent += req->sent;
}
