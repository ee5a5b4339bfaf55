/* SPDX-License-Identifier: MIT */
/*
 * What the layers above see of HTTP: requests, bodies coming in, replies
 * going out. Nothing of the HTTP library shows through.
 *
 * A request's life, all on the thread of the loop that owns its connection:
 *
 *   handler.begin(req)         the header is complete and its framing sound
 *     either  http_reply(req, &reply)      answer at once (the body, if there
 *                                          is one, is not read)
 *     or      http_take_body(req, &sink, ctx)
 *     or      http_wait(req, &waiter, ctx) answer later, no body wanted
 *     or      http_later(req, ctx, free)   begin() again when it is woken
 *   sink.data(...)...          the body as it arrives; may pause
 *   sink.end(...)              the body is complete: reply, or return and be
 *                              called again after a wake-up
 *   sink.free / waiter.free    always, once, whatever happened
 *
 * From any other thread a request is reached only through its waker.
 *
 * Threads: everything here is for the request's loop thread, except
 * http_waker_wake(), http_waker_ref() and http_waker_unref().
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <spillway/base.h>

#include "base/account.h"
#include "base/histogram.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "common/text.h"

#define HTTP_LENGTH_UNKNOWN UINT64_MAX

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_PATCH,
	HTTP_DELETE,
	HTTP_OPTIONS,
	HTTP_OTHER,
};

struct allowance;
struct http_loop;
struct http_waker;
struct http_reply;
struct http_request;

/* What a request that carries a body is read into. */
struct http_sink {
	/**
	 * Take bytes of the body, `len` > 0.
	 *
	 * Returns: how many were taken. Fewer than `len` pauses the body:
	 *          the rest comes again after a wake-up. Or a negative errno
	 *          after http_reply() with what is wrong.
	 */
	ssize_t (*data)(
	    struct http_request *req, void *ctx, const char *p, size_t len);
	/** The body is complete; called again after each wake-up until it
	    replies. */
	void (*end)(struct http_request *req, void *ctx);
	/** The request is over, answered or cut; `req` is about to go. */
	void (*free)(struct http_request *req, void *ctx);
};

/* Who waits without a body: called after each wake-up until it replies. */
struct http_waiter {
	void (*woken)(struct http_request *req, void *ctx);
	void (*free)(struct http_request *req, void *ctx);
	/* It waits for work of our own, soon done: a client that has closed
	   its sending side may still read the answer. */
	bool soon;
};

struct http_handler {
	void (*begin)(struct http_request *req, void *ctx);
	void *ctx;
	/* Memory for what http_gather() reads; NULL: without end. */
	struct allowance *documents;
	/* For the blocks of http_reply_stream(), which are small once it is
	   used up; or NULL. */
	struct allowance *streams;
};

/*
 * The request.
 */

enum http_method http_method(const struct http_request *req);
/** Returns: the method as sent. */
const char *http_method_name(const struct http_request *req);
/** Returns: the path as sent, still percent-encoded, without the query. */
struct str http_path(const struct http_request *req);
/** Returns: the query as sent, without `?`; empty when there is none. */
struct str http_query(const struct http_request *req);
/** Returns: the body's length, HTTP_LENGTH_UNKNOWN when chunked, 0 without. */
uint64_t http_content_length(const struct http_request *req);
/** Returns: the server's allowance for what requests describe; or NULL. */
struct allowance *http_documents(const struct http_request *req);
/** Returns: whether a body follows (its length may still be 0). */
bool http_has_body(const struct http_request *req);
bool http_is_1_0(const struct http_request *req);
/** Returns: the first header field of that name, p NULL without one. */
struct str http_header(const struct http_request *req, const char *name);
/** Returns: field number `i` of that name, from 0 on; p NULL past the last. */
struct str http_header_at(
    const struct http_request *req, const char *name, unsigned i);
/** Returns: how many fields of that name there are. */
unsigned http_header_count(const struct http_request *req, const char *name);
/** Find a preference in the fields Prefer; as prefer_find(). */
bool http_prefers(
    const struct http_request *req, const char *name, struct str *ret);
