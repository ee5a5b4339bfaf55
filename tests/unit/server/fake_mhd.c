/* SPDX-License-Identifier: MIT */
#include "check.h"

#include "fake_mhd.h"

#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define RESPONSE_FIELDS_MAX 32
#define WAIT_MS 60000

struct MHD_Response {
	unsigned refs;
	uint64_t size;
	char *data;
	bool owned;
	MHD_ContentReaderCallback reader;
	MHD_ContentReaderFreeCallback free_fn;
	void *cls;
	int fd;
	uint64_t fd_off;
	unsigned count;
	struct {
		char *name, *value;
	} fields[RESPONSE_FIELDS_MAX];
};

/*
 * Responses.
 */

static struct MHD_Response *new_response(uint64_t size)
{
	struct MHD_Response *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->refs = 1;
	r->size = size;
	r->fd = -1;
	return r;
}

struct MHD_Response *MHD_create_response_from_buffer(
    size_t size, void *buffer, enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *r = new_response(size);

	r->data = buffer;
	r->owned = mode != MHD_RESPMEM_PERSISTENT;
	if (mode == MHD_RESPMEM_MUST_COPY) {
		r->data = malloc(size + 1);
		assert_non_null(r->data);
		memcpy(r->data, buffer, size);
	}
	return r;
}

/* As the header of the version at hand declares it. */
#if MHD_VERSION >= 0x00097701
#define BUFFER const void *
#else
#define BUFFER void *
#endif

struct MHD_Response *MHD_create_response_from_buffer_with_free_callback_cls(
    size_t size, BUFFER buffer, MHD_ContentReaderFreeCallback crfc,
    void *crfc_cls)
{
	struct MHD_Response *r = new_response(size);

	r->data = (char *)(uintptr_t)buffer;
	r->free_fn = crfc;
	r->cls = crfc_cls;
	return r;
}

struct MHD_Response *MHD_create_response_from_callback(uint64_t size,
    size_t block_size, MHD_ContentReaderCallback crc, void *crc_cls,
    MHD_ContentReaderFreeCallback crfc)
{
	struct MHD_Response *r = new_response(size);

	assert_true(block_size > 0);
	r->reader = crc;
	r->free_fn = crfc;
	r->cls = crc_cls;
	return r;
}

struct MHD_Response *MHD_create_response_from_fd_at_offset64(
    uint64_t size, int fd, uint64_t offset)
{
	struct MHD_Response *r = new_response(size);

	r->fd = fd;
	r->fd_off = offset;
	return r;
}

enum MHD_Result MHD_add_response_header(
    struct MHD_Response *r, const char *header, const char *content)
{
	if (strpbrk(content, "\r\n"))
		return MHD_NO;

	assert_true(r->count < RESPONSE_FIELDS_MAX);
	r->fields[r->count].name = strdup(header);
	r->fields[r->count++].value = strdup(content);
	return MHD_YES;
}

const char *MHD_get_response_header(
    struct MHD_Response *r, const char *key)
{
	for (unsigned i = 0; i < r->count; i++) {
		if (!strcasecmp(r->fields[i].name, key))
			return r->fields[i].value;
	}
	return NULL;
}

enum MHD_Result MHD_set_response_options(
    struct MHD_Response *r, enum MHD_ResponseFlags flags, ...)
{
	(void)r;
	(void)flags;
	return MHD_YES;
}

void MHD_destroy_response(struct MHD_Response *r)
{
	if (--r->refs)
		return;
	if (r->free_fn)
		r->free_fn(r->cls);
	if (r->owned)
		free(r->data);
	if (r->fd >= 0)
		close(r->fd);
	for (unsigned i = 0; i < r->count; i++) {
		free(r->fields[i].name);
		free(r->fields[i].value);
	}
	free(r);
}

enum MHD_Result MHD_queue_response(
    struct MHD_Connection *c, unsigned status, struct MHD_Response *r)
{
	if (c->response)
		return MHD_NO;

	r->refs++;
	c->response = r;
	c->status = status;
	return MHD_YES;
}

const char *MHD_get_reason_phrase_for(unsigned code)
{
	(void)code;
	return "Reason";
}

/*
 * Connections.
 */

int MHD_get_connection_values_n(struct MHD_Connection *c,
    enum MHD_ValueKind kind, MHD_KeyValueIteratorN iterator, void *cls)
{
	int n = 0;

