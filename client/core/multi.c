/* SPDX-License-Identifier: MIT */
#include <spillway/client_multi.h>

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/error.h"
#include "core/put.h"
#include "core/transport.h"
#include "core/upload.h"

#define EVENTS_AT_ONCE 32
#define CALL_MAGIC 0x73706361u

enum kind { PUT, GET, APPEND, LOOK };

struct spwc_call {
	uint32_t magic;
	enum kind kind;
	struct spwc_multi *multi;
	struct spwc__request request;
	/** What the request's pointer is to. */
	struct spwc_sink sink;
	spwc_done_fn done;
	void *arg;
	struct spwc_call *prev;
	struct spwc_call *next;
};

struct spwc_multi {
	CURLM *curl;
	/** Has the sockets and the timers, and is what the program watches. */
	int epoll_fd;
	/** Libcurl's, and that of calls which rest to keep their rate. */
	int timer_fd;
	int turn_fd;
	/** Some call has a rate. */
	bool paced;
	struct spwc_call *calls;
	size_t running;
};

/* ---- what libcurl wants to be told of ----------------------------------- */

static int on_socket(
    CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct spwc_multi *m = arg;
	struct epoll_event event = {.data.fd = fd};

	(void)easy;
	(void)socket_arg;
	if (what == CURL_POLL_REMOVE) {
		/* It may be closed already. */
		epoll_ctl(m->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) |
		       (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	if (epoll_ctl(m->epoll_fd, EPOLL_CTL_MOD, fd, &event) < 0 &&
	    (errno != ENOENT ||
		epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0))
		return -1;
	return 0;
}

static int on_timer(CURLM *curl, long timeout_ms, void *arg)
{
	struct spwc_multi *m = arg;
	struct itimerspec when = {.it_value.tv_sec = 0};

	(void)curl;
	if (timeout_ms == 0) {
		/* At once; all zero would be never. */
		when.it_value.tv_nsec = 1;
	} else if (timeout_ms > 0) {
		when.it_value.tv_sec = timeout_ms / 1000;
		when.it_value.tv_nsec = timeout_ms % 1000 * 1000000;
	}
	return timerfd_settime(m->timer_fd, 0, &when, NULL) < 0 ? -1 : 0;
}

/* ---- making and freeing ------------------------------------------------- */

static int open_timer(struct spwc_multi *m, int *ret_fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	*ret_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (*ret_fd < 0)
		return -errno;

	event.data.fd = *ret_fd;
	return epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, *ret_fd, &event) < 0
		   ? -errno
		   : 0;
}

static int open_descriptors(struct spwc_multi *m)
{
	m->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (m->epoll_fd < 0)
		return -errno;

	int r = open_timer(m, &m->timer_fd);
	return r < 0 ? r : open_timer(m, &m->turn_fd);
}

int spwc_multi_new(struct spwc_multi **ret_multi)
{
	struct spwc_multi *m = calloc(1, sizeof(*m));
	if (m == NULL)
		return -ENOMEM;

	m->epoll_fd = -1;
	m->timer_fd = -1;
	m->turn_fd = -1;
	int r = open_descriptors(m);
	if (r == 0) {
		m->curl = curl_multi_init();
		r = m->curl != NULL ? 0 : -ENOMEM;
	}
	if (r < 0) {
		spwc_multi_free(m);
		return r;
	}

	curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m);
	curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
	*ret_multi = m;
	return 0;
}

static void free_call(struct spwc_call *call)
{
	curl_easy_cleanup(call->request.easy);
	spwc__request_fini(&call->request);
	call->magic = 0;
	free(call);
}

static void take_out(struct spwc_call *call)
{
	struct spwc_multi *m = call->multi;

	curl_multi_remove_handle(m->curl, call->request.easy);
	if (call->prev != NULL)
		call->prev->next = call->next;
	else
		m->calls = call->next;
	if (call->next != NULL)
		call->next->prev = call->prev;
	m->running--;
}

void spwc_multi_free(struct spwc_multi *m)
{
	if (m == NULL)
		return;
	while (m->calls != NULL)
		spwc_call_cancel(m->calls);
	curl_multi_cleanup(m->curl);
	if (m->timer_fd >= 0)
		close(m->timer_fd);
	if (m->turn_fd >= 0)
		close(m->turn_fd);
	if (m->epoll_fd >= 0)
		close(m->epoll_fd);
	free(m);
}

