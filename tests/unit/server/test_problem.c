/* SPDX-License-Identifier: MIT */
/* RFC 9457. */
#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <jansson.h>

#include "base/metrics.h"
#include "fake_mhd.h"

static json_t *parse(const char *text, size_t len)
{
	json_t *d = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(d);
	return d;
}

static json_t *body_of(struct web *w)
{
	char text[4096];
	ssize_t end;
	size_t n = web_read(w, 0, text, sizeof(text), &end);

	return parse(text, n);
}

static void assert_text(json_t *d, const char *key, const char *want)
{
	assert_string_equal(
	    json_string_value(json_object_get(d, key)), want);
}

static void test_json(void **state)
{
	struct http_problem p =
	    http_problem(PROBLEM_TOO_LARGE, "It has %d bytes.", 7);
	struct strbuf out;
	struct json j;

	(void)state;
	assert_int_equal(http_problem_status(&p), 413);
	p.limit = 5;
	p.error = "destination_unavailable";
	p.allow = "GET";
	strbuf_init(&out, 4096);
	json_init(&j, &out);
	http_problem_json(&j, NULL, &p);
	json_t *d = parse(out.data, out.len);
	assert_text(d, "type", "/problems/too-large");
	assert_text(d, "title", "The content is too large");
	assert_int_equal(
	    json_integer_value(json_object_get(d, "status")), 413);
	assert_text(d, "detail", "It has 7 bytes.");
	assert_int_equal(json_integer_value(json_object_get(d, "limit")), 5);
	assert_text(d, "error", "destination_unavailable");
	assert_text(d, "allow", "GET");
	json_decref(d);
	strbuf_fini(&out);

	/* What is not known is left out. */
	p = http_problem(PROBLEM_GONE, "%s", "");
	strbuf_init(&out, 4096);
	json_init(&j, &out);
	http_problem_json(&j, NULL, &p);
	d = parse(out.data, out.len);
	assert_int_equal(json_object_size(d), 3);
	json_decref(d);
	strbuf_fini(&out);
}

static void test_errnos(void **state)
{
	static const struct {
		int err, status;
	} all[] = {{-ENOSPC, 507}, {-EDQUOT, 507}, {-ENOSR, 507},
	    {-ENOANO, 507}, {-EFBIG, 413},
	    {-ENOBUFS, 503}, {-ENOMEM, 503}, {-EMFILE, 503}, {-ENFILE, 503},
	    {-EIO, 507}, {-EROFS, 507}, {-EINVAL, 500}, {-EPERM, 500}};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct http_problem p = http_problem_errno(all[i].err);

		assert_int_equal(http_problem_status(&p), all[i].status);
		assert_string_not_equal(p.detail, "");
		/* Try again later: but say when. */
		assert_int_equal(p.retry_after_s > 0, all[i].status == 503);
	}
}

/* What is passed, and by how much, where that is known. */
static void test_limited(void **state)
{
	const struct account_limits max = {1000, 3, 0};
	struct accounts *all;

	(void)state;
	assert_ok(accounts_new(&all));
	struct account *a = accounts_get(all, str_from("alice"));
	account_limit(a, &max);
	account_restore(a, 600);

	struct http_problem p = http_problem_limited(-ENOSR, a, 50);
	assert_int_equal(http_problem_status(&p), 507);
	assert_int_equal(p.limit, 1000);
	assert_non_null(strstr(p.detail,
	    "'alice' may have 1000 bytes together (quota), and have 600;"));
	p = http_problem_limited(-ENOANO, a, 50);
	assert_int_equal(http_problem_status(&p), 507);
	assert_int_equal(p.limit, 3);
	assert_non_null(strstr(p.detail, "may have 3 files, and has 1;"));
	p = http_problem_limited(-EFBIG, a, 50);
	assert_int_equal(http_problem_status(&p), 413);
	assert_int_equal(p.limit, 50);
	assert_non_null(strstr(p.detail, "limit of 50 bytes"));
	/* Nobody's; without a limit. */
	p = http_problem_limited(-ENOSR, NULL, 50);
	assert_int_equal(http_problem_status(&p), 507);
	assert_int_equal(p.limit, 0);
	p = http_problem_limited(-EFBIG, a, SPW_UNLIMITED);
	assert_int_equal(p.limit, 0);
	account_leave(a, 600);
	accounts_free(all);
}

