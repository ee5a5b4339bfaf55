/* SPDX-License-Identifier: MIT */
/* Listening sockets: bound here, or handed over. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/notify.h"
#include "http/acceptor.h"

#define BACKLOG 4096

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

/* Who may connect: nobody can yet. */
static int give_away(const struct conf *conf, const struct sockaddr_un *un,
    struct conf_error *reterr)
{
	uid_t user = (uid_t)-1;
	gid_t group = (gid_t)-1;
	unsigned mode = UINT_MAX;

	int r = listen_mode_parse(conf->server.unix_mode, &mode);
	if (r == 0 && mode != UINT_MAX && chmod(un->sun_path, mode) < 0)
		r = conf_error_set(reterr, -errno,
		    "server.unix_mode: %s cannot be made %s: %s", un->sun_path,
		    conf->server.unix_mode, strerror(errno));
	if (r == 0 && *conf->server.unix_owner)
		r = listen_owner_of(conf, &user, &group, reterr);
	if (r == 0 && *conf->server.unix_owner &&
	    lchown(un->sun_path, user, group) < 0)
		r = conf_error_set(reterr, -errno,
		    "server.unix_owner: %s cannot be given to %s: %s",
		    un->sun_path, conf->server.unix_owner, strerror(errno));
	return r;
}

static int open_socket(const struct conf *conf, const struct listen_addr *a,
    struct conf_error *reterr)
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
	int r = bind(fd, &a->addr.sa, a->addr_len) < 0 ? -errno : 0;
	if (r == 0 && family == AF_UNIX &&
	    (r = give_away(conf, &a->addr.un, reterr)) < 0)
		unlink(a->addr.un.sun_path);
	if (r == 0 && listen(fd, BACKLOG) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

static int add_listener(struct http_server *s, int fd)
{
	struct http_listener *l = &s->listeners[s->listener_count];
	socklen_t len = sizeof(l->addr.storage);

	if (s->listener_count == HTTP_LISTENERS_MAX)
		return -E2BIG;

	memset(l, 0, sizeof(*l));
	if (getsockname(fd, &l->addr.sa, &len) < 0)
		return -errno;

	l->fd = fd;
	s->listener_count++;
	return 0;
}

/* Sockets that were handed over; -1 where one was taken. */
struct handed {
	int fds[HTTP_LISTENERS_MAX];
	unsigned count;
	unsigned given; /* of them, that were not ours before */
	uint64_t kept;	/* bit i: it was */
};

/* One of another kind, or that does not listen, would be served to nobody. */
static int check_handed(int fd, struct conf_error *reterr)
{
	int type = 0, listens = 0;
	socklen_t len = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return conf_error_set(reterr, -EPROTOTYPE,
		    "descriptor %d was handed over, and is no socket: %s", fd,
		    strerror(errno));
	if (type != SOCK_STREAM)
		return conf_error_set(reterr, -EPROTOTYPE,
		    "a socket was handed over (descriptor %d) that is not one "
		    "of streams; write ListenStream= in the socket unit",
		    fd);
	len = sizeof(int);
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 ||
	    !listens)
		return conf_error_set(reterr, -EPROTOTYPE,
		    "a socket was handed over (descriptor %d) that does not "
		    "listen; write Accept=no in the socket unit",
		    fd);
	return 0;
}

static bool was_ours(const struct handed *h, unsigned i)
{
	return h->kept >> i & 1;
}

static int take_handed(struct http_server *s, struct handed *h, unsigned i)
{
	int flags = fcntl(h->fds[i], F_GETFL);

	fcntl(h->fds[i], F_SETFL, flags | O_NONBLOCK);
	int r = add_listener(s, h->fds[i]);
	if (r < 0)
		return r;

	struct http_listener *l = &s->listeners[s->listener_count - 1];
	l->lasting = true;
	l->given = !was_ours(h, i);
	h->fds[i] = -1;
	return 0;
}