/** Find a decoded query parameter; false when absent. NUL-terminated. */
bool http_query_get(const struct http_request *req, const char *key, char *out,
    size_t cap, size_t *ret_len);
/** Returns: whether there is such a parameter, with whatever value. */
bool http_query_has(const struct http_request *req, const char *key);
/** Returns: Host as sent (checked: exactly one on HTTP/1.1), maybe empty; by
    way of a trusted proxy what that was sent. */
struct str http_host(const struct http_request *req);
/** Returns: whether it came by a trusted proxy, or a Unix socket. */
bool http_by_proxy(const struct http_request *req);
/** Returns: "http" or "https", as the client sees it. */
const char *http_scheme(const struct http_request *req);
/** Returns: the id of this request for logs. */
const char *http_request_id(struct http_request *req);
/** Returns: how it is called in the log, with its id. */
const struct log_request *http_log_request(struct http_request *req);
/** Returns: the client's address as text; that of a trusted proxy's client. */
const char *http_client(const struct http_request *req);
/** Returns: whose jobs a pool runs in turn with those of others (spw_job): the
    address, of an IPv6 one its network of 64 bits. */
uint64_t http_client_share(const struct http_request *req);
/** Returns: what the server was configured with. */
const struct conf *http_conf(const struct http_request *req);
/** Returns: that, and who pays for what it stores: nobody before
    http_admit(). */
struct owner http_owner(const struct http_request *req);
/** Read a date field, in seconds. False: absent, no date, or there twice. */
bool http_date(const struct http_request *req, const char *name, int64_t *ret);
/**
 * Weigh If-Match, If-Unmodified-Since and If-None-Match before a change;
 * `etag` is what is there now, NULL for nothing, `modified_ms` since when, 0
 * when that is not told.
 *
 * Source:    RFC 9110 §13.1.1, §13.1.2, §13.1.4, §13.2.2
 */
bool http_may_change(const struct http_request *req, const char *etag,
    int64_t modified_ms);
/**
 * Whether the fields `name` (If-Match or If-None-Match) name `etag`: see
 * etag_list_match(), for all of them together, since a list may come in
 * several.
 *
 * Source:    RFC 9110 §5.3
 */
bool http_names_etag(const struct http_request *req, const char *name,
    const char *etag, bool weak);
/**
 * Note whose it is (NULL: nobody's) and what that allows; it stays known when
 * begin() is called again.
 */
void http_admit(
    struct http_request *req, struct account *account, unsigned scopes);
/** Returns: whether that was noted, and as what. */
bool http_admitted(const struct http_request *req, unsigned *ret_scopes);
/**
 * Returns:   whether the server finishes what runs. Who waits only to be told
 *            of something is woken when that begins, and ends.
 */
bool http_draining(const struct http_request *req);
/** Returns: whether the peer has closed its sending side. */
bool http_peer_gone(const struct http_request *req);

/** Say what it is about, for the histograms; else it is about nothing. */
void http_set_route(struct http_request *req, enum route_kind route);

/* What a request waits for. */
enum http_wait_kind {
	HTTP_WAIT_OTHER,  /* bytes of an upload, a state, memory */
	HTTP_WAIT_TASK,	  /* of a pool: it measures itself */
	HTTP_WAIT_ORIGIN, /* of a fetch */
	HTTP_WAIT_KINDS
};

/** Say what it waits for from now on, for Server-Timing. */
void http_waits_for(struct http_request *req, enum http_wait_kind what);

/*
 * Bodies in.
 */

/** Read the body into `sink`. From handler.begin() only. */
void http_take_body(
    struct http_request *req, const struct http_sink *sink, void *ctx);
/** Answer later. From handler.begin() only, or from sink.end(). */
void http_wait(
    struct http_request *req, const struct http_waiter *waiter, void *ctx);