/* The longest name does not cut the text. */
static void test_limited_long(void **state)
{
	const struct account_limits max = {UINT64_MAX - 1, UINT64_MAX - 1, 0};
	char name[65];
	struct accounts *all;

	(void)state;
	memset(name, 'x', 64);
	name[64] = '\0';
	assert_ok(accounts_new(&all));
	struct account *a = accounts_get(all, str_from(name));
	account_limit(a, &max);
	account_restore(a, UINT64_MAX - 1);
	for (int i = 0; i < 2; i++) {
		struct http_problem p = http_problem_limited(
		    i ? -ENOSR : -ENOANO, a, 50);

		assert_non_null(strstr(p.detail, "operator for more."));
	}
	account_leave(a, UINT64_MAX - 1);
	accounts_free(all);
}

/* A handler that answers with what the test has set. */
static struct http_problem to_answer;

static void answer(struct http_request *req, void *ctx)
{
	(void)ctx;
	http_reply_problem(req, &to_answer);
}

static const struct http_handler HANDLER = {.begin = answer};

static void test_reply(void **state)
{
	struct web w;

	(void)state;
	web_init(&w, &HANDLER);
	for (int k = 0; k < PROBLEM_COUNT; k++) {
		to_answer =
		    http_problem((enum http_problem_kind)k, "Why: %d.", k);
		to_answer.allow =
		    k == PROBLEM_METHOD_NOT_ALLOWED ? "GET" : NULL;
		int status = http_problem_status(&to_answer);

		assert_int_equal(web_ask(&w, "GET", "/", NULL), status);
		assert_string_equal(
		    web_field(&w, "Content-Type"), "application/problem+json");
		assert_string_equal(
		    web_field(&w, "Cache-Control"), "no-store");
		assert_int_equal(
		    web_field(&w, "Retry-After") != NULL,
		    status == 503 || status == 429);
		assert_int_equal(
		    web_field(&w, "WWW-Authenticate") != NULL, status == 401);
		assert_int_equal(web_field(&w, "Allow") != NULL, status == 405);
		json_t *d = body_of(&w);
		assert_int_equal(
		    json_integer_value(json_object_get(d, "status")), status);
		json_decref(d);
		web_done(&w, true);
	}
	web_fini(&w);
}

/* Text of any kind makes a body that is JSON. */
static void test_any_detail(void **state)
{
	struct web w;
	char detail[300];

	(void)state;
	web_init(&w, &HANDLER);
	for (int c = 1; c < 256; c++) {
		memset(detail, c, sizeof(detail) - 1);
		detail[sizeof(detail) - 1] = '\0';
		to_answer = http_problem(PROBLEM_INTERNAL, "%s", detail);
		web_ask(&w, "GET", "/", NULL);
		json_decref(body_of(&w));
		web_done(&w, true);
	}
	web_fini(&w);
}

/*
 * While a long body comes in, the library takes no answer: it goes out beside
 * it, and the rest is read for a while.
 */
static ssize_t refuse(
    struct http_request *req, void *ctx, const char *p, size_t len)
{
	(void)ctx;
	(void)p;
	(void)len;
	http_reply_problem(req, &to_answer);
	return -ENOSPC;
}

static void never(struct http_request *req, void *ctx)
{
	(void)req;
	(void)ctx;
	fail();
}

static void forget(struct http_request *req, void *ctx)
{
	(void)req;
	(void)ctx;
}

static void take_body(struct http_request *req, void *ctx)
{
	static const struct http_sink sink = {refuse, never, forget};

	http_take_body(req, &sink, ctx);
}

/* The fields are those of any other answer. */
static void check_raw_fields(const char *text)
{
	int status = http_problem_status(&to_answer);

	assert_non_null(strstr(text, "\r\nConnection: close\r\n"));
	assert_non_null(strstr(text,
	    "\r\nContent-Type: application/problem+json\r\n"
	    "Cache-Control: no-store\r\n"));
	assert_int_equal(
	    strstr(text, "\r\nRetry-After: 2\r\n") != NULL, status == 503);
	const char *json = strstr(text, "\r\n\r\n") + 4;
	json_decref(parse(json, strlen(json)));
	const char *length = strstr(text, "Content-Length: ") + 16;
	assert_int_equal(strtoul(length, NULL, 10), strlen(json));
}

