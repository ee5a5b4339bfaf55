/* SPDX-License-Identifier: MIT */
/*
 * A client over a socket, a byte at a time if need be.
 *
 *   peer_open(&p, port);
 *   peer_say(&p, "GET /files/%s HTTP/1.1\r\nHost: x\r\n\r\n", id);
 *   peer_head(&p, &a)                   status and fields
 *   peer_body(&p, &a, buf, sizeof(buf)) the body as it comes
 *   peer_close(&p);
 *
 * Calls that a broken connection can make fail say so by what they return;
 * everything else that fails ends the program. Reads wait PATIENCE_MS at most
 * and then end the program, too. Content is that of fill_content().
 *
 * Threads: one at a time for one peer.
 */
#ifndef TESTS_INPROC_PEER_H
#define TESTS_INPROC_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <spillway/base.h>

#define PEER_CHUNKED UINT64_MAX
#define PEER_CUT (-1)

struct peer {
	int fd;
	size_t at, end; /* what was read and not used yet: buf[at..end) */
	char buf[16 * 1024];
};

struct answer {
	int status;
	char head[4096]; /* status line and fields, NUL-terminated */
	uint64_t left;	 /* of the body, or of the chunk */
	bool chunked, done;
};

void peer_open(struct peer *p, uint16_t port);
/** Returns: false when nobody listens. */
bool peer_try_open(struct peer *p, uint16_t port);
/** The same from a loopback address of its own ("127.0.0.2"). */
void peer_open_from(struct peer *p, uint16_t port, const char *address);
void peer_close(struct peer *p);
/** Close with a reset instead of an orderly end. */
void peer_reset(struct peer *p);
/** Say that nothing more will be sent. */
void peer_finish(struct peer *p);

/** Returns: false when the connection is broken. */
bool peer_send(struct peer *p, const void *data, size_t len);
/** Send printf text, which must work. */
void peer_say(struct peer *p, const char *fmt, ...) SPW_PRINTF(2, 3);
/** Send `len` bytes of content from `off` on. */
bool peer_send_content(struct peer *p, uint64_t off, size_t len);
/** The same as one chunk of a chunked body. */
void peer_chunk(struct peer *p, uint64_t off, size_t len);
/** The end of a chunked body. */
void peer_last_chunk(struct peer *p);

/**
 * Read the head of the next answer.
 *
 * Returns:   false when the connection ended first.
 */
bool peer_head(struct peer *p, struct answer *a);
/** The same for the answer to HEAD, which has no body. */
bool peer_head_only(struct peer *p, struct answer *a);

/**
 * Read some of the body.
 *
 * Returns:   the count; 0 at the proper end; PEER_CUT when the connection
 *            ended before.
 */
ssize_t peer_body(struct peer *p, struct answer *a, void *buf, size_t max);
/** Read exactly the content from `off` on, not to the end of the body. */
bool peer_expect(struct peer *p, struct answer *a, uint64_t off, size_t len);
/** Read the body to its proper end: exactly that content. */
bool peer_content(struct peer *p, struct answer *a, uint64_t off, size_t len);
/** Read the body to its proper end as text; cut at `cap`. */
bool peer_text(struct peer *p, struct answer *a, char *out, size_t cap);
/** Read on and forget. Returns: whether the body ended properly. */
bool peer_drop(struct peer *p, struct answer *a);
/** Wait for the end of the connection, which nothing may precede. */
bool peer_ended(struct peer *p);

/** Returns: whether the answer has the field, with `part` in its value. */
bool answer_has(const struct answer *a, const char *field, const char *part);

/*
 * One request on a connection of its own, which is reset when all is read:
 * thousands that wait for their time to pass would use up the ports.
 */

/** GET, HEAD or DELETE; drops the body. Returns: the status. */
int ask(uint16_t port, const char *method, const char *target);
/** GET a text, NUL-terminated, cut at `cap`. Returns: the status. */
int ask_text(uint16_t port, const char *target, char *out, size_t cap);
/** PUT `len` bytes of content. Returns: the status. */
int put(uint16_t port, const char *id, size_t len);
/** GET and compare. Returns: whether it was answered 200 with just that. */
bool get(uint16_t port, const char *id, size_t len);

/** Send the head of an upload; `len` may be PEER_CHUNKED. */
void upload_begin(struct peer *p, const char *id, uint64_t len);

/** Returns: bytes received of a file; -1 when there is none. */
int64_t received(uint16_t port, const char *id);
/** Returns: the value of a metric without labels. */
int64_t metric(uint16_t port, const char *name);

#endif