	assert_true(kind == MHD_HEADER_KIND || kind == MHD_FOOTER_KIND);
	for (const struct fake_field *f =
		 kind == MHD_HEADER_KIND ? c->fields : c->trailers;
	     f && f->name; f++) {
		n++;
		if (iterator(cls, kind, f->name, strlen(f->name), f->value,
			strlen(f->value)) != MHD_YES)
			break;
	}
	return n;
}

const union MHD_ConnectionInfo *MHD_get_connection_info(
    struct MHD_Connection *c, enum MHD_ConnectionInfoType type, ...)
{
	static union MHD_ConnectionInfo info;

	if (type == MHD_CONNECTION_INFO_HTTP_STATUS) {
		info.http_status = c->status;
		return c->response ? &info : NULL;
	}
	assert_int_equal(type, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	info.socket_context = c->conn;
	return &info;
}

void MHD_suspend_connection(struct MHD_Connection *c)
{
	assert_false(c->suspended);
	c->suspended = true;
}

enum MHD_Result MHD_set_connection_option(
    struct MHD_Connection *c, enum MHD_CONNECTION_OPTION option, ...)
{
	va_list args;

	assert_int_equal(option, MHD_CONNECTION_OPTION_TIMEOUT);
	/* Newer versions take it from no other. */
	assert_false(c->suspended);
	va_start(args, option);
	c->timeout_s = va_arg(args, unsigned);
	va_end(args);
	return MHD_YES;
}

void MHD_resume_connection(struct MHD_Connection *c)
{
	assert_true(c->suspended);
	c->suspended = false;
}

/*
 * The daemon, which is not there: only the loop's thread would call it.
 */

struct MHD_Daemon *MHD_start_daemon(unsigned flags, uint16_t port,
    MHD_AcceptPolicyCallback apc, void *apc_cls,
    MHD_AccessHandlerCallback dh, void *dh_cls, ...)
{
	(void)flags;
	(void)port;
	(void)apc;
	(void)apc_cls;
	(void)dh;
	(void)dh_cls;
	abort();
}

void MHD_stop_daemon(struct MHD_Daemon *d)
{
	(void)d;
	abort();
}

enum MHD_Result MHD_run(struct MHD_Daemon *d)
{
	(void)d;
	abort();
}

enum MHD_Result MHD_get_timeout(
    struct MHD_Daemon *d, MHD_UNSIGNED_LONG_LONG *timeout)
{
	(void)d;
	(void)timeout;
	abort();
}

enum MHD_Result MHD_add_connection(struct MHD_Daemon *d, MHD_socket fd,
    const struct sockaddr *addr, socklen_t len)
{
	(void)d;
	(void)fd;
	(void)addr;
	(void)len;
	abort();
}

const union MHD_DaemonInfo *MHD_get_daemon_info(
    struct MHD_Daemon *d, enum MHD_DaemonInfoType type, ...)
{
	(void)d;
	(void)type;
	abort();
}

/* The library calls it, too, when it is loaded. */
void MHD_set_panic_func(MHD_PanicCallback cb, void *cls)
{
	(void)cb;
	(void)cls;
}

/*
 * The connection.
 */

void web_init(struct web *w, const struct http_handler *handler)
{
	int pair[2];

	memset(w, 0, sizeof(*w));
	assert_ok(conf_init(&w->conf));
	assert_ok(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	w->peer_fd = pair[1];
	w->mhd.conn = &w->conn;
	w->conn = (struct http_conn){.magic = HTTP_CONN_MAGIC,
	    .fd = pair[0],
	    .loop = &w->loop,
	    .mhd = &w->mhd,
	    .linger_fd = -1};
	w->loop.conf = &w->conf;
	w->loop.handler = handler;
	w->loop.arrivals_end = &w->loop.arrivals;
	w->loop.wakers_end = &w->loop.wakers;
	w->loop.epoll_fd = -1;
	w->loop.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_ok(w->loop.event_fd);
	pthread_mutex_init(&w->loop.inbox_lock, NULL);
}

void web_fini(struct web *w)
{
	web_wakes(w);
	if (w->conn.linger_fd >= 0)
		close(w->conn.linger_fd);
	close(w->conn.fd);
	close(w->peer_fd);
	assert_int_equal(w->loop.active, 0);
	http_loop_fini(&w->loop);
	conf_fini(&w->conf);
}

static void handle(struct web *w, const char *data, size_t *size)
{
	const struct http_request *req = w->ctx;

	assert_false(w->mhd.suspended);
	if (w->refused || w->mhd.response)
		return;
	w->refused = http_request_handle(&w->loop, &w->mhd, req->target,
			 req->method_name, "HTTP/1.1", data, size,
			 &w->ctx) != MHD_YES;
	w->status = w->mhd.response ? w->mhd.status : 0;
}

void web_begin(struct web *w, const char *method, const char *target,
    const struct fake_field *fields)
{
	static struct fake_field all[FAKE_FIELDS_MAX];
	size_t n = 0, none = 0;

	all[n++] = (struct fake_field){"Host", "example.com"};
	for (; fields && fields->name; fields++) {
		assert_true(n < FAKE_FIELDS_MAX - 1);
		all[n++] = *fields;
	}
	all[n] = (struct fake_field){NULL, NULL};
	w->mhd.fields = all;
	w->mhd.status = w->status = 0;
	w->refused = false;
	w->ctx = http_request_start(&w->loop, target, &w->mhd);
	assert_non_null(w->ctx);
	w->refused = http_request_handle(&w->loop, &w->mhd, target, method,
			 "HTTP/1.1", NULL, &none, &w->ctx) != MHD_YES;
	w->status = w->mhd.response ? w->mhd.status : 0;
}

size_t web_body(struct web *w, const void *data, size_t len)
{
	size_t left = len;

	while (left && !w->mhd.suspended && !w->refused && !w->mhd.response)
		handle(w, (const char *)data + (len - left), &left);
	return len - left;
}

void web_end(struct web *w)
{
	size_t none = 0;

	handle(w, NULL, &none);
}

unsigned web_wakes(struct web *w)
{
	struct http_loop *l = &w->loop;
	uint64_t count;
	unsigned n = 0;

	(void)!read(l->event_fd, &count, sizeof(count));
	atomic_store(&l->signalled, false);
	pthread_mutex_lock(&l->inbox_lock);
	struct http_waker *waker = l->wakers;
	l->wakers = NULL;
	l->wakers_end = &l->wakers;
	pthread_mutex_unlock(&l->inbox_lock);
	while (waker) {
		struct http_waker *next = waker->next;

		atomic_store(&waker->queued, false);
		if (waker->req && atomic_load(&waker->cut))
			http_request_cut(waker->req);
		else if (waker->req)
			http_request_resume(waker->req);
		http_waker_unref(waker);
		waker = next;
		n++;
	}
	return n;
}

void web_wait(struct web *w)
{
	while (w->mhd.suspended) {
		struct pollfd fd = {w->loop.event_fd, POLLIN, 0};

		assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
		web_wakes(w);
	}
}

void web_done(struct web *w, bool complete)
{
	w->mhd.suspended = false;
	http_request_completed(&w->loop, &w->mhd, &w->ctx,
	    complete ? MHD_REQUEST_TERMINATED_COMPLETED_OK
		     : MHD_REQUEST_TERMINATED_CLIENT_ABORT);
	if (w->mhd.response)
		MHD_destroy_response(w->mhd.response);
	w->mhd.response = NULL;
	w->mhd.fields = NULL;
	w->status = 0;
}

const char *web_field(const struct web *w, const char *name)
{
	const struct MHD_Response *r = w->mhd.response;

	for (unsigned i = 0; r && i < r->count; i++) {
		if (!strcasecmp(r->fields[i].name, name))
			return r->fields[i].value;
	}
	return NULL;
}

uint64_t web_length(const struct web *w)
{
	assert_non_null(w->mhd.response);
	return w->mhd.response->size;
}

size_t web_read(
    struct web *w, uint64_t pos, void *buf, size_t max, ssize_t *ret_end)
{
	const struct MHD_Response *r = w->mhd.response;
	size_t n = 0;

	assert_non_null(r);
	*ret_end = 0;
	while (n < max && pos + n < r->size && !w->mhd.suspended) {
		uint64_t at = pos + n;
		size_t want = max - n;
		ssize_t got = 0;

		if (want > r->size - at)
			want = (size_t)(r->size - at);
		if (r->reader)
			got = r->reader(r->cls, at, (char *)buf + n, want);
		else if (r->fd >= 0)
			got = pread(r->fd, (char *)buf + n, want,
			    (off_t)(r->fd_off + at));
		else
			memcpy((char *)buf + n, r->data + at, want);
		if (got < 0) {
			*ret_end = got;
			return n;
		}
		n += r->reader || r->fd >= 0 ? (size_t)got : want;
	}
	if (pos + n == r->size)
		*ret_end = MHD_CONTENT_READER_END_OF_STREAM;
	return n;
}

unsigned web_ask(struct web *w, const char *method, const char *target,
    const struct fake_field *fields)
{
	web_begin(w, method, target, fields);
	if (!w->status && !w->refused)
		web_end(w);
	return w->status;
}
