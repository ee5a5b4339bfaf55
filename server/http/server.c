/* SPDX-License-Identifier: MIT */
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "http/acceptor.h"

#define LOOPS_DEFAULT 4
/* For the library: server.max_connections, which may be raised, is ours. */
#define CONNECTIONS_MAX 1000001
/* When the next one has the sockets: how long whoever is connected may take to
   ask once more, and be told by the answer that this was the last. */
#define GRACE_MS 2000
/* A loop that has not turned for so long hangs. */
#define BEAT_MS 10000

static unsigned loop_count(const struct conf *conf)
{
	if (conf->server.threads)
		return conf->server.threads;

	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	if (cores < 1)
		return 1;
	return cores > LOOPS_DEFAULT ? LOOPS_DEFAULT : (unsigned)cores;
}

static void panic(
    void *cls, const char *file, unsigned line, const char *reason)
{
	(void)cls;
	log_error("libmicrohttpd gave up at %s:%u: %s", file, line,
	    reason ? reason : "no reason");
	abort();
}

int http_server_new(const struct conf *conf, const struct http_handler *handler,
    const struct notify_fds *fds, struct http_server **ret,
    struct conf_error *reterr)
{
	unsigned n = loop_count(conf);
	struct http_server *s =
	    calloc(1, sizeof(*s) + n * sizeof(struct http_loop));
	if (!s)
		return conf_error_set(reterr, -ENOMEM, "out of memory");

	MHD_set_panic_func(panic, NULL);
	s->conf = conf;
	s->handler = *handler;
	s->stop_fd = s->spare_fd = -1;
	int r = http_acceptor_open(s, fds, reterr);
	for (unsigned i = 0; r == 0 && i < n; i++) {
		s->loop_count++;
		r = http_loop_init(&s->loops[i], s, conf, &s->handler,
		    CONNECTIONS_MAX);
		if (r < 0)
			conf_error_set(reterr, r,
			    "cannot set up an event loop: %s", strerror(-r));
	}
	if (r < 0) {
		http_server_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

int http_server_start(struct http_server *s)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < s->loop_count; i++)
		r = http_loop_start(&s->loops[i]);
	if (r == 0)
		r = http_acceptor_start(s);
	if (r == 0)
		http_acceptor_keep(s);
	return r;
}

uint16_t http_server_port(const struct http_server *s)
{
	for (unsigned i = 0; i < s->listener_count; i++) {
		const struct http_listener *l = &s->listeners[i];

		if (l->addr.sa.sa_family == AF_INET)
			return ntohs(l->addr.in.sin_port);
		if (l->addr.sa.sa_family == AF_INET6)
			return ntohs(l->addr.in6.sin6_port);
	}
	return 0;
}

bool http_server_url(
    const struct http_server *s, unsigned i, char out[HTTP_URL_SIZE])
{
	char text[INET6_ADDRSTRLEN];

	if (i >= s->listener_count)
		return false;

	const struct http_listener *l = &s->listeners[i];
	const char *scheme = l->tls ? "https" : "http";
	switch (l->addr.sa.sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &l->addr.in.sin_addr, text, sizeof(text));
		snprintf(out, HTTP_URL_SIZE, "%s://%s:%u", scheme, text,
		    ntohs(l->addr.in.sin_port));
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &l->addr.in6.sin6_addr, text, sizeof(text));
		snprintf(out, HTTP_URL_SIZE, "%s://[%s]:%u", scheme, text,
		    ntohs(l->addr.in6.sin6_port));
		break;
	default:
		snprintf(out, HTTP_URL_SIZE, "unix:%s", l->addr.un.sun_path);
	}
	return true;
}

void http_server_drain(struct http_server *s)
{
	if (http_server_draining(s))
		return;

	/* Who comes now is served by the next one, that has the sockets; and
	   nobody may see a drain without seeing that. */
	bool lasts = http_acceptor_lasts(s);
	atomic_store(&s->drained_ms, clock_ms());
	atomic_store(&s->handing_over, lasts);
	atomic_store(&s->draining, true);
	if (lasts)
		http_acceptor_stop(s);
	metrics_set(METRIC_DRAINING, 1);
	for (unsigned i = 0; i < s->loop_count; i++)
		http_loop_drain(&s->loops[i]);
}

bool http_server_handing_over(const struct http_server *s)
{
	return atomic_load_explicit(&s->handing_over, memory_order_relaxed);
}

bool http_server_draining(const struct http_server *s)
{
	return atomic_load_explicit(&s->draining, memory_order_acquire);
}

uint64_t http_server_active(const struct http_server *s)
{
	bool grace = http_server_handing_over(s) &&
		     clock_ms() - atomic_load(&s->drained_ms) < GRACE_MS;
	uint64_t n = 0;

	for (unsigned i = 0; i < s->loop_count; i++)
		n += grace ? atomic_load(&s->loops[i].connections)
			   : atomic_load(&s->loops[i].active);
	return n;
}

bool http_server_beat(struct http_server *s)
{
	uint64_t now = clock_ms();

	for (unsigned i = 0; i < s->loop_count; i++) {
		if (now - atomic_load(&s->loops[i].turned_ms) > BEAT_MS)
			return false;
	}
	return true;
}

void http_server_stop(struct http_server *s)
{
	http_acceptor_stop(s);
	for (unsigned i = 0; i < s->loop_count; i++)
		http_loop_join(&s->loops[i]);
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;

	http_acceptor_close(s);
	for (unsigned i = 0; i < s->loop_count; i++)
		http_loop_fini(&s->loops[i]);
	http_cert_free(atomic_load(&s->cert));
	free(s);
}
