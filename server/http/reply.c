/* SPDX-License-Identifier: MIT */
/* Replies, in terms of the HTTP library. */
#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/allowance.h"
#include "base/incident.h"
#include "http/loop.h"

/* What is read of a stream at a time, and when many have such blocks. */
#define STREAM_BLOCK ((size_t)64 * 1024)
#define STREAM_BLOCK_MIN ((size_t)4 * 1024)
#define STREAM_MAGIC 0x57ea3u

/* What the library holds for a streamed reply. */
struct stream {
	uint32_t magic;
	const struct http_stream *ops;
	void *ctx;
	struct http_request *req;
	struct allotment block; /* the library's */
};

struct http_reply http_reply_empty(int status)
{
	return (struct http_reply){
	    .status = status,
	    .response = MHD_create_response_from_buffer(
		0, NULL, MHD_RESPMEM_PERSISTENT),
	};
}

static ssize_t read_nothing(void *cls, uint64_t pos, char *buf, size_t max)
{
	(void)cls;
	(void)pos;
	(void)buf;
	(void)max;
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

/*
 * Where there is no body, to HEAD and with 304, the library would send the last
 * chunk of one whose length is not known.
 */
static void never_chunk(struct MHD_Response *response)
{
	if (response)
		MHD_set_response_options(
		    response, MHD_RF_HTTP_VERSION_1_0_ONLY, MHD_RO_END);
}

struct http_reply http_reply_head(int status, uint64_t length)
{
	/* The library takes the length from a body that it does not send. */
	struct http_reply r = {
	    .status = status,
	    .response = MHD_create_response_from_callback(
		length == HTTP_LENGTH_UNKNOWN ? MHD_SIZE_UNKNOWN : length, 1,
		read_nothing, NULL, NULL),
	};

	if (length == HTTP_LENGTH_UNKNOWN)
		never_chunk(r.response);
	return r;
}

struct http_reply http_reply_copy(int status, const void *data, size_t len)
{
	union {
		const void *in;
		void *out;
	} p = {data};

	return (struct http_reply){
	    .status = status,
	    .response = MHD_create_response_from_buffer(
		len, p.out, MHD_RESPMEM_MUST_COPY),
	    .length = len,
	};
}

struct http_reply http_reply_borrow(int status, const void *data, size_t len,
    void (*free_fn)(void *), void *ctx)
{
	union {
		const void *in;
		void *out;
	} p = {data};
	struct MHD_Response *response =
	    MHD_create_response_from_buffer_with_free_callback_cls(
		len, p.out, free_fn, ctx);

	if (!response)
		free_fn(ctx);
	return (struct http_reply){
	    .status = status, .response = response, .length = len};
}

struct http_reply http_reply_strbuf(int status, struct strbuf *b)
{
	size_t len = 0;
	char *data = strbuf_take(b, &len);
	struct http_reply r = {.status = status, .length = len};

	if (data)
		r.response = MHD_create_response_from_buffer(
		    len, data, MHD_RESPMEM_MUST_FREE);
	if (!r.response)
		free(data);
	return r;
}

struct http_reply http_reply_file(int status, int fd, uint64_t off,
    uint64_t len, const struct http_ahead *ahead, void *ctx)
{
	struct http_reply r = {
	    .status = status,
	    .length = len,
	    .ahead = len > HTTP_AHEAD_BYTES ? ahead : NULL,
	    .ahead_ctx = ctx,
	};

	r.response = MHD_create_response_from_fd_at_offset64(len, fd, off);
	if (!r.response)
		close(fd);
	return r;
}

/*
 * What ends with the connection must not seem to end: the client is sent a
 * reset, which it cannot take for the end of the content.
 */
static void break_off(struct http_request *req)
{
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

	if (!req->http10 || req->reply_length != HTTP_LENGTH_UNKNOWN)
		return;

	/* At once: the library would shut it down before it closes it. */
	http_sent_note(req);
	(void)connect(req->conn->fd, &nobody, sizeof(nobody));
}

static ssize_t end_by_error(struct http_request *req)
{
	http_request_broke(req);
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

static ssize_t read_stream(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct stream *st = cls;

	assert(st->magic == STREAM_MAGIC);
	if (st->req->cut || (st->req->peer_gone && !st->ops->soon))
		return end_by_error(st->req);

	log_for(&st->req->log);
	ssize_t n = st->ops->read(st->ctx, pos, buf, max);
	log_for(NULL);
	if (n > 0) {
		st->req->handed = pos + (uint64_t)n;
		return n;
	}
	if (n == HTTP_READ_END)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n == HTTP_READ_ERROR) {
		st->req->source_broke = true;
		break_off(st->req);
		return end_by_error(st->req);
	}

	/* The peer went before there was anything to wait for. */
	if (st->req->conn->hung_up && !st->ops->soon)
		return end_by_error(st->req);
	st->req->soon = st->ops->soon;
	metrics_add(METRIC_WAITS, 1);
	http_request_suspend(st->req);
	return 0;
}

static void free_stream(void *cls)
{
	struct stream *st = cls;

	assert(st->magic == STREAM_MAGIC);
	st->ops->free(st->ctx);
	allot_end(&st->block);
	free(st);
}

/* How much the library is to read of it at a time, and hold. */
static size_t take_block(struct stream *st, uint64_t len)
{
	size_t most = len < STREAM_BLOCK && len ? (size_t)len : STREAM_BLOCK;

	if (most <= STREAM_BLOCK_MIN ||
	    allot(&st->block, st->req->loop->handler->streams, most))
		return most;
	return STREAM_BLOCK_MIN;
}

struct http_reply http_reply_stream(struct http_request *req, int status,
    uint64_t len, const struct http_stream *ops, void *ctx)
{
	struct http_reply r = {.status = status, .length = len};
	struct stream *st = malloc(sizeof(*st));

	if (!st) {
		ops->free(ctx);
		return r;
	}
	*st = (struct stream){
	    .magic = STREAM_MAGIC, .ops = ops, .ctx = ctx, .req = req};
	r.response = MHD_create_response_from_callback(
	    len == HTTP_LENGTH_UNKNOWN ? MHD_SIZE_UNKNOWN : len,
	    take_block(st, len), read_stream, st, free_stream);
	if (!r.response)
		free_stream(st);
	else
		r.stream = st;
	return r;
}

void http_reply_header(
    struct http_reply *r, const char *name, const char *value)
{
	if (r->response && MHD_add_response_header(
			       r->response, name, value) == MHD_YES)
		r->head += strlen(name) + strlen(value) + sizeof(": \r\n") - 1;
}

enum MHD_Result http_reply_queue(struct http_request *req, struct http_reply *r)
{
	if (req->method == HTTP_HEAD && r->length == HTTP_LENGTH_UNKNOWN)
		never_chunk(r->response);
	if (req->close || http_loop_draining(req->loop))
		http_reply_header(r, "Connection", "close");
	http_timing_answered(req);
	http_extras_add(req, r);
	http_sent_head(req, r);
	if (r->stream)
		req->streamed = true;
	req->status = r->status;
	req->reply_length = r->length;
	http_keeps_drop(req, false);
	if (r->ahead && req->method != HTTP_HEAD)
		http_ahead_begin(req, r);
	enum MHD_Result queued = MHD_queue_response(
	    req->conn->mhd, (unsigned)r->status, r->response);
	MHD_destroy_response(r->response);
	r->response = NULL;
	req->phase = PHASE_REPLIED;
	return queued;
}

static bool is_safe(enum http_method m)
{
	return m == HTTP_GET || m == HTTP_HEAD || m == HTTP_OPTIONS;
}

/* No memory for the reply; perhaps there is some for less. But what was done
   is not answered as if it was not: then there is no answer. */
static bool make_less(const struct http_request *req, struct http_reply *r)
{
	if (r->status / 100 == 2 && !is_safe(req->method))
		return false;

	*r = http_reply_empty(503);
	http_reply_header(r, "Retry-After", HTTP_RETRY_AFTER);
	return r->response;
}

void http_reply(struct http_request *req, struct http_reply *r)
{
	if (!r->response) {
		incident(METRIC_ERRORS_MEMORY, LOG_LEVEL_ERROR,
		    "there was no memory for an answer");
		if (!make_less(req, r)) {
			req->cut = true;
			return;
		}
	}
	if (req->phase == PHASE_BEGIN && !http_reply_early(req)) {
		req->pending = *r;
		req->has_pending = true;
		return;
	}

	assert(req->phase == PHASE_BEGIN || req->phase == PHASE_END);
	if (req->phase == PHASE_BEGIN && req->has_body &&
	    req->content_length > 0)
		http_conn_linger(req->conn);
	if (http_reply_queue(req, r) != MHD_YES)
		req->cut = true;
}

const char *http_request_id(struct http_request *req)
{
	return log_request_id(&req->log);
}

const struct log_request *http_log_request(struct http_request *req)
{
	log_request_id(&req->log);
	return &req->log;
}
