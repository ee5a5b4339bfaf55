/* SPDX-License-Identifier: MIT */
/*
 * Tokens and links while allocations of the server fail in turn: once, and
 * from then on. Nobody gets in who may not, an answer is defined, and what an
 * upload that failed was charged is given back.
 */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/linkkeys.h"
#include "base/tokens.h"
#include "fault/heap_fault.h"
#include "http/tls.h"
#include "inproc/host.h"
#include "inproc/peer.h"
#include "unit/base/text_file.h"

/* No scenario has more calls. */
#define CALLS_MAX 400
#define QUOTA 3000
/* Of "secret" and "reader". */
#define TOKENS \
	"all sha256:2bb80d537b1da3e38bd30361aa855686" \
	"bde0eacd7162fef6a25fe97bf527a25b read,write,delete quota=3000\n" \
	"few sha256:3d0941964aa3ebdcb00ccef58b1bb399" \
	"f9f898465e9886d5aec7f31090a0fb30 read\n"
#define KEY "ab00ab00ab00ab00ab00ab00ab00ab00ab00ab00ab00ab00ab00ab00ab00ab00\n"

/* ---- files --------------------------------------------------------------- */

static int load_tokens(const char *path)
{
	struct conf_error err = {0};
	struct accounts *accounts = NULL;
	struct tokens *all = NULL;

	int r = tokens_load(path, &all, &err);
	if (r == 0)
		r = accounts_new(&accounts);
	if (r == 0)
		r = tokens_limit(all, accounts);
	tokens_free(all);
	accounts_free(accounts);
	return r;
}

static int load_keys(const char *path)
{
	struct conf_error err = {0};
	struct link_keys *keys = NULL, *more = NULL;

	int r = link_keys_load(path, &keys, &err);
	if (r == 0)
		r = link_keys_random(&more);
	link_keys_free(keys);
	link_keys_free(more);
	return r;
}

/* Fail each allocation of it. */
static void try_load(int (*load)(const char *path), const char *text)
{
	struct text_file f = make_text_file(text);
	bool hit = true;

	for (unsigned nth = 1; hit; nth++) {
		assert_true(nth < CALLS_MAX);
		heap_fault_arm(nth, nth % 2);
		int r = load(f.path);
		hit = heap_fault_disarm();
		assert_int_equal(r, hit ? -ENOMEM : 0);
	}
	remove_text_file(&f);
}

static void test_files(void **state)
{
	(void)state;
	heap_fault_spare(false);
	try_load(load_tokens, TOKENS);
	try_load(load_keys, KEY KEY);
	heap_fault_spare(true);
}

static void test_certificate(void **state)
{
	struct conf_error err = {0};
	struct http_cert *cert = NULL;

	(void)state;
	heap_fault_spare(false);
	heap_fault_arm(1, false);
	int r = http_cert_load("/nowhere", "/nowhere", &cert, &err);
	bool hit = heap_fault_disarm();
	heap_fault_spare(true);
	assert_int_equal(r, hit ? -ENOMEM : -ENOTSUP);
	assert_null(cert);
}

/* ---- requests ------------------------------------------------------------ */

static struct host host;

/* Send a request and read the answer. Returns: its status; 0: none. */
static int say(const char *head, const char *token, size_t len,
    char *ret_location, size_t cap)
{
	struct answer a;
	struct peer p;
	int status = 0;

	peer_open(&p, host.port);
	peer_say(&p,
	    "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	    "Content-Length: %zu\r\n%s%s%s\r\n",
	    head, len, token ? "Authorization: Bearer " : "",
	    token ? token : "", token ? "\r\n" : "");
	(void)peer_send_content(&p, 0, len);
	if (peer_head(&p, &a)) {
		const char *at = strstr(a.head, "Location: ");

		status = a.status;
		if (ret_location)
			snprintf(ret_location, cap, "%.*s",
			    at ? (int)strcspn(at + 10, "\r") : 0,
			    at ? at + 10 : "");
	}
	peer_reset(&p);
	return status;
}

static int upload(void)
{
	return say("PUT /files/new", "secret", QUOTA, NULL, 0);
}

static int upload_without_scope(void)
{
	return say("PUT /files/new", "reader", QUOTA, NULL, 0);
}

static int upload_of_nobody(void)
{
	return say("PUT /files/new", NULL, QUOTA, NULL, 0);
}

static int upload_too_much(void)
{
	return say("PUT /files/new", "secret", QUOTA + 1, NULL, 0);
}

static int make_link(void)
{
	return say("POST /links", "secret", 0, NULL, 0);
}

static char link_head[512];

static int upload_by_link(void)
{
	return say(link_head, NULL, QUOTA, NULL, 0);
}

static const struct scenario {
	int (*want)(void);
	int good; /* status when nothing fails */
} scenarios[] = {
    {upload, 201},
    {upload_without_scope, 403},
    {upload_of_nobody, 401},
    {upload_too_much, 413},
    {make_link, 201},
    {upload_by_link, 201},
};

/* Whether a fault made it worse, it is no one's gain. */
static void check(const struct scenario *s, int status, bool hit)
{
	if (!hit)
		assert_int_equal(status, s->good);
	else
		assert_true(status == 0 || status == s->good ||
			    status == 503 || status == 500);

	/* All of it is there for the next one. */
	char place[256] = "";
	assert_true(say("DELETE /files/new", "secret", 0, NULL, 0) > 0);
	assert_int_equal(say("POST /files", "secret", QUOTA, place,
			     sizeof(place)), 201);
	char head[300];
	snprintf(head, sizeof(head), "DELETE %s", place);
	assert_int_equal(say(head, "secret", 0, NULL, 0), 204);
}

static void make_upload_link(void)
{
	char url[400];

	assert_int_equal(
	    say("POST /links", "secret", 0, url, sizeof(url)), 201);
	snprintf(link_head, sizeof(link_head), "POST %s", url);
}

/* What was uploaded by it has an id that nobody was told. */
static void test_requests(void **state)
{
	struct text_file tokens = make_text_file(TOKENS);
	char setting[128];

	(void)state;
	snprintf(setting, sizeof(setting), "auth.tokens=%s", tokens.path);
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		const struct scenario *s = &scenarios[i];
		bool hit = true;

		for (unsigned nth = 1; hit; nth++) {
			assert_true(nth < CALLS_MAX);
			host_open(&host, SETTINGS(setting, "server.threads=1",
					     "log.level=error",
					     "store.ttl=1h"));
			make_upload_link();
			heap_fault_arm(nth, nth % 2);
			int status = s->want();
			hit = heap_fault_disarm();
			if (s->want != upload_by_link)
				check(s, status, hit);
			else if (!hit)
				assert_int_equal(status, s->good);
			host_close(&host);
		}
	}
	remove_text_file(&tokens);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_certificate),
	    cmocka_unit_test(test_requests),
	};

	host_prepare();
	/* This thread is the client. */
	heap_fault_spare(true);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