void spwc_call_cancel(struct spwc_call *call)
{
	assert(call->magic == CALL_MAGIC);
	take_out(call);
	free_call(call);
}

/* ---- keeping a rate ----------------------------------------------------- */

static uint64_t paid_us(const struct spwc_call *call)
{
	return call->request.c->pace.paid_us;
}

/* Who rests and may go on first; of those of one client, who has rested for
 * longest. */
static struct spwc_call *next_turn(const struct spwc_multi *m)
{
	struct spwc_call *next = NULL;

	for (struct spwc_call *c = m->calls; c != NULL; c = c->next) {
		uint64_t since = c->request.resting_us;

		if (since != 0 && (next == NULL || paid_us(c) < paid_us(next) ||
				      (paid_us(c) == paid_us(next) &&
					  since < next->request.resting_us)))
			next = c;
	}
	return next;
}

/* Goes on with those whose turn it is. A callback may cancel any other call,
 * so each time the list is looked through anew. */
static void take_turns(struct spwc_multi *m)
{
	uint64_t now = spwc__pace_now_us();
	struct spwc_call *call;

	while ((call = next_turn(m)) != NULL && paid_us(call) <= now) {
		call->request.resting_us = 0;
		curl_easy_pause(call->request.easy, CURLPAUSE_CONT);
	}
}

static void set_turn_timer(struct spwc_multi *m)
{
	const struct spwc_call *call = m->paced ? next_turn(m) : NULL;
	struct itimerspec when = {.it_value.tv_sec = 0};

	if (call == NULL)
		return;
	when.it_value.tv_sec = (time_t)(paid_us(call) / 1000000);
	when.it_value.tv_nsec = (long)(paid_us(call) % 1000000) * 1000;
	timerfd_settime(m->turn_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

void spwc_call_resume(struct spwc_call *call)
{
	assert(call->magic == CALL_MAGIC);
	curl_easy_pause(call->request.easy, CURLPAUSE_CONT);
	/* It may have to rest now, with nothing else to wake it. */
	set_turn_timer(call->multi);
}

/* ---- running ------------------------------------------------------------ */

static void finish(struct spwc_call *call, CURLcode code)
{
	struct spwc__request *r = &call->request;
	struct spwc_result result = {.err = 0};
	struct spwc_file file = {0};

	spwc__transport_end(r, code);
	result.err = r->failed;
	result.error = r->error;
	if (call->kind == GET)
		result.content = &r->content;
	else if (call->kind == PUT && result.err == 0)
		result.err = spwc__request_file_of(r, &file, &result.error);
	else if (result.err == 0)
		result.err =
		    spwc__upload_read(r, &result.upload, &result.error);
	if (file.id != NULL)
		result.file = &file;

	take_out(call);
	call->done(call->arg, &result);
	free_call(call);
	spwc_file_fini(&file);
}

static void finish_all(struct spwc_multi *m)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(m->curl, &left)) != NULL) {
		struct spwc_call *call = NULL;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(
		    message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		assert(call->magic == CALL_MAGIC);
		finish(call, code);
	}
}

static void on_event(struct spwc_multi *m, const struct epoll_event *event)
{
	uint64_t expired;
	int mask = 0;
	int running;

	if (event->data.fd == m->timer_fd) {
		(void)!read(m->timer_fd, &expired, sizeof(expired));
		curl_multi_socket_action(
		    m->curl, CURL_SOCKET_TIMEOUT, 0, &running);
		return;
	}
	if (event->data.fd == m->turn_fd) {
		(void)!read(m->turn_fd, &expired, sizeof(expired));
		take_turns(m);
		return;
	}
	mask |= event->events & EPOLLIN ? CURL_CSELECT_IN : 0;
	mask |= event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
	mask |= event->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0;
	curl_multi_socket_action(m->curl, event->data.fd, mask, &running);
}

int spwc_multi_fd(const struct spwc_multi *m)
{
	return m->epoll_fd;
}

size_t spwc_multi_perform(struct spwc_multi *m)
{
	struct epoll_event events[EVENTS_AT_ONCE];

	int n = epoll_wait(m->epoll_fd, events, EVENTS_AT_ONCE, 0);
	for (int i = 0; i < n; i++)
		on_event(m, &events[i]);
	finish_all(m);
	set_turn_timer(m);
	return m->running;
}

