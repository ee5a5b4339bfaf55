/* SPDX-License-Identifier: MIT */
#include <spillway/client.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/error.h"
#include "core/options.h"
#include "core/ref.h"
#include "core/request.h"

#define CONNECT_TIMEOUT_MS 30000u
#define TOKEN_MAX_BYTES ((size_t)8 << 10)

const char *spwc_version(void)
{
	return SPWC_VERSION;
}

static int copy_option(const char *value, char **ret_copy)
{
	if (value == NULL)
		return 0;

	char *copy = strdup(value);
	if (copy == NULL)
		return -ENOMEM;

	*ret_copy = copy;
	return 0;
}

/* The characters a bearer token may have (RFC 6750 2.1). */
static bool token_valid(const char *token)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~+/=";
	size_t len = strspn(token, chars);

	return len > 0 && len <= TOKEN_MAX_BYTES && token[len] == '\0';
}

static int set_token(
    struct spwc_client *c, const char *token, struct spwc_error *e)
{
	static const char bearer[] = "Bearer ";

	if (token == NULL)
		return 0;
	if (!token_valid(token))
		return spwc__error_set(e, -EINVAL, "invalid_argument",
		    "the token is not 1 to %zu letters, digits and "
		    "- . _ ~ + / =",
		    TOKEN_MAX_BYTES);

	c->authorization = malloc(sizeof(bearer) + strlen(token));
	if (c->authorization == NULL)
		return spwc__error_oom(e);

	memcpy(c->authorization, bearer, strlen(bearer));
	memcpy(c->authorization + strlen(bearer), token, strlen(token) + 1);
	return 0;
}

static int set_server(
    struct spwc_client *c, const char *server, struct spwc_error *e)
{
	int r = server != NULL ? spwc__server_normalize(server, &c->server)
			       : -EINVAL;
	if (r == -ERANGE)
		return spwc__error_set(e, -EINVAL, "invalid_argument",
		    "'%s' is not a server: its port is not one of 1 to 65535",
		    server);
	if (r == -EINVAL)
		return spwc__error_set(e, r, "invalid_argument",
		    "'%s' is not a server: http://HOST[:PORT], "
		    "https://HOST[:PORT] or unix:/PATH is",
		    server != NULL ? server : "");
	if (r < 0)
		return spwc__error_oom(e);

	r = copy_option(strncmp(c->server, "unix:", 5) == 0 ? "http://localhost"
							    : c->server,
	    &c->base);
	return r < 0 ? spwc__error_oom(e) : 0;
}

/* Of the schemes that libcurl knows; without one, http is meant. */
static bool proxy_scheme_valid(const char *scheme, size_t len)
{
	static const char *const known[] = {
	    "http", "https", "socks4", "socks4a", "socks5", "socks5h"};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strlen(known[i]) == len &&
		    strncasecmp(known[i], scheme, len) == 0)
			return true;
	}
	return false;
}

/* Whether this is the URL of a proxy. -ENOMEM, -EINVAL. */
static int check_proxy(const char *proxy)
{
	const char *host = strstr(proxy, "://");
	char *url = NULL;

	if (host != NULL && !proxy_scheme_valid(proxy, (size_t)(host - proxy)))
		return -EINVAL;
	if (asprintf(&url, "http%s%s", host != NULL ? "" : "://",
		host != NULL ? host : proxy) < 0)
		return -ENOMEM;

	CURLU *parts = curl_url();
	CURLUcode code = parts != NULL
			     ? curl_url_set(parts, CURLUPART_URL, url, 0)
			     : CURLUE_OUT_OF_MEMORY;
	curl_url_cleanup(parts);
	free(url);
	if (code == CURLUE_OUT_OF_MEMORY)
		return -ENOMEM;
	return code == CURLUE_OK ? 0 : -EINVAL;
}

static int set_proxy(
    struct spwc_client *c, const char *proxy, struct spwc_error *e)
{
	int r = proxy != NULL && *proxy != '\0' ? check_proxy(proxy) : 0;

	/* It may hold a password: it is not repeated. */
	if (r == -EINVAL)
		return spwc__error_set(e, r, "invalid_argument",
		    "the proxy is not [SCHEME://][USER:PASSWORD@]HOST[:PORT] "
		    "with http, https, socks4, socks4a, socks5 or socks5h");
	if (r == 0)
		r = copy_option(proxy, &c->proxy);
	return r < 0 ? spwc__error_oom(e) : 0;
}

static int set_up(
    struct spwc_client *c, const struct spwc_opts *opts, struct spwc_error *e)
{
	int r = set_server(c, opts->server, e);
	if (r < 0)
		return r;

	r = set_token(c, opts->token, e);
	if (r < 0)
		return r;

	r = set_proxy(c, opts->proxy, e);
	if (r < 0)
		return r;

	if (copy_option(opts->ca_file, &c->ca_file) < 0)
		return spwc__error_oom(e);

	unsigned int ms = opts->connect_timeout_ms;
	c->connect_timeout_ms = (long)(ms > 0 ? ms : CONNECT_TIMEOUT_MS);
	c->stall_timeout_s = (long)opts->stall_timeout_s;
	c->retries = opts->retries;
	c->pace.rate = opts->max_rate;
	c->easy = curl_easy_init();
	return c->easy != NULL ? 0 : spwc__error_oom(e);
}

int spwc_new(const struct spwc_opts *opts, struct spwc_client **ret_client,
    struct spwc_error *reterr_error)
{
	struct spwc_opts known;

	if (spw__opts_take(&known, sizeof(known), opts) < 0)
		return spwc__error_set(reterr_error, -EINVAL,
		    "invalid_argument", SPWC__OPTS_WRONG);

	struct spwc_client *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return spwc__error_oom(reterr_error);

	/* Counted and, since libcurl 7.84, safe with threads. It is never
	 * undone: another user of libcurl may still need it. */
	int r = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK
		    ? set_up(c, &known, reterr_error)
		    : spwc__error_oom(reterr_error);
	if (r < 0) {
		spwc_free(c);
		return r;
	}

	*ret_client = c;
	return 0;
}

void spwc_free(struct spwc_client *c)
{
	if (c == NULL)
		return;
	if (c->authorization != NULL)
		explicit_bzero(c->authorization, strlen(c->authorization));
	curl_easy_cleanup(c->easy);
	free(c->server);
	free(c->base);
	free(c->authorization);
	free(c->proxy);
	free(c->ca_file);
	free(c);
}

void spwc_set_progress(struct spwc_client *c, spwc_progress_fn fn, void *arg)
{
	c->progress = fn;
	c->progress_arg = arg;
}

void spwc_set_max_rate(struct spwc_client *c, uint64_t max_rate)
{
	c->pace.rate = max_rate;
}

const char *spwc_server(const struct spwc_client *c)
{
	return c->server;
}

int spwc_url(const struct spwc_client *c, const char *id, char **ret_url)
{
	struct spwc__buf b;

	if (!spwc__id_valid(id))
		return -EINVAL;

	spwc__buf_init(&b, SIZE_MAX / 2);
	if (strncmp(c->server, "unix:", 5) != 0)
		spwc__buf_puts(&b, c->base);
	spwc__buf_puts(&b, "/files/");
	spwc__buf_puts(&b, id);
	int r = spwc__buf_take(&b, ret_url);
	spwc__buf_fini(&b);
	return r;
}
