/* SPDX-License-Identifier: MIT */
#include "inproc/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inproc/host.h"

static struct sockaddr_in loopback(const char *address, uint16_t port)
{
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_port = htons(port)};

	require(inet_pton(AF_INET, address, &in.sin_addr) == 1);
	return in;
}

static bool open_from(struct peer *p, uint16_t port, const char *address)
{
	struct sockaddr_in to = loopback("127.0.0.1", port);
	struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	int one = 1;

	p->at = p->end = 0;
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	require(p->fd >= 0);
	if (address) {
		struct sockaddr_in from = loopback(address, 0);

		require(bind(p->fd, (struct sockaddr *)&from, sizeof(from)) ==
			0);
	}
	setsockopt(
	    p->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(
	    p->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(p->fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return true;

	peer_close(p);
	return false;
}

void peer_open_from(struct peer *p, uint16_t port, const char *address)
{
	require(open_from(p, port, address));
}

bool peer_try_open(struct peer *p, uint16_t port)
{
	return open_from(p, port, NULL);
}

void peer_open(struct peer *p, uint16_t port)
{
	require(peer_try_open(p, port));
}

void peer_close(struct peer *p)
{
	close(p->fd);
	p->fd = -1;
}

void peer_reset(struct peer *p)
{
	struct linger now = {.l_onoff = 1};

	setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	peer_close(p);
}

void peer_finish(struct peer *p)
{
	shutdown(p->fd, SHUT_WR);
}

bool peer_send(struct peer *p, const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		ssize_t n = send(p->fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			require(errno != EAGAIN && "sending takes too long");
			return false;
		}
		at += n;
		len -= (size_t)n;
	}
	return true;
}

void peer_say(struct peer *p, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	require(n >= 0 && (size_t)n < sizeof(text));
	require(peer_send(p, text, (size_t)n));
}

bool peer_send_content(struct peer *p, uint64_t off, size_t len)
{
	uint8_t block[16 * 1024];

	while (len) {
		size_t n = len < sizeof(block) ? len : sizeof(block);

		fill_content(block, n, off);
		if (!peer_send(p, block, n))
			return false;
		off += n;
		len -= n;
	}
	return true;
}

void peer_chunk(struct peer *p, uint64_t off, size_t len)
{
	peer_say(p, "%zx\r\n", len);
	require(peer_send_content(p, off, len));
	peer_say(p, "\r\n");
}

void peer_last_chunk(struct peer *p)
{
	peer_say(p, "0\r\n\r\n");
}

/* Returns: false at the end of the connection, orderly or not. */
static bool fill(struct peer *p)
{
	ssize_t n;

	do {
		n = recv(p->fd, p->buf, sizeof(p->buf), 0);
	} while (n < 0 && errno == EINTR);
	require((n >= 0 || errno != EAGAIN) && "reading takes too long");
	p->at = 0;
	p->end = n > 0 ? (size_t)n : 0;
	return n > 0;
}

static int next_byte(struct peer *p)
{
	if (p->at == p->end && !fill(p))
		return -1;
	return (unsigned char)p->buf[p->at++];
}

static const char *field_value(const struct answer *a, const char *field)
{
	size_t n = strlen(field);

	for (const char *line = a->head; (line = strstr(line, "\r\n"));) {
		line += 2;
		if (!strncasecmp(line, field, n) && line[n] == ':')
			return line + n + 1 + strspn(line + n + 1, " ");
	}
	return NULL;
}

bool answer_has(const struct answer *a, const char *field, const char *part)
{
	const char *value = field_value(a, field);
	const char *at = value ? strstr(value, part) : NULL;

	return at && at <= value + strcspn(value, "\r");
}

bool peer_head_only(struct peer *p, struct answer *a)
{
	size_t n = 0;

	memset(a, 0, sizeof(*a));
	while (!strstr(n > 3 ? a->head + n - 4 : "", "\r\n\r\n")) {
		int c = next_byte(p);

		if (c < 0) {
			/* An answer is whole or not there at all. */
			require(n == 0);
			return false;
		}
		require(n < sizeof(a->head) - 1);
		a->head[n++] = (char)c;
	}
	require(sscanf(a->head, "HTTP/1.%*c %d ", &a->status) == 1);
	a->done = true;
	return true;
}

bool peer_head(struct peer *p, struct answer *a)
{
	if (!peer_head_only(p, a))
		return false;
	if (a->status < 200 || a->status == 204 || a->status == 304)
		return true;

	const char *length = field_value(a, "Content-Length");
	a->chunked = answer_has(a, "Transfer-Encoding", "chunked");
	require(length || a->chunked);
	if (length)
		a->left = strtoull(length, NULL, 10);
	a->done = length && !a->left;
	return true;
}

/* A line without its end. Returns: false when the connection ended. */
static bool read_line(struct peer *p, char *out, size_t cap)
{
	size_t n = 0;

	for (int c; (c = next_byte(p)) != '\n';) {
		if (c < 0)
			return false;
		if (c != '\r' && n < cap - 1)
			out[n++] = (char)c;
	}
	out[n] = '\0';
	return true;
}

/* Begin the next chunk. Returns: false when the connection ended. */
static bool next_chunk(struct peer *p, struct answer *a)
{
	char line[64];

	if (!read_line(p, line, sizeof(line)))
		return false;
	a->left = strtoull(line, NULL, 16);
	if (a->left)
		return true;

	a->done = true;
	return read_line(p, line, sizeof(line));
}

ssize_t peer_body(struct peer *p, struct answer *a, void *buf, size_t max)
{
	char line[4];

	if (!a->done && a->chunked && !a->left && !next_chunk(p, a))
		return PEER_CUT;
	if (a->done)
		return 0;
	if (p->at == p->end && !fill(p))
		return PEER_CUT;

	size_t n = p->end - p->at;
	if (n > max)
		n = max;
	if (n > a->left)
		n = (size_t)a->left;
	memcpy(buf, p->buf + p->at, n);
	p->at += n;
	a->left -= n;
	if (a->chunked && !a->left && !read_line(p, line, sizeof(line)))
		return PEER_CUT;
	if (!a->chunked)
		a->done = !a->left;
	return (ssize_t)n;
}

bool peer_expect(struct peer *p, struct answer *a, uint64_t off, size_t len)
{
	uint8_t block[16 * 1024];

	while (len) {
		size_t want = len < sizeof(block) ? len : sizeof(block);
		ssize_t n = peer_body(p, a, block, want);

		if (n <= 0 || !is_content(block, (size_t)n, off))
			return false;
		off += (size_t)n;
		len -= (size_t)n;
	}
	return true;
}

bool peer_content(struct peer *p, struct answer *a, uint64_t off, size_t len)
{
	char more;

	return peer_expect(p, a, off, len) && peer_body(p, a, &more, 1) == 0;
}

bool peer_text(struct peer *p, struct answer *a, char *out, size_t cap)
{
	char block[4096];
	size_t len = 0;
	ssize_t n;

	while ((n = peer_body(p, a, block, sizeof(block))) > 0) {
		size_t room = cap - 1 - len;
		size_t kept = (size_t)n < room ? (size_t)n : room;

		memcpy(out + len, block, kept);
		len += kept;
	}
	out[len] = '\0';
	return n == 0;
}

bool peer_drop(struct peer *p, struct answer *a)
{
	char none[1];

	return peer_text(p, a, none, sizeof(none));
}

bool peer_ended(struct peer *p)
{
	return p->at == p->end && !fill(p);
}

int ask_text(uint16_t port, const char *target, char *out, size_t cap)
{
	struct peer p;
	struct answer a;

	peer_open(&p, port);
	peer_say(&p, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
	require(peer_head(&p, &a));
	require(peer_text(&p, &a, out, cap));
	peer_reset(&p);
	return a.status;
}

int ask(uint16_t port, const char *method, const char *target)
{
	struct peer p;
	struct answer a;

	peer_open(&p, port);
	peer_say(&p, "%s %s HTTP/1.1\r\nHost: x\r\n\r\n", method, target);
	if (!strcmp(method, "HEAD"))
		require(peer_head_only(&p, &a));
	else
		require(peer_head(&p, &a));
	require(peer_drop(&p, &a));
	peer_reset(&p);
	return a.status;
}

void upload_begin(struct peer *p, const char *id, uint64_t len)
{
	if (len == PEER_CHUNKED)
		peer_say(p,
		    "PUT /files/%s HTTP/1.1\r\nHost: x\r\n"
		    "Transfer-Encoding: chunked\r\n\r\n",
		    id);
	else
		peer_say(p,
		    "PUT /files/%s HTTP/1.1\r\nHost: x\r\n"
		    "Content-Length: %llu\r\n\r\n",
		    id, (unsigned long long)len);
}

int put(uint16_t port, const char *id, size_t len)
{
	struct peer p;
	struct answer a;

	peer_open(&p, port);
	upload_begin(&p, id, len);
	require(peer_send_content(&p, 0, len));
	require(peer_head(&p, &a));
	require(peer_drop(&p, &a));
	peer_reset(&p);
	return a.status;
}

bool get(uint16_t port, const char *id, size_t len)
{
	struct peer p;
	struct answer a;

	peer_open(&p, port);
	peer_say(&p, "GET /files/%s HTTP/1.1\r\nHost: x\r\n\r\n", id);
	require(peer_head(&p, &a));
	bool same = a.status == 200 && peer_content(&p, &a, 0, len);
	peer_reset(&p);
	return same;
}

int64_t received(uint16_t port, const char *id)
{
	char target[256], text[8192];

	snprintf(target, sizeof(target), "/files/%s/info", id);
	if (ask_text(port, target, text, sizeof(text)) != 200)
		return -1;

	const char *at = strstr(text, "\"received\":");
	require(at != NULL);
	return strtoll(at + 11, NULL, 10);
}

int64_t metric(uint16_t port, const char *name)
{
	static const size_t size = 64 * 1024;
	char *text = malloc(size), line[128];

	require(text && ask_text(port, "/metrics", text, size) == 200);
	snprintf(line, sizeof(line), "\n%s ", name);
	const char *at = strstr(text, line);
	require(at != NULL);
	int64_t value = strtoll(at + strlen(line), NULL, 10);
	free(text);
	return value;
}
