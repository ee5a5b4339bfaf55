/* SPDX-License-Identifier: MIT */
/* Whom a request is from, and what it has asked for, behind proxies. */
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "fake_mhd.h"

/* What the last request was taken for. */
static struct {
	char client[HTTP_CLIENT_SIZE], host[64];
	const char *scheme;
	uint64_t share;
} seen;

static void begin(struct http_request *req, void *ctx)
{
	struct http_reply r = http_reply_empty(204);
	struct str host = http_host(req);

	(void)ctx;
	snprintf(seen.client, sizeof(seen.client), "%s", http_client(req));
	snprintf(seen.host, sizeof(seen.host), "%.*s", (int)host.n, host.p);
	seen.scheme = http_scheme(req);
	seen.share = http_client_share(req);
	http_reply(req, &r);
}

static const struct http_handler HANDLER = {.begin = begin};

static void connect_from(struct web *w, const char *address)
{
	struct sockaddr_in *v4 = (void *)&w->conn.addr;

	v4->sin_family = AF_INET;
	assert_int_equal(inet_pton(AF_INET, address, &v4->sin_addr), 1);
	w->conn.client[0] = '\0';
}

static void set(struct web *w, const char *assignment)
{
	struct conf_error err = {0};

	assert_ok(conf_set(&w->conf, assignment, &err));
}

static void ask(struct web *w, const struct fake_field *fields)
{
	assert_int_equal(web_ask(w, "GET", "/", fields), 204);
	web_done(w, true);
}

static int setup(void **state)
{
	static struct web w;

	web_init(&w, &HANDLER);
	connect_from(&w, "10.0.0.1");
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	web_fini(*state);
	return 0;
}

static void test_nobody_is_trusted(void **state)
{
	struct web *w = *state;

	ask(w, FIELDS({"X-Forwarded-For", "192.0.2.1"},
		   {"X-Forwarded-Proto", "https"},
		   {"X-Forwarded-Host", "outer"}));
	assert_string_equal(seen.client, "10.0.0.1");
	assert_string_equal(seen.scheme, "http");
	assert_string_not_equal(seen.host, "outer");
}

static void test_trusted(void **state)
{
	struct web *w = *state;
	uint64_t own;

	ask(w, NULL);
	own = seen.share;
	set(w, "server.trusted_proxies=10.0.0.0/8");
	ask(w, FIELDS({"X-Forwarded-For", "6.6.6.6, 192.0.2.1, 10.2.0.1"},
		   {"X-Forwarded-Proto", "https, http"},
		   {"X-Forwarded-Host", "outer, inner"}));
	assert_string_equal(seen.client, "192.0.2.1");
	assert_string_equal(seen.scheme, "https");
	assert_string_equal(seen.host, "outer");
	assert_true(seen.share != own);
	/* The next one on the connection is another's. */
	ask(w, NULL);
	assert_string_equal(seen.client, "10.0.0.1");
	assert_string_equal(seen.scheme, "http");
	assert_true(seen.share == own);
	/* And who comes by another way is not believed. */
	connect_from(w, "192.0.2.9");
	ask(w, FIELDS({"X-Forwarded-For", "6.6.6.6"}));
	assert_string_equal(seen.client, "192.0.2.9");
}

static void test_what_cannot_be_told(void **state)
{
	struct web *w = *state;

	set(w, "server.trusted_proxies=10.0.0.0/8");
	ask(w, FIELDS({"X-Forwarded-For", "192.0.2.1, unknown"}));
	assert_string_equal(seen.client, "10.0.0.1");
	ask(w, FIELDS({"X-Forwarded-For", "unknown, 10.0.0.7"}));
	assert_string_equal(seen.client, "10.0.0.7");
	ask(w, FIELDS({"X-Forwarded-Host", "a b"}));
	assert_string_not_equal(seen.host, "a b");
}

static void test_forwarded(void **state)
{
	struct web *w = *state;

	set(w, "server.trusted_proxies=10.0.0.0/8");
	set(w, "server.proxy_fields=forwarded");
	ask(w, FIELDS({"Forwarded", "for=6.6.6.6;host=evil"},
		   {"Forwarded", "for=\"[2001:db8::7]:1\";proto=https;host=o"},
		   {"X-Forwarded-For", "6.6.6.6"}));
	assert_string_equal(seen.client, "2001:db8::7");
	assert_string_equal(seen.scheme, "https");
	assert_string_equal(seen.host, "o");
	/* A line that is malformed makes the others worthless. */
	ask(w, FIELDS({"Forwarded", "for=192.0.2.1;host=o"},
		   {"Forwarded", "for"}));
	assert_string_equal(seen.client, "10.0.0.1");
	assert_string_not_equal(seen.host, "o");
}

static void test_own_tls(void **state)
{
	struct web *w = *state;

	set(w, "server.trusted_proxies=10.0.0.0/8");
	w->conn.tls = true;
	ask(w, NULL);
	assert_string_equal(seen.scheme, "https");
	ask(w, FIELDS({"X-Forwarded-Proto", "http"}));
	assert_string_equal(seen.scheme, "http");
	w->conn.tls = false;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_nobody_is_trusted),
	    TEST(test_trusted),
	    TEST(test_what_cannot_be_told),
	    TEST(test_forwarded),
	    TEST(test_own_tls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