/* `*` where there is no IPv6 means every IPv4 address. */
static int open_any(const struct conf *conf, const struct listen_addr *a,
    struct conf_error *reterr)
{
	struct listen_addr v4 = {.kind = LISTEN_INET};
	struct sockaddr_in *in = (void *)&v4.addr.storage;
	const struct sockaddr_in6 *in6 = (const void *)&a->addr.storage;
	int fd = open_socket(conf, a, reterr);

	if (fd != -EAFNOSUPPORT || !a->dual_stack)
		return fd;

	in->sin_family = AF_INET;
	in->sin_port = in6->sin6_port;
	v4.addr_len = sizeof(*in);
	return open_socket(conf, &v4, reterr);
}

/* Is it bound to the address? Port 0 is any. */
static bool is_bound(int fd, const struct listen_addr *a)
{
	struct sockaddr_storage is = {0};
	struct sockaddr_in *in = (void *)&is;
	struct sockaddr_in6 *in6 = (void *)&is;
	const struct sockaddr_in *want = (const void *)&a->addr;
	const struct sockaddr_in6 *want6 = (const void *)&a->addr;
	socklen_t len = sizeof(is);

	if (getsockname(fd, (struct sockaddr *)&is, &len) < 0 ||
	    is.ss_family != a->addr.sa.sa_family)
		return false;
	if (is.ss_family == AF_UNIX)
		return !strcmp(((struct sockaddr_un *)(void *)&is)->sun_path,
		    a->addr.un.sun_path);
	if (is.ss_family == AF_INET)
		return in->sin_addr.s_addr == want->sin_addr.s_addr &&
		       (!want->sin_port || in->sin_port == want->sin_port);

	return is.ss_family == AF_INET6 &&
	       !memcmp(&in6->sin6_addr, &want6->sin6_addr,
		   sizeof(in6->sin6_addr)) &&
	       (!want6->sin6_port || in6->sin6_port == want6->sin6_port);
}

/* Returns: 1 when one was handed over that is bound to it, 0 when none was. */
static int find_handed(
    struct http_server *s, struct handed *h, const struct listen_addr *a)
{
	for (unsigned i = 0; i < h->count; i++) {
		if (h->fds[i] >= 0 && is_bound(h->fds[i], a)) {
			int r = take_handed(s, h, i);
			return r < 0 ? r : 1;
		}
	}
	return 0;
}

static int open_new(struct http_server *s, const struct listen_addr *a,
    struct conf_error *reterr)
{
	int fd = open_any(s->conf, a, reterr);
	int r = fd < 0 ? fd : add_listener(s, fd);

	if (r < 0) {
		if (fd >= 0)
			close(fd);
		return r;
	}
	s->listeners[s->listener_count - 1].unix_path = a->kind == LISTEN_UNIX;
	return 0;
}

static int open_one(struct http_server *s, struct handed *h,
    const struct listen_addr *a, struct conf_error *reterr)
{
	char text[LISTEN_TEXT_SIZE];
	int r = find_handed(s, h, a);

	if (r == 0)
		r = open_new(s, a, reterr);
	if (r >= 0)
		s->listeners[s->listener_count - 1].tls = a->tls;
	if (r < 0 && !reterr->msg[0]) {
		listen_format(a, text);
		conf_error_at(s->conf, &s->conf->server.listen, reterr);
		return conf_error_set(
		    reterr, r, "cannot listen on %s: %s", text, strerror(-r));
	}
	return r < 0 ? r : 0;
}

static int open_systemd(
    struct http_server *s, struct handed *h, struct conf_error *reterr)
{
	if (!h->given)
		return conf_error_set(reterr, -ENOENT,
		    "server.listen names systemd, but no socket was handed "
		    "over");

