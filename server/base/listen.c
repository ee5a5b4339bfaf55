/* SPDX-License-Identifier: MIT */
#include "base/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/conf.h"
#include "common/text.h"

#define UNIX_PREFIX "unix:"
#define TLS_PREFIX "https://"
/** Of a user; the key has no longer value. */
#define OWNER_NAME_SIZE 160

static int parse_unix(
    const char *path, struct listen_addr *ret, struct conf_error *reterr)
{
	size_t n = strlen(path);

	if (path[0] != '/')
		return conf_error_set(reterr, -EINVAL,
		    "'" UNIX_PREFIX "%.64s' is not an absolute path; write "
		    "unix:/PATH",
		    path);
	if (n >= sizeof ret->addr.un.sun_path)
		return conf_error_set(reterr, -EINVAL,
		    "'" UNIX_PREFIX "%.64s...' is too long a path for a "
		    "socket; allowed are %zu bytes",
		    path, sizeof ret->addr.un.sun_path - 1);
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f ||
		    path[i] == ';' || path[i] == ',')
			return conf_error_set(reterr, -EINVAL,
			    "the path of a socket holds a control character, "
			    "';' or ','");
	}

	*ret = (struct listen_addr){.kind = LISTEN_UNIX};
	ret->addr.un.sun_family = AF_UNIX;
	memcpy(ret->addr.un.sun_path, path, n + 1);
	ret->addr_len =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
	return 0;
}

static void set_v4(struct listen_addr *ret, struct in_addr addr, in_port_t port)
{
	struct sockaddr_in sin = {
	    .sin_family = AF_INET, .sin_addr = addr, .sin_port = port};

	memcpy(&ret->addr, &sin, sizeof sin);
	ret->addr_len = sizeof sin;
}

static void set_v6(
    struct listen_addr *ret, struct in6_addr addr, in_port_t port)
{
	struct sockaddr_in6 sin6 = {
	    .sin6_family = AF_INET6, .sin6_addr = addr, .sin6_port = port};

	memcpy(&ret->addr, &sin6, sizeof sin6);
	ret->addr_len = sizeof sin6;
}

/** Read what stands before the port; false when it is no address. */
static bool parse_host(struct str host, in_port_t port, struct listen_addr *ret)
{
	char text[INET6_ADDRSTRLEN];
	struct in_addr v4;
	struct in6_addr v6;
	bool bracketed =
	    host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';

	if (bracketed)
		host = (struct str){host.p + 1, host.n - 2};
	if (host.n >= sizeof text)
		return false;

	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	if (bracketed) {
		if (inet_pton(AF_INET6, text, &v6) != 1)
			return false;
		set_v6(ret, v6, port);
	} else if (str_eq(host, "*")) {
		set_v6(ret, in6addr_any, port);
		ret->dual_stack = true;
	} else {
		if (str_eq(host, "localhost"))
			v4.s_addr = htonl(INADDR_LOOPBACK);
		else if (inet_pton(AF_INET, text, &v4) != 1)
			return false;
		set_v4(ret, v4, port);
	}
	return true;
}

