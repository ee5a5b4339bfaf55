/* SPDX-License-Identifier: MIT */
#include "guard/guard_socket.h"

#include <assert.h>
#include <sys/socket.h>

static struct guard_socket *guard_of(void *ctx)
{
	struct guard_socket *g = ctx;

	assert(g && g->magic == GUARD_SOCKET_MAGIC);
	return g;
}

static bool passes(struct guard_socket *g, const struct sockaddr *sa)
{
	if (guard_connect(g->conf, g->local_rule, sa, &g->reason))
		return true;

	g->denied = true;
	return false;
}

static void note(struct guard_socket *g, const struct sockaddr *sa)
{
	struct guard_seen *seen = g->seen;

	if (seen->count == GUARD_SEEN_MAX)
		return;

	guard_address_text(sa, seen->items[seen->count].address);
	seen->items[seen->count].allowed = guard_connect(
	    g->conf, g->local_rule, sa, &seen->items[seen->count].reason);
	seen->count++;
}

/* Every socket, whatever made the library open it. */
static curl_socket_t on_socket(
    void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct guard_socket *g = guard_of(ctx);

	if (g->seen) {
		note(g, &address->addr);
		return CURL_SOCKET_BAD;
	}
	if (purpose != CURLSOCKTYPE_IPCXN || !passes(g, &address->addr))
		return CURL_SOCKET_BAD;

	g->sockets++;
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
}

/* The connection stands. The peer is looked at once more: a connection that
 * were reused would not have come by on_socket(). */
static int on_request(
    void *ctx, char *peer, char *local, int peer_port, int local_port)
{
	struct guard_socket *g = guard_of(ctx);
	struct sockaddr_storage ss = {.ss_family = AF_UNSPEC};

	(void)local;
	(void)peer_port;
	(void)local_port;
	/* What cannot be read is no address of a known family. */
	guard_literal(str_from(peer), &ss);
	if (!passes(g, (const struct sockaddr *)&ss)) {
		g->sockets = 0;
		return CURL_PREREQFUNC_ABORT;
	}
	if (g->connected)
		g->connected(g->ctx);
	return CURL_PREREQFUNC_OK;
}

static bool set_fixed(CURL *easy)
{
	static const struct {
		CURLoption option;
		long value;
	} numbers[] = {
	    {CURLOPT_FOLLOWLOCATION, 0},
	    {CURLOPT_NETRC, CURL_NETRC_IGNORED},
	    {CURLOPT_DISALLOW_USERNAME_IN_URL, 1},
	    {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
	    {CURLOPT_SSL_VERIFYPEER, 1},
	    {CURLOPT_SSL_VERIFYHOST, 2},
	    {CURLOPT_FRESH_CONNECT, 1},
	    {CURLOPT_FORBID_REUSE, 1},
	};
	static const struct {
		CURLoption option;
		const char *value;
	} texts[] = {
	    {CURLOPT_PROXY, ""}, /* none from the environment either */
	    {CURLOPT_PROTOCOLS_STR, "http,https"},
	    {CURLOPT_REDIR_PROTOCOLS_STR, "http,https"},
	};
	bool ok = true;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		ok &= curl_easy_setopt(easy, numbers[i].option,
			  numbers[i].value) == CURLE_OK;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ok &= curl_easy_setopt(easy, texts[i].option, texts[i].value) ==
		      CURLE_OK;
	return ok;
}

/* Whom to believe who an origin is. */
static bool set_authorities(CURL *easy, const char *file)
{
	return file[0] == '\0' ||
	       (curl_easy_setopt(easy, CURLOPT_CAINFO, file) == CURLE_OK &&
		   curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK);
}

bool guard_socket_attach(struct guard_socket *g, CURL *easy)
{
	g->magic = GUARD_SOCKET_MAGIC;
	const CURLcode r[] = {
	    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket),
	    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, g),
	    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request),
	    curl_easy_setopt(easy, CURLOPT_PREREQDATA, g),
	};

	for (size_t i = 0; i < sizeof(r) / sizeof(r[0]); i++)
		if (r[i] != CURLE_OK)
			return false;
	return set_fixed(easy) && set_authorities(easy, g->conf->ca_file);
}

void guard_socket_begin(struct guard_socket *g, const struct url_parts *parts)
{
	g->local_rule = url_host_forbidden(parts->host);
	g->sockets = 0;
	g->denied = false;
}