static void test_overload_raw(void **state)
{
	static const struct http_handler handler = {.begin = take_body};
	static char body[64 * 1024];
	struct web w;
	char text[4096];

	(void)state;
	to_answer = http_problem(PROBLEM_UNAVAILABLE, "Busy.");
	web_init(&w, &handler);
	web_begin(&w, "PUT", "/", FIELDS({"Content-Length", "100000000"}));
	web_body(&w, body, sizeof(body));
	ssize_t n = recv(w.peer_fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	assert_true(n > 0);
	text[n] = '\0';
	assert_memory_equal(text, "HTTP/1.1 503 ", 13);
	check_raw_fields(text);
	web_done(&w, false);
	web_fini(&w);
}

static void test_raw(void **state)
{
	static const struct http_handler handler = {.begin = take_body};
	static char body[64 * 1024];
	struct web w;
	char text[4096];

	(void)state;
	to_answer = http_problem(PROBLEM_NO_SPACE, "Full.");
	web_init(&w, &handler);
	int64_t before = metrics_get(METRIC_REQUESTS_NO_SPACE);
	web_begin(&w, "PUT", "/", FIELDS({"Content-Length", "100000000"}));
	web_body(&w, body, sizeof(body));
	ssize_t n = recv(w.peer_fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	assert_true(n > 0);
	text[n] = '\0';
	assert_memory_equal(text, "HTTP/1.1 507 ", 13);
	check_raw_fields(text);
	/* And its end, but no more than once. */
	assert_int_equal(recv(w.peer_fd, text, sizeof(text), MSG_DONTWAIT), 0);

	size_t taken = sizeof(body);
	while (!w.refused && taken < 100000000)
		taken += web_body(&w, body, sizeof(body));
	assert_true(w.refused);
	assert_true(taken >= 1 << 20 && taken < 32 << 20);
	assert_int_equal(metrics_get(METRIC_REQUESTS_NO_SPACE), before + 1);
	web_done(&w, false);
	web_fini(&w);
}

/* A short rest is read, and the answer keeps the connection. */
static void test_after_body(void **state)
{
	static const struct http_handler handler = {.begin = take_body};
	struct web w;

	(void)state;
	to_answer = http_problem(PROBLEM_NO_SPACE, "Full.");
	web_init(&w, &handler);
	web_begin(&w, "PUT", "/", FIELDS({"Content-Length", "10"}));
	assert_int_equal(web_body(&w, "01234", 5), 5);
	assert_int_equal(w.status, 0);
	assert_int_equal(web_body(&w, "56789", 5), 5);
	web_end(&w);
	assert_int_equal(w.status, 507);
	assert_null(web_field(&w, "Connection"));
	web_done(&w, true);
	web_fini(&w);
}

/* What went wrong elsewhere. Source: RFC 9209 §2.3 */
static void answer_busy(struct http_request *req, void *ctx)
{
	static const struct failure f = {
	    .status = 503,
	    .type = "unavailable",
	    .title = "The server is busy",
	    .detail = "The server is out of memory.",
	};

	(void)ctx;
	http_reply_failure(req, &f);
}

/* What failed for a reason that passes may be tried again. */
static void test_failure_that_passes(void **state)
{
	static const struct http_handler handler = {.begin = answer_busy};
	struct web w;

	(void)state;
	web_init(&w, &handler);
	assert_int_equal(web_ask(&w, "GET", "/", NULL), 503);
	assert_non_null(web_field(&w, "Retry-After"));
	assert_null(web_field(&w, "Proxy-Status"));
	web_done(&w, true);
	web_fini(&w);
}

static void answer_failure(struct http_request *req, void *ctx)
{
	static const struct failure f = {
	    .status = 504,
	    .type = "fetch-timeout",
	    .title = "The origin took too long",
	    .detail = "It did.",
	    .word = "dns_timeout",
	};

	(void)ctx;
	http_reply_failure(req, &f);
}

static void test_failure(void **state)
{
	static const struct http_handler handler = {.begin = answer_failure};
	struct web w;
	char text[512];
	ssize_t end;

	(void)state;
	web_init(&w, &handler);
	assert_int_equal(web_ask(&w, "GET", "/", NULL), 504);
	assert_string_equal(
	    web_field(&w, "Content-Type"), "application/problem+json");
	assert_string_equal(
	    web_field(&w, "Proxy-Status"), "spillway; error=dns_timeout");
	assert_null(web_field(&w, "Retry-After"));
	size_t n = web_read(&w, 0, text, sizeof(text), &end);
	json_t *j = parse(text, n);
	assert_string_equal(json_string_value(json_object_get(j, "type")),
	    "/problems/fetch-timeout");
	assert_string_equal(
	    json_string_value(json_object_get(j, "error")), "dns_timeout");
	assert_int_equal(
	    json_integer_value(json_object_get(j, "status")), 504);
	json_decref(j);
	web_done(&w, true);
	web_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_json),
	    cmocka_unit_test(test_errnos),
	    cmocka_unit_test(test_limited),
	    cmocka_unit_test(test_limited_long),
	    cmocka_unit_test(test_reply),
	    cmocka_unit_test(test_any_detail),
	    cmocka_unit_test(test_raw),
	    cmocka_unit_test(test_overload_raw),
	    cmocka_unit_test(test_after_body),
	    cmocka_unit_test(test_failure),
	    cmocka_unit_test(test_failure_that_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