	for (unsigned i = 0; i < h->count; i++) {
		struct http_listener *l = &s->listeners[s->listener_count];

		if (h->fds[i] < 0 || was_ours(h, i))
			continue;
		int r = take_handed(s, h, i);
		if (r < 0)
			return conf_error_set(reterr, r,
			    "a socket that was handed over is of no use: %s",
			    strerror(-r));
		if (s->conf->auth.mode == CONF_AUTH_AUTO &&
		    !s->conf->auth.tokens[0] && !listen_is_local(&l->addr.sa))
			return conf_error_set(reterr, -EACCES,
			    "a socket that was handed over can be reached "
			    "from other machines; name a file by auth.tokens, "
			    "or set auth.mode = none to serve them all");
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

/* All that `server.listen` says; `systemd` last, which takes what is left. */
static int open_listed(
    struct http_server *s, struct handed *h, struct conf_error *reterr)
{
	const struct conf_listen *listen = s->conf->server.listen;
	bool systemd = false;

	/* Sockets that were handed over stand in for the default address. */
	if (h->given && is_default(listen))
		return open_systemd(s, h, reterr);

	for (size_t i = 0; i < listen->count; i++) {
		const struct listen_addr *a = &listen->items[i];
		int r = 0;

		if (a->kind == LISTEN_SYSTEMD)
			systemd = true;
		else
			r = open_one(s, h, a, reterr);
		if (r < 0)
			return r;
	}
	return systemd ? open_systemd(s, h, reterr) : 0;
}

int http_acceptor_open(struct http_server *s, const struct notify_fds *fds,
    struct conf_error *reterr)
{
	struct handed h = {.kept = fds->kept};

	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (s->stop_fd < 0)
		return conf_error_set(
		    reterr, -errno, "eventfd: %s", strerror(errno));
	if (fds->count > HTTP_LISTENERS_MAX)
		return conf_error_set(reterr, -E2BIG,
		    "%d sockets were handed over; allowed are %d", fds->count,
		    HTTP_LISTENERS_MAX);

	int r = 0;
	for (; (int)h.count < fds->count; h.count++) {
		h.fds[h.count] = fds->first + (int)h.count;
		h.given += !was_ours(&h, h.count);
		if (r == 0)
			r = check_handed(h.fds[h.count], reterr);
	}
	if (r == 0)
		r = open_listed(s, &h, reterr);
	for (unsigned i = 0; i < h.count; i++) {
		if (h.fds[i] >= 0)
			close(h.fds[i]);
	}
	return r;
}

bool http_server_is_public(const struct http_server *s)
{
	for (unsigned i = 0; i < s->listener_count; i++) {
		if (!listen_is_local(&s->listeners[i].addr.sa))
			return true;
	}
	return false;
}

void http_acceptor_keep(struct http_server *s)
{
	int fds[HTTP_LISTENERS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < s->listener_count; i++) {
		if (!s->listeners[i].given)
			fds[n++] = s->listeners[i].fd;
	}
	if (!s->conf->server.hand_over || !n)
		return;
	if (!notify_keep_fds(fds, n)) {
		log_warn("server.hand_over: there is no service manager that "
			 "could keep the sockets");
		return;
	}
	for (unsigned i = 0; i < s->listener_count; i++)
		s->listeners[i].lasting = true;
}

bool http_acceptor_lasts(const struct http_server *s)
{
	for (unsigned i = 0; i < s->listener_count; i++) {
		if (!s->listeners[i].lasting)
			return false;
	}
	return true;
}

void http_acceptor_close(struct http_server *s)
{
	for (unsigned i = 0; i < s->listener_count; i++) {
		struct http_listener *l = &s->listeners[i];

		close(l->fd);
		if (l->unix_path && !l->lasting)
			unlink(l->addr.un.sun_path);
	}
	s->listener_count = 0;
	if (s->stop_fd >= 0)
		close(s->stop_fd);
	if (s->spare_fd >= 0)
		close(s->spare_fd);
	s->stop_fd = s->spare_fd = -1;
}
