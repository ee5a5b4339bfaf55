/* SPDX-License-Identifier: MIT */
#include "http/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "http/server.h"

#define EVENTS 128
/* The longest sleep: deadlines are looked at once a second. */
#define SCAN_MS 1000
/* How many turns a stop gives the library to let go of connections. */
#define STOP_TURNS 100

static void library_log(void *cls, const char *fmt, va_list ap)
    SPW_PRINTF(2, 0);

/* What the library says quotes what clients sent: for debugging only. */
static void library_log(void *cls, const char *fmt, va_list ap)
{
	/* Of what it answers by itself it tells nowhere else. */
	static const char refuses[] =
	    "Error processing request (HTTP response code is %u ";
	static const char handshake[] = "Error: received handshake message";
	char line[512];
	va_list copy;

	va_copy(copy, ap);
	vsnprintf(line, sizeof(line), fmt, ap);
	log_debug("libmicrohttpd: %s", line);
	if (strncmp(fmt, refuses, strlen(refuses)) == 0)
		http_refusal_seen(cls, (int)va_arg(copy, unsigned));
	else if (strncmp(fmt, handshake, strlen(handshake)) == 0)
		http_refusal_seen(cls, 0);
	va_end(copy);
}

/* Percent-decoding is ours: the library would cut at %00. */
static size_t keep_escapes(void *cls, struct MHD_Connection *c, char *s)
{
	(void)cls;
	(void)c;
	return strlen(s);
}

/*
 * How strictly the library reads a request. Of age it has three levels, which
 * change nothing that matters here; http_gate() refuses what others may read
 * otherwise. A newer one parses so that this cannot be seen any more: it has
 * to refuse bare line feeds, folded lines and spaces in the target itself.
 */
#if MHD_VERSION >= 0x00097701
#define LIBRARY_DISCIPLINE MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1
#else
#define LIBRARY_DISCIPLINE MHD_OPTION_STRICT_FOR_CLIENT, 0
#endif

const char *http_library_version(void)
{
	return MHD_get_version();
}

static struct MHD_Daemon *start_library(
    struct http_loop *l, unsigned max, bool tls)
{
	struct MHD_OptionItem options[3] = {{MHD_OPTION_END, 0, NULL}};
	unsigned idle_s =
	    (unsigned)((l->conf->server.idle_timeout + 999) / 1000);

	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
			 MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG;
#if MHD_VERSION >= 0x00097707
	/* Only the loop's thread calls it; and without this a connection is
	   not added at once. */
	flags |= MHD_USE_NO_THREAD_SAFETY;
#endif
	if (tls && !http_tls_options(options))
		return NULL;
	if (tls)
		flags |= MHD_USE_TLS;
	return MHD_start_daemon(flags, 0, NULL, NULL, http_request_handle, l,
	    MHD_OPTION_EXTERNAL_LOGGER, library_log, l,
	    /* Without this neither sendfile nor writev is used. */
	    MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
	    /* Cleared after each request: larger costs on every one. */
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    (size_t)l->conf->server.connection_memory,
	    MHD_OPTION_CONNECTION_LIMIT, max, MHD_OPTION_CONNECTION_TIMEOUT,
	    idle_s, LIBRARY_DISCIPLINE,
	    MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
	    MHD_OPTION_URI_LOG_CALLBACK, http_request_start, l,
	    MHD_OPTION_NOTIFY_COMPLETED, http_request_completed, l,
	    MHD_OPTION_NOTIFY_CONNECTION, http_conn_notify, l,
	    MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

static int watch(struct http_loop *l, int fd, struct http_source *source,
    enum source_kind kind)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = source};