int listen_parse(
    const char *item, struct listen_addr *ret, struct conf_error *reterr)
{
	if (strcmp(item, "systemd") == 0) {
		*ret = (struct listen_addr){.kind = LISTEN_SYSTEMD};
		return 0;
	}
	if (strncmp(item, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		return parse_unix(item + strlen(UNIX_PREFIX), ret, reterr);

	bool tls = strncmp(item, TLS_PREFIX, strlen(TLS_PREFIX)) == 0;
	const char *place = item + (tls ? strlen(TLS_PREFIX) : 0);
	const char *colon = strrchr(place, ':');
	if (strncmp(item, "http://", 7) == 0)
		return conf_error_set(reterr, -EINVAL,
		    "'%.64s' begins with http://, which is left out: write "
		    "'%.64s'",
		    item, item + 7);
	if (!colon)
		return conf_error_set(reterr, -EINVAL,
		    "'%.64s' has no port; write HOST:PORT, [V6]:PORT, *:PORT, "
		    "one of them behind https://, unix:/PATH or systemd",
		    item);

	uint64_t port;
	if (str_u64(str_from(colon + 1), &port) < 0 || port > UINT16_MAX)
		return conf_error_set(reterr, -EINVAL,
		    "'%.64s' has a bad port; allowed is 0 to 65535", item);

	struct listen_addr addr = {.kind = LISTEN_INET, .tls = tls};
	struct str host = {place, (size_t)(colon - place)};
	if (!parse_host(host, htons((uint16_t)port), &addr))
		return conf_error_set(reterr, -EINVAL,
		    "'%.64s' has no address before the port; write an IPv4 "
		    "address, an IPv6 address in brackets, localhost or *",
		    item);

	*ret = addr;
	return 0;
}

void listen_format(const struct listen_addr *a, char out[LISTEN_TEXT_SIZE])
{
	const char *tls = a->tls ? TLS_PREFIX : "";
	char host[INET6_ADDRSTRLEN];
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	if (a->kind == LISTEN_SYSTEMD) {
		snprintf(out, LISTEN_TEXT_SIZE, "systemd");
	} else if (a->kind == LISTEN_UNIX) {
		snprintf(out, LISTEN_TEXT_SIZE, UNIX_PREFIX "%s",
		    a->addr.un.sun_path);
	} else if (a->addr.sa.sa_family == AF_INET) {
		memcpy(&sin, &a->addr, sizeof sin);
		inet_ntop(AF_INET, &sin.sin_addr, host, sizeof host);
		snprintf(out, LISTEN_TEXT_SIZE, "%s%s:%u", tls, host,
		    (unsigned)ntohs(sin.sin_port));
	} else {
		memcpy(&sin6, &a->addr, sizeof sin6);
		inet_ntop(AF_INET6, &sin6.sin6_addr, host, sizeof host);
		snprintf(out, LISTEN_TEXT_SIZE, "%s%s%s%s:%u", tls,
		    a->dual_stack ? "" : "[", a->dual_stack ? "*" : host,
		    a->dual_stack ? "" : "]", (unsigned)ntohs(sin6.sin6_port));
	}
}

int listen_mode_parse(const char *text, unsigned *ret)
{
	unsigned mode = 0;

	if (!*text)
		return 0;
	for (const char *p = text; *p; p++) {
		if (*p < '0' || *p > '7')
			return -EINVAL;
		mode = mode * 8 + (unsigned)(*p - '0');
	}
	if (mode > 0777)
		return -EINVAL;

	*ret = mode;
	return 0;
}

/** The number of a user or a group; `entry` is the one of that name. */
static bool number_of(const char *text, const void *entry, unsigned named,
    unsigned *ret)
{
	uint64_t n = 0;

	if (!entry && (str_u64(str_from(text), &n) < 0 || n >= UINT32_MAX))
		return false;

	*ret = entry ? named : (unsigned)n;
	return true;
}

int listen_owner_find(const char *text, uid_t *ret_user, gid_t *ret_group,
    struct conf_error *reterr)
{
	char user[OWNER_NAME_SIZE];
	const char *colon = strchr(text, ':');
	const char *group = colon ? colon + 1 : "";
	unsigned uid = (unsigned)-1, gid = (unsigned)-1;

	snprintf(user, sizeof user, "%.*s",
	    colon ? (int)(colon - text) : (int)strlen(text), text);
	const struct passwd *pw = *user ? getpwnam(user) : NULL;
	if (*user && !number_of(user, pw, pw ? pw->pw_uid : 0, &uid))
		return conf_error_set(
		    reterr, -EINVAL,
		    "there is no user '%s'; write USER, USER:GROUP or :GROUP, "
		    "names or numbers",
		    user);

	const struct group *gr = *group ? getgrnam(group) : NULL;
	if (*group && !number_of(group, gr, gr ? gr->gr_gid : 0, &gid))
		return conf_error_set(
		    reterr, -EINVAL,
		    "there is no group '%s'; write USER, USER:GROUP or :GROUP, "
		    "names or numbers",
		    group);

	*ret_user = uid;
	*ret_group = gid;
	return 0;
}

int listen_owner_of(const struct conf *c, uid_t *ret_user, gid_t *ret_group,
    struct conf_error *reterr)
{
	struct conf_error why;

	int r = listen_owner_find(
	    c->server.unix_owner, ret_user, ret_group, &why);
	if (r < 0) {
		conf_error_set(
		    reterr, r, "server.unix_owner: %.400s", why.msg);
		conf_error_at(c, &c->server.unix_owner, reterr);
	}
	return r;
}

bool listen_is_local(const struct sockaddr *sa)
{
	static const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	switch (sa->sa_family) {
	case AF_UNIX:
		return true;
	case AF_INET:
		memcpy(&sin, sa, sizeof sin);
		return ntohl(sin.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	case AF_INET6:
		memcpy(&sin6, sa, sizeof sin6);
		if (IN6_IS_ADDR_V4MAPPED(&sin6.sin6_addr))
			return sin6.sin6_addr.s6_addr[12] == IN_LOOPBACKNET;
		return memcmp(&sin6.sin6_addr, &loopback, sizeof loopback) == 0;
	default:
		return false;
	}
}