/**
 * Have a request that waits looked at again at `deadline_ms` (clock_ms()) at
 * the latest, give or take a second. Once; 0 forgets it.
 */
void http_deadline(struct http_request *req, uint64_t deadline_ms);
/**
 * Begin once more when the request is woken, as if its header had just come:
 * what it is about has to be looked for. From handler.begin() only, which
 * finds `ctx` by http_before() then.
 *
 * Ownership: `free_fn(ctx)` is called when the request is over, or when this
 *            is called with another.
 */
void http_later(
    struct http_request *req, void *ctx, void (*free_fn)(void *ctx));
/** Returns: the `ctx` that went with `free_fn`; NULL when none did. */
void *http_before(
    const struct http_request *req, void (*free_fn)(void *ctx));
/** Bound the body; past it the request is answered 413. */
void http_body_limit(struct http_request *req, uint64_t max_bytes);
/** The same, and no http_body_limit() lets more in. */
void http_body_cap(struct http_request *req, uint64_t max_bytes);

/**
 * From sink.free(), of a body that has not come to its end: why.
 *
 * Returns:   -ECONNABORTED the client went away; -EPROTO its chunks cannot be
 *            read; -EFBIG it goes past a limit; -ETIME it came too slowly,
 *            which has been counted.
 */
int http_body_error(const struct http_request *req);
/** Bound how long what is made of it is kept; http_life_cap() tells that, and
    UINT64_MAX where nothing does. */
void http_cap_life(struct http_request *req, uint64_t max_ms);
uint64_t http_life_cap(const struct http_request *req);

/*
 * Wakers.
 */

/**
 * Returns: the request's waker with a reference for the caller, NULL without
 * memory. The same for all calls of one request.
 */
struct http_waker *http_waker_get(struct http_request *req);
struct http_waker *http_waker_ref(struct http_waker *w);
void http_waker_unref(struct http_waker *w);
/** Have the request looked at by its loop. Any thread; never blocks. */
void http_waker_wake(struct http_waker *w);
/** Have the request, and its connection, ended. As http_waker_wake(). */
void http_waker_cut(struct http_waker *w);

/*
 * Replies. Make one, add fields, send it with http_reply(), which consumes
 * it. A reply that failed to be made (memory) is sent as a 503; one that tells
 * of a change that was made is not, and the connection is cut.
 */

struct http_reply {
	int status;
	void *response;	 /* the HTTP library's */
	uint64_t length; /* for the access log */
	size_t head;	 /* bytes of the fields that were added */
	void *stream;	 /* of a streamed one */
	const struct http_ahead *ahead; /* of a file; or NULL */
	void *ahead_ctx;
};

/** A stream's read function says: nothing yet, wake me. */
#define HTTP_READ_WAIT 0
#define HTTP_READ_END (-1)
/** The connection is cut, so that the client sees it is incomplete. */
#define HTTP_READ_ERROR (-2)

/* Where the bytes of a streamed reply come from. */
struct http_stream {
	/**
	 * Fill `buf` with up to `max` bytes at `pos`.
	 *
	 * Returns: the count, or HTTP_READ_...; after HTTP_READ_WAIT the
	 *          request must be woken by its waker.
	 */
	ssize_t (*read)(void *ctx, uint64_t pos, char *buf, size_t max);
	/** The reply is over, sent or not. May be called on another thread
	    than the loop's, and after the request is gone. */
	void (*free)(void *ctx);
	bool soon; /* as in struct http_waiter */
};

/** No body (204, 304, or a 200 of length 0). */
struct http_reply http_reply_empty(int status);
/** No body, but the length that one would have (304; 200 to HEAD); it may be
    HTTP_LENGTH_UNKNOWN. */
struct http_reply http_reply_head(int status, uint64_t length);
/** Bytes that are copied. */
struct http_reply http_reply_copy(int status, const void *data, size_t len);
/** Bytes that stay where they are until `free_fn(ctx)`. */
struct http_reply http_reply_borrow(int status, const void *data, size_t len,
    void (*free_fn)(void *), void *ctx);
