/* SPDX-License-Identifier: MIT */
/*
 * A fake of the HTTP library, linked in its place, and one connection over
 * it: requests are given and answers looked at piece by piece, with no socket
 * and no thread of the server's.
 *
 *   web_init(&w, &conf, handler)
 *   web_begin(&w, "PUT", "/files/a", FIELDS({"Content-Length", "5"}))
 *   web_body(&w, "hello", 5)          while the request takes it
 *   web_end(&w)
 *   w.status, web_field(&w, "ETag"), web_read(&w, ...)
 *   web_done(&w, true)                and perhaps the next one
 *   web_fini(&w)
 *
 * Like the library, it calls the handler once with the header, then with the
 * body's pieces, then once more at the end, and not while it is suspended.
 */
#ifndef TESTS_FAKE_MHD_H
#define TESTS_FAKE_MHD_H

#include "http/loop.h"

#define FAKE_FIELDS_MAX 128

struct fake_field {
	const char *name, *value;
};

/** An array of fields for web_begin(), `{"Name", "value"}, ...`. */
#define FIELDS(...) ((const struct fake_field[]){__VA_ARGS__, {NULL, NULL}})

struct MHD_Connection {
	struct http_conn *conn;
	const struct fake_field *fields; /* of the request */
	const struct fake_field *trailers; /* behind its body; or NULL */
	struct MHD_Response *response;
	unsigned status;
	bool suspended;
	unsigned timeout_s; /* of its own; 0: as all others */
};

struct web {
	struct MHD_Connection mhd;
	struct http_loop loop;
	struct http_conn conn;
	struct conf conf;
	void *ctx; /* the library's pointer for the request */
	bool refused; /* a callback asked to cut the connection */
	int peer_fd; /* the client's end of the socket */
	unsigned status; /* of the answer; 0 while there is none */
};

/** With the default configuration; `handler` must live on. */
void web_init(struct web *w, const struct http_handler *handler);
void web_fini(struct web *w);

/**
 * A request's header.
 *
 * `fields` NULL is none but Host, which need not be named.
 */
void web_begin(struct web *w, const char *method, const char *target,
    const struct fake_field *fields);

/** Offer a piece of the body. Returns: the bytes taken. */
size_t web_body(struct web *w, const void *data, size_t len);

/** The body is over, or what waits was woken. */
void web_end(struct web *w);

/** Let those be heard who woke the request. Returns: how many did. */
unsigned web_wakes(struct web *w);

/** Wait until the request is not suspended; at most some seconds. */
void web_wait(struct web *w);

/** The request is over. */
void web_done(struct web *w, bool complete);

/** Returns: the answer's field, NULL without one. */
const char *web_field(const struct web *w, const char *name);

/** Returns: the length that the answer states; UINT64_MAX: none. */
uint64_t web_length(const struct web *w);

/**
 * Read the answer's body from `pos` on, as far as it goes now.
 *
 * Returns:   the count; `*ret_end` is MHD_CONTENT_READER_END_... at its end,
 *            0 when there may be more.
 */
size_t web_read(struct web *w, uint64_t pos, void *buf, size_t max,
    ssize_t *ret_end);

/** One request without a body, whole. Returns: the status. */
unsigned web_ask(struct web *w, const char *method, const char *target,
    const struct fake_field *fields);

#endif
