/* SPDX-License-Identifier: MIT */
/*
 * Web pages of other sites, in a browser that reaches what they do not. Where
 * no token is needed because only this machine can connect, being on it is what
 * a request is trusted for, and a browser there acts for any page:
 *
 * - A page whose name has been made to point here asks as one of this server's
 *   own. Its name has a dot, as all public ones have; ours are addresses and
 *   names without.
 * - A form can be sent anywhere without asking. The browser says from where.
 */
#include <string.h>
#include <strings.h>

#include "front/front.h"

/* The name without a port, and without the dot that may end it. */
static struct str name_of(struct str host)
{
	for (size_t i = host.n; i > 0 && host.p[host.n - 1] != ']'; i--) {
		if (host.p[i - 1] == ':') {
			host.n = i - 1;
			break;
		}
	}
	if (host.n > 0 && host.p[host.n - 1] == '.')
		host.n--;
	return host;
}

/* Can nobody else have it point here? */
static bool is_own(struct str name)
{
	bool number = true;

	for (size_t i = 0; i < name.n; i++)
		number &= ascii_is_digit(name.p[i]) || name.p[i] == '.';
	return name.n == 0 || name.p[0] == '[' || number ||
	       !memchr(name.p, '.', name.n) || str_iends(name, ".localhost");
}

/* Is it of a page of this server, or of one that is listed? */
static bool is_welcome(
    const struct http_request *req, const struct conf *c, struct str origin)
{
	const char *slash = memchr(origin.p, '/', origin.n);
	struct str host = http_host(req);

	if (cors_lists(c, origin))
		return true;
	if (!slash)
		return false;

	size_t head = (size_t)(slash - origin.p) + 2; /* behind `//` */
	return origin.n == head + host.n &&
	       strncasecmp(origin.p + head, host.p, host.n) == 0;
}

bool sites_admit(struct http_request *req, const struct front *f)
{
	enum http_method m = http_method(req);
	struct str origin = http_header(req, "Origin");

	if (f->conf->auth.mode != CONF_AUTH_AUTO || auth_required(f->auth) ||
	    http_by_proxy(req))
		return true;

	if (!is_own(name_of(http_host(req)))) {
		http_reply_error(req, PROBLEM_FORBIDDEN,
		    "Without tokens this server answers to addresses, "
		    "localhost and names without a dot, since any web page "
		    "can have its name point here; auth.tokens, "
		    "auth.mode = none or server.trusted_proxies allow others.");
		return false;
	}
	if (origin.p && m != HTTP_GET && m != HTTP_HEAD && m != HTTP_OPTIONS &&
	    !is_welcome(req, f->conf, origin)) {
		http_reply_error(req, PROBLEM_FORBIDDEN,
		    "Without tokens this server takes nothing from web pages "
		    "of other origins, unless server.cors_origins lists "
		    "them.");
		return false;
	}
	return true;
}