size_t spwc_multi_wait(struct spwc_multi *m, int timeout_ms)
{
	struct pollfd p = {.fd = m->epoll_fd, .events = POLLIN};

	if (m->running > 0 || timeout_ms >= 0)
		poll(&p, 1, timeout_ms);
	return spwc_multi_perform(m);
}

/* ---- beginning ---------------------------------------------------------- */

static struct spwc_call *new_call(
    enum kind kind, spwc_done_fn done, void *arg, struct spwc_error *e)
{
	struct spwc_call *call = calloc(1, sizeof(*call));

	if (call == NULL) {
		spwc__error_oom(e);
		return NULL;
	}
	call->magic = CALL_MAGIC;
	call->kind = kind;
	call->done = done;
	call->arg = arg;
	return call;
}

/* Takes the call, whose request was built. */
static int begin(struct spwc_multi *m, struct spwc_call *call,
    struct spwc_call **ret_call, struct spwc_error *reterr_error)
{
	struct spwc__request *r = &call->request;

	r->shared = true;
	r->easy = curl_easy_init();
	if (r->easy == NULL)
		r->failed = spwc__error_oom(&r->error);
	spwc__request_check(r, NULL);
	if (r->failed == 0)
		spwc__transport_start(r);
	if (r->failed == 0 &&
	    (curl_easy_setopt(r->easy, CURLOPT_PRIVATE, call) != CURLE_OK ||
		curl_multi_add_handle(m->curl, r->easy) != CURLM_OK))
		r->failed = spwc__error_oom(&r->error);
	if (r->failed < 0) {
		int err = r->failed;

		if (reterr_error != NULL)
			*reterr_error = r->error;
		free_call(call);
		return err;
	}

	call->multi = m;
	call->next = m->calls;
	if (m->calls != NULL)
		m->calls->prev = call;
	m->calls = call;
	m->running++;
	m->paced |= r->paced;
	if (ret_call != NULL)
		*ret_call = call;
	return 0;
}

int spwc_multi_put(struct spwc_multi *m, struct spwc_client *c,
    const struct spwc_put_opts *opts, const struct spwc_source *source,
    spwc_done_fn done, void *arg, struct spwc_call **ret_call,
    struct spwc_error *reterr_error)
{
	struct spwc_call *call = new_call(PUT, done, arg, reterr_error);
	if (call == NULL)
		return -ENOMEM;

	spwc__put_build(&call->request, c, opts, source);
	return begin(m, call, ret_call, reterr_error);
}

int spwc_multi_get(struct spwc_multi *m, struct spwc_client *c, const char *ref,
    const struct spwc_get_opts *opts, const struct spwc_sink *sink,
    spwc_done_fn done, void *arg, struct spwc_call **ret_call,
    struct spwc_error *reterr_error)
{
	struct spwc_call *call = new_call(GET, done, arg, reterr_error);
	if (call == NULL)
		return -ENOMEM;

	call->sink = *sink;
	spwc__request_init(&call->request, c, "GET");
	spwc__request_file(&call->request, ref, "");
	spwc__request_range(&call->request, opts);
	call->request.sink = &call->sink;
	return begin(m, call, ret_call, reterr_error);
}

int spwc_multi_append(struct spwc_multi *m, struct spwc_client *c,
    const char *ref, uint64_t offset, const struct spwc_source *source,
    spwc_done_fn done, void *arg, struct spwc_call **ret_call,
    struct spwc_error *reterr_error)
{
	struct spwc_call *call = new_call(APPEND, done, arg, reterr_error);
	if (call == NULL)
		return -ENOMEM;

	spwc__append_build(&call->request, c, ref, offset, source);
	return begin(m, call, ret_call, reterr_error);
}

int spwc_multi_look(struct spwc_multi *m, struct spwc_client *c,
    const char *ref, spwc_done_fn done, void *arg, struct spwc_call **ret_call,
    struct spwc_error *reterr_error)
{
	struct spwc_call *call = new_call(LOOK, done, arg, reterr_error);
	if (call == NULL)
		return -ENOMEM;

	spwc__look_build(&call->request, c, ref);
	return begin(m, call, ret_call, reterr_error);
}