/** The content of a strbuf, which is empty afterwards. */
struct http_reply http_reply_strbuf(int status, struct strbuf *b);
/*
 * Who sees to it that sendfile, on the loop's thread, has not to wait for the
 * disk.
 */
struct http_ahead {
	/**
	 * Bytes [pos, pos + len) of the reply are sent soon.
	 *
	 * Returns: whether they are at hand. If not, they are being made so,
	 *          and the request is woken when that is done.
	 */
	bool (*prepare)(void *ctx, uint64_t pos, uint64_t len);
};

/** So many bytes, or all, are to be at hand before the reply is given. */
#define HTTP_AHEAD_BYTES ((uint64_t)3 * 1024 * 1024)

/**
 * A piece of a file, by sendfile; takes `fd` (a dup) and closes it. `ahead` is
 * asked about what lies behind HTTP_AHEAD_BYTES, and may be NULL when that is
 * nothing; `ctx` must live as long as the request.
 */
struct http_reply http_reply_file(int status, int fd, uint64_t off,
    uint64_t len, const struct http_ahead *ahead, void *ctx);

/** Returns: whether they go out by sendfile on this connection. With TLS they
    would be read here, and may wait for the disk. */
bool http_sends_files(const struct http_request *req);
/** Returns: whether `ahead` of such a reply would be asked on this
    connection: the system counts what was written to it. */
bool http_counts_sent(const struct http_request *req);
/** A stream of `len` bytes, or HTTP_LENGTH_UNKNOWN: chunked. For this request
    alone. */
struct http_reply http_reply_stream(struct http_request *req, int status,
    uint64_t len, const struct http_stream *ops, void *ctx);

/** Add a field. CR and LF in `value` are refused: the field is left out. */
void http_reply_header(
    struct http_reply *r, const char *name, const char *value);

/** Send it; consumes `*r`. */
void http_reply(struct http_request *req, struct http_reply *r);

/**
 * Be told when the request is over; `complete` says whether every byte of the
 * reply was sent. One per request. Before http_reply().
 */
void http_on_done(
    struct http_request *req, void (*fn)(void *ctx, bool complete), void *ctx);

/**
 * Keep something until the request is over: `free_fn(ctx)` is called then.
 * Up to HTTP_KEEPS_MAX times per request, those of http_hold() included.
 */
#define HTTP_KEEPS_MAX 4
void http_keep(struct http_request *req, void (*free_fn)(void *), void *ctx);

/**
 * The same until the answer goes out, or the request ends without one: a
 * place among few is free again when its client hears of the end.
 */
void http_hold(struct http_request *req, void (*free_fn)(void *), void *ctx);

/*
 * Beyond the one answer.
 */

/**
 * Give whatever answer the request gets a field that the answer has not by
 * itself: also one that says what is wrong, and one that is given elsewhere.
 * A second call with the same name takes the place of the first; `value` NULL
 * takes it back. Vary goes beside the answer's own.
 *
 * `name`:    a string that stays.
 */
void http_answer_field(
    struct http_request *req, const char *name, const char *value);

struct http_header_line {
	const char *name, *value;
};

/**
 * Send an interim (1xx) answer now. From handler.begin() and sink.data(): the
 * library, which knows none but 100, sends nothing of its own meanwhile.
 *
 * Returns:   false when it was not sent: to HTTP/1.0, when a client does not
 *            read, after an answer. An interim answer is never essential.
 * Source:    RFC 9110 §15.2
 */
bool http_interim(struct http_request *req, int status, const char *phrase,
    const struct http_header_line *fields, size_t count);

/**
 * Returns:   trailer field number `i` of that name, from 0 on; p NULL past the
 *            last. One that holds control characters is empty. From
 *            sink.end(): they came behind a chunked body.
 */
struct str http_trailer(
    const struct http_request *req, const char *name, unsigned i);

/** Returns: whether a reply was given already. */
bool http_replied(const struct http_request *req);

#endif