	source->kind = kind;
	return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

/* Have one more instance of the library. Errors: -ENOMEM. */
static int add_library(struct http_loop *l, unsigned max, int which)
{
	l->mhd[which] = start_library(l, max, which == LIBRARY_TLS);
	if (!l->mhd[which])
		return -ENOMEM;

	const union MHD_DaemonInfo *info =
	    MHD_get_daemon_info(l->mhd[which], MHD_DAEMON_INFO_EPOLL_FD);
	return watch(l, info->epoll_fd, &l->library_sources[which],
	    SOURCE_LIBRARY);
}

int http_loop_init(struct http_loop *l, struct http_server *server,
    const struct conf *conf, const struct http_handler *handler,
    unsigned connections_max)
{
	l->server = server;
	l->conf = conf;
	l->handler = handler;
	l->arrivals_end = &l->arrivals;
	l->wakers_end = &l->wakers;
	pthread_mutex_init(&l->inbox_lock, NULL);
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->epoll_fd < 0 || l->event_fd < 0)
		return -errno;

	l->access = calloc(1, sizeof(*l->access));
	if (!l->access)
		return -ENOMEM;

	l->parses_in_place = strverscmp(http_library_version(), "0.9.76") < 0;
	int r = add_library(l, connections_max, LIBRARY_PLAIN);
	if (r == 0 && conf->server.tls_cert[0])
		r = add_library(l, connections_max, LIBRARY_TLS);
	if (r < 0)
		return r;

	return watch(l, l->event_fd, &l->inbox_source, SOURCE_INBOX);
}

