/* SPDX-License-Identifier: MIT */
#include "http/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics.h"

#define BACKLOG 4096
/* After running out of descriptors: listen again when some may be free. */
#define OUT_OF_FDS_MS 100

/* A socket file left behind by a process that is gone is in the way. */
static void remove_stale(const struct sockaddr_un *un)
{
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (stat(un->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    connect(fd, (const struct sockaddr *)un, sizeof(*un)) < 0 &&
	    errno == ECONNREFUSED)
		unlink(un->sun_path);
	close(fd);
}

static int open_socket(const struct listen_addr *a)
{
	int family = a->addr.sa.sa_family, one = 1, zero = 0;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (family == AF_UNIX)
		remove_stale(&a->addr.un);
	else
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY,
		    a->dual_stack ? &zero : &one, sizeof(one));
	if (bind(fd, &a->addr.sa, a->addr_len) < 0 || listen(fd, BACKLOG) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static int add_listener(struct http_server *s, int fd, bool own_path)
{
	struct http_listener *l = &s->listeners[s->listener_count];
	socklen_t len = sizeof(l->addr.storage);

	if (s->listener_count == HTTP_LISTENERS_MAX)
		return -E2BIG;

	memset(&l->addr, 0, sizeof(l->addr));
	if (getsockname(fd, &l->addr.sa, &len) < 0)
		return -errno;

	l->fd = fd;
	l->unix_path = own_path;
	s->listener_count++;
	return 0;
}

/* `*` where there is no IPv6 means every IPv4 address. */
static int open_any(const struct listen_addr *a)
{
	struct listen_addr v4 = {.kind = LISTEN_INET};
	struct sockaddr_in *in = (void *)&v4.addr.storage;
	const struct sockaddr_in6 *in6 = (const void *)&a->addr.storage;
	int fd = open_socket(a);

	if (fd != -EAFNOSUPPORT || !a->dual_stack)
		return fd;

	in->sin_family = AF_INET;
	in->sin_port = in6->sin6_port;
	v4.addr_len = sizeof(*in);
	return open_socket(&v4);
}

static int open_one(struct http_server *s, const struct listen_addr *a,
    struct conf_error *reterr)
{
	char text[LISTEN_TEXT_SIZE];
	int fd = open_any(a);
	int r = fd < 0 ? fd : add_listener(s, fd, a->kind == LISTEN_UNIX);

	if (r < 0) {
		listen_format(a, text);
		return conf_error_set(
		    reterr, r, "cannot listen on %s: %s", text, strerror(-r));
	}
	return 0;
}

static int open_systemd(
    struct http_server *s, int first, int count, struct conf_error *reterr)
{
	if (count <= 0)
		return conf_error_set(reterr, -ENOENT,
		    "server.listen names systemd, but no socket was handed "
		    "over");

	for (int i = 0; i < count; i++) {
		struct http_listener *l = &s->listeners[s->listener_count];
		int flags = fcntl(first + i, F_GETFL);

		fcntl(first + i, F_SETFL, flags | O_NONBLOCK);
		int r = add_listener(s, first + i, false);
		if (r < 0)
			return conf_error_set(reterr, r,
			    "a socket that was handed over is of no use: %s",
			    strerror(-r));
		if (s->conf->auth.mode == CONF_AUTH_AUTO &&
		    !listen_is_local(&l->addr.sa))
			return conf_error_set(reterr, -EACCES,
			    "a socket that was handed over can be reached "
			    "from other machines; set auth.mode = none to "
			    "serve them all");
	}
	return 0;
}

/* Whether `server.listen` says what it says when nobody sets it. */
static bool is_default(const struct conf_listen *listen)
{
	char text[LISTEN_TEXT_SIZE];

	if (listen->count != 1)
		return false;
	listen_format(&listen->items[0], text);
	return strcmp(text, "127.0.0.1:8080") == 0;
}

int http_acceptor_open(struct http_server *s, int systemd_first_fd,
    int systemd_fds, struct conf_error *reterr)
{
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (s->stop_fd < 0)
		return conf_error_set(
		    reterr, -errno, "eventfd: %s", strerror(errno));

	/* Sockets that were handed over stand in for the default address. */
	if (systemd_fds > 0 && is_default(&s->conf->server.listen))
		return open_systemd(s, systemd_first_fd, systemd_fds, reterr);

	for (size_t i = 0; i < s->conf->server.listen.count; i++) {
		const struct listen_addr *a = &s->conf->server.listen.items[i];
		int r =
		    a->kind == LISTEN_SYSTEMD
			? open_systemd(s, systemd_first_fd, systemd_fds, reterr)
			: open_one(s, a, reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

#define REFUSAL \
	"{\"type\":\"/problems/unavailable\"," \
	"\"title\":\"The server is busy\",\"status\":503}\n"
_Static_assert(sizeof(REFUSAL) - 1 == 75, "the Content-Length below");

/*
 * The connection is over the limit: one short answer. What the client sends
 * all the same is read by a loop for a while, or the answer might be lost; `l`
 * NULL: there is no time for that.
 */
static void refuse(struct http_loop *l, int fd,
    const struct sockaddr_storage *addr, enum metric why)
{
	static const char answer[] =
	    "HTTP/1.1 503 Service Unavailable\r\n"
	    "Content-Type: application/problem+json\r\n"
	    "Content-Length: 75\r\nRetry-After: " HTTP_RETRY_AFTER "\r\n"
	    "Connection: close\r\n\r\n" REFUSAL;

	metrics_add(why, 1);
	(void)!send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
	if (!l || http_loop_post(l, fd, addr, true) < 0)
		close(fd);
}

static struct http_loop *least_loaded(struct http_server *s, uint32_t *total)
{
	struct http_loop *best = &s->loops[0];

	*total = 0;
	for (unsigned i = 0; i < s->loop_count; i++) {
		uint32_t n = atomic_load(&s->loops[i].connections);

		*total += n;
		if (n < atomic_load(&best->connections))
			best = &s->loops[i];
	}
	return best;
}

static bool same_address(
    const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_addr.s_addr == b4->sin_addr.s_addr;

	return a->ss_family == AF_INET6 &&
	       !memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr));
}

static bool address_full(
    struct http_server *s, const struct sockaddr_storage *addr)
{
	unsigned limit = s->conf->server.max_connections_per_address, n = 0;

	if (!limit || addr->ss_family == AF_UNIX)
		return false;
	for (unsigned i = 0; i < s->loop_count; i++)
		n += http_loop_count(&s->loops[i], addr, same_address);
	return n >= limit;
}

static void deal(
    struct http_server *s, int fd, const struct sockaddr_storage *addr)
{
	uint32_t total;
	int one = 1;
	struct http_loop *l = least_loaded(s, &total);

	if (total >= s->conf->server.max_connections) {
		refuse(l, fd, addr, METRIC_CONNECTIONS_REJECTED_LIMIT);
		return;
	}
	if (address_full(s, addr)) {
		refuse(l, fd, addr, METRIC_CONNECTIONS_REJECTED_ADDRESS);
		return;
	}

	if (addr->ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	metrics_add(METRIC_CONNECTIONS_ACCEPTED, 1);
	atomic_fetch_add(&l->connections, 1);
	if (http_loop_post(l, fd, addr, false) < 0) {
		atomic_fetch_sub(&l->connections, 1);
		refuse(NULL, fd, NULL, METRIC_CONNECTIONS_REJECTED_ERROR);
	}
}

/* Out of descriptors: free the spare one to be able to say so. */
static void out_of_fds(struct http_server *s, int listen_fd)
{
	if (s->spare_fd >= 0)
		close(s->spare_fd);
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		refuse(NULL, fd, NULL, METRIC_CONNECTIONS_REJECTED_FDS);
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Returns: false to pause accepting for a moment. */
static bool accept_some(struct http_server *s, int listen_fd)
{
	for (int i = 0; i < 64; i++) {
		struct sockaddr_storage addr = {0};
		socklen_t len = sizeof(addr);
		int fd = accept4(listen_fd, (struct sockaddr *)&addr, &len,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			deal(s, fd, &addr);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE) {
			out_of_fds(s, listen_fd);
			return false;
		}
		if (errno == ENOBUFS || errno == ENOMEM)
			return false;
		if (errno == EAGAIN)
			break;
		/* The rest is the fault of one connection: take the next. */
	}
	return true;
}

static void *run(void *arg)
{
	struct http_server *s = arg;
	struct pollfd fds[HTTP_LISTENERS_MAX + 1];
	unsigned n = s->listener_count;
	bool ok = true;

	for (unsigned i = 0; i < n; i++)
		fds[i] = (struct pollfd){s->listeners[i].fd, POLLIN, 0};
	fds[n] = (struct pollfd){s->stop_fd, POLLIN, 0};
	for (;;) {
		/* Paused, only the stop is listened for. */
		if (ok)
			poll(fds, n + 1, -1);
		else
			poll(&fds[n], 1, OUT_OF_FDS_MS);
		if (fds[n].revents)
			return NULL;

		ok = true;
		for (unsigned i = 0; i < n && ok; i++)
			ok = accept_some(s, fds[i].fd);
	}
}

int http_acceptor_start(struct http_server *s)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int err = pthread_create(&s->thread, NULL, run, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	s->running = err == 0;
	return -err;
}

void http_acceptor_stop(struct http_server *s)
{
	uint64_t one = 1;

	if (!s->running)
		return;
	while (write(s->stop_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join(s->thread, NULL);
	s->running = false;
}

void http_acceptor_close(struct http_server *s)
{
	for (unsigned i = 0; i < s->listener_count; i++) {
		struct http_listener *l = &s->listeners[i];

		close(l->fd);
		if (l->unix_path)
			unlink(l->addr.un.sun_path);
	}
	s->listener_count = 0;
	if (s->stop_fd >= 0)
		close(s->stop_fd);
	if (s->spare_fd >= 0)
		close(s->spare_fd);
	s->stop_fd = s->spare_fd = -1;
}