void http_loop_signal(struct http_loop *l)
{
	/* One write a burst: the loop clears the flag before it looks. */
	if (atomic_exchange(&l->signalled, true))
		return;

	uint64_t one = 1;
	while (write(l->event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

int http_loop_post(struct http_loop *l, int fd,
    const struct sockaddr_storage *addr, const struct http_arrival *how)
{
	struct http_arrival *a = malloc(sizeof(*a));
	if (!a)
		return -ENOMEM;

	*a = *how;
	a->next = NULL;
	a->fd = fd;
	a->addr = *addr;
	pthread_mutex_lock(&l->inbox_lock);
	*l->arrivals_end = a;
	l->arrivals_end = &a->next;
	pthread_mutex_unlock(&l->inbox_lock);
	http_loop_signal(l);
	return 0;
}

void http_loop_drain(struct http_loop *l)
{
	atomic_store(&l->drain, true);
	http_loop_signal(l);
}

bool http_loop_draining(const struct http_loop *l)
{
	return atomic_load_explicit(&l->drain, memory_order_relaxed);
}

static void take_inbox(struct http_loop *l)
{
	uint64_t count;

	if (read(l->event_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_error("eventfd: %s", strerror(errno));
	atomic_store(&l->signalled, false);

	pthread_mutex_lock(&l->inbox_lock);
	struct http_arrival *a = l->arrivals;
	struct http_waker *w = l->wakers;
	l->arrivals = NULL;
	l->arrivals_end = &l->arrivals;
	l->wakers = NULL;
	l->wakers_end = &l->wakers;
	pthread_mutex_unlock(&l->inbox_lock);

	while (a) {
		struct http_arrival *next = a->next;

		http_conn_add(l, a);
		free(a);
		a = next;
	}
	while (w) {
		struct http_waker *next = w->next;

		atomic_store(&w->queued, false);
		if (w->req && atomic_load(&w->cut))
			http_request_cut(w->req);
		else if (w->req)
			http_request_resume(w->req);
		http_waker_unref(w);
		w = next;
	}
	metrics_add(METRIC_LOOP_MESSAGES, 1);
}

/* Milliseconds until something is due. */
static int until_due(struct http_loop *l, uint64_t now_ms)
{
	MHD_UNSIGNED_LONG_LONG due;
	uint64_t wait = l->scan_ms > now_ms ? l->scan_ms - now_ms : 0;

	if (l->ran)
		return 0;
	for (int i = 0; i < LIBRARIES; i++) {
		if (l->mhd[i] && MHD_get_timeout(l->mhd[i], &due) == MHD_YES &&
		    due < wait)
			wait = due;
	}
	return (int)wait;
}

static void dispatch(struct http_loop *l, struct epoll_event *ev)
{
	struct http_source *source = ev->data.ptr;

	switch (source->kind) {
	case SOURCE_INBOX:
		take_inbox(l);
		break;
	case SOURCE_LIBRARY:
		break;
	case SOURCE_CONN:
		http_conn_event((struct http_conn *)source, ev->events);
		break;
	case SOURCE_LINGER:
		http_linger_read(l, (struct http_linger *)source);
		break;
	}
}

/* As long as it has bytes at hand, a few times without asking the kernel. */
static void run_library(struct http_loop *l, struct MHD_Daemon *mhd)
{
	MHD_UNSIGNED_LONG_LONG due;

	for (int i = 0; mhd && i < HTTP_LIBRARY_RUNS; i++) {
		MHD_run(mhd);
		if (l->ran || MHD_get_timeout(mhd, &due) != MHD_YES || due)
			break;
	}
}

static void stop_libraries(struct http_loop *l)
{
	for (int i = 0; i < LIBRARIES; i++) {
		if (l->mhd[i])
			MHD_stop_daemon(l->mhd[i]);
		l->mhd[i] = NULL;
	}
}

static void turn(struct http_loop *l)
{
	struct epoll_event events[EVENTS];
	uint64_t now = clock_ms();

	int n = epoll_wait(l->epoll_fd, events, EVENTS, until_due(l, now));
	l->ran = false;
	for (int i = 0; i < n; i++)
		dispatch(l, &events[i]);

	now = clock_ms();
	atomic_store_explicit(&l->turned_ms, now, memory_order_relaxed);
	if (now >= l->scan_ms) {
		l->scan_ms = now + SCAN_MS;
		http_conn_scan(l, now);
		http_linger_expire(l, now, false);
		http_refusals_flush(l);
		access_flush(l->access);
	}
	if (http_loop_draining(l) && !l->drain_seen) {
		l->drain_seen = true;
		http_conn_wake_all(l);
	}
	http_ahead_look(l);
	l->turns++;
	run_library(l, l->mhd[LIBRARY_PLAIN]);
	run_library(l, l->mhd[LIBRARY_TLS]);
}

static void *run(void *arg)
{
	struct http_loop *l = arg;

	while (!atomic_load_explicit(&l->stop, memory_order_relaxed))
		turn(l);

	/* Suspended connections must be resumed before the library stops. */
	for (int i = 0; i < STOP_TURNS && l->conns; i++) {
		http_conn_cut_all(l);
		l->scan_ms = clock_ms() + 10;
		turn(l);
	}
	take_inbox(l);
	http_conn_cut_all(l);
	for (int i = 0; i < LIBRARIES; i++) {
		if (l->mhd[i])
			MHD_run(l->mhd[i]);
	}
	stop_libraries(l);
	http_linger_expire(l, 0, true);
	http_refusals_flush(l);
	http_refusals_flush(l);
	access_flush(l->access);
	return NULL;
}

int http_loop_start(struct http_loop *l)
{
	atomic_store(&l->turned_ms, clock_ms());
	int r = thread_start(&l->thread, "loop", run, l);
	l->running = r == 0;
	return r;
}

void http_loop_join(struct http_loop *l)
{
	if (!l->running)
		return;

	atomic_store(&l->stop, true);
	http_loop_signal(l);
	pthread_join(l->thread, NULL);
	l->running = false;
}

/* What came when the thread was gone, or before it ever ran. */
static void drop_inbox(struct http_loop *l)
{
	while (l->arrivals) {
		struct http_arrival *a = l->arrivals;

		l->arrivals = a->next;
		close(a->fd);
		free(a);
	}
	while (l->wakers) {
		struct http_waker *w = l->wakers;

		l->wakers = w->next;
		http_waker_unref(w);
	}
}

void http_loop_fini(struct http_loop *l)
{
	stop_libraries(l);
	drop_inbox(l);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	if (l->event_fd >= 0)
		close(l->event_fd);
	http_request_drop_spares(l);
	free(l->access);
	pthread_mutex_destroy(&l->inbox_lock);
}
