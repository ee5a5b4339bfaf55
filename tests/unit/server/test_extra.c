/* SPDX-License-Identifier: MIT */
/* Fields for whatever answer, interim answers, trailers, and cutting. */
#include "check.h"

#include <stdio.h>
#include <sys/socket.h>

#include "fake_mhd.h"

/* What the handler is to do. */
static struct act {
	int status;	/* of a reply of its own; 0: a problem */
	bool own_field; /* the reply has the field by itself */
	bool wait;	/* take the body, and refuse it */
	bool interim;
	char trailer[64];
} act;

static void answer(struct http_request *req)
{
	if (!act.status) {
		http_reply_error(req, PROBLEM_CONFLICT, "No.");
		return;
	}
	struct http_reply r = http_reply_empty(act.status);
	if (act.own_field)
		http_reply_header(&r, "X-Field", "own");
	http_reply(req, &r);
}

static ssize_t take(
    struct http_request *req, void *ctx, const char *p, size_t len)
{
	(void)ctx;
	(void)p;
	if (act.wait) {
		answer(req);
		return -1;
	}
	return (ssize_t)len;
}

static void end(struct http_request *req, void *ctx)
{
	size_t n = 0;
	struct str t;

	(void)ctx;
	act.trailer[0] = '\0';
	for (unsigned i = 0; (t = http_trailer(req, "X-Sum", i)).p; i++)
		n += (size_t)snprintf(act.trailer + n, sizeof(act.trailer) - n,
		    "%.*s;", (int)t.n, t.p);
	answer(req);
}

static void drop(struct http_request *req, void *ctx)
{
	(void)req;
	(void)ctx;
}

static void begin(struct http_request *req, void *ctx)
{
	static const struct http_sink sink = {take, end, drop};
	static const struct http_header_line lines[] = {
	    {"Location", "/a"}, {"X-Long", "b c"}};

	(void)ctx;
	http_answer_field(req, "X-Gone", "x");
	http_answer_field(req, "X-Field", "first");
	http_answer_field(req, "X-Field", "second");
	http_answer_field(req, "X-Gone", NULL);
	if (act.interim)
		assert_true(
		    http_interim(req, 104, "Upload Resumption Supported",
			lines, 2) != http_is_1_0(req));
	if (http_has_body(req))
		http_take_body(req, &sink, NULL);
	else
		answer(req);
}

static const struct http_handler HANDLER = {.begin = begin};

static int setup(void **state)
{
	static struct web w;

	act = (struct act){.status = 204};
	web_init(&w, &HANDLER);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	web_fini(*state);
	return 0;
}

static void assert_fields(const struct web *w)
{
	assert_string_equal(web_field(w, "X-Field"), "second");
	assert_null(web_field(w, "X-Gone"));
}

static void on_every_answer(void **state)
{
	struct web *w = *state;

	assert_int_equal(web_ask(w, "GET", "/a", NULL), 204);
	assert_fields(w);
	web_done(w, true);
	act.status = 0;
	assert_int_equal(web_ask(w, "GET", "/a", NULL), 409);
	assert_fields(w);
	web_done(w, true);
}

static void what_the_answer_has_stays(void **state)
{
	struct web *w = *state;

	act.own_field = true;
	assert_int_equal(web_ask(w, "GET", "/a", NULL), 204);
	assert_string_equal(web_field(w, "X-Field"), "own");
	web_done(w, true);
}

static void on_a_refusal_after_the_body(void **state)
{
	struct web *w = *state;

	act.wait = true;
	act.status = 0;
	web_begin(w, "PUT", "/a", FIELDS({"Content-Length", "10"}));
	assert_int_equal(web_body(w, "0123456789", 10), 10);
	web_end(w);
	assert_int_equal(w->status, 409);
	assert_fields(w);
	web_done(w, true);
}

static size_t heard(const struct web *w, char *out, size_t cap)
{
	ssize_t n = recv(w->peer_fd, out, cap - 1, MSG_DONTWAIT);

	out[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static void on_a_refusal_beside_the_library(void **state)
{
	struct web *w = *state;
	static char body[600000], text[2048];

	act.wait = true;
	act.status = 0;
	web_begin(w, "PUT", "/a", FIELDS({"Content-Length", "600000"}));
	web_body(w, body, sizeof(body));
	assert_true(heard(w, text, sizeof(text)) > 0);
	assert_memory_equal(text, "HTTP/1.1 409 ", 13);
	assert_non_null(strstr(text, "\r\nX-Field: second\r\n"));
	assert_null(strstr(text, "X-Gone"));
	web_done(w, false);
}

static void interim_answers(void **state)
{
	struct web *w = *state;
	char text[512];

	act.interim = true;
	web_begin(w, "PUT", "/a", FIELDS({"Content-Length", "3"}));
	heard(w, text, sizeof(text));
	assert_string_equal(text,
	    "HTTP/1.1 104 Upload Resumption Supported\r\n"
	    "Location: /a\r\nX-Long: b c\r\n\r\n");
	web_body(w, "abc", 3);
	web_end(w);
	assert_int_equal(w->status, 204);
	web_done(w, true);
}

static void trailers(void **state)
{
	struct web *w = *state;
	static const struct {
		const char *value, *told;
	} rows[] = {{"abc", "abc;2;"}, {"  a b\t", "a b;2;"},
	    {"a\x01", ";2;"}, {"", ";2;"}, {NULL, ""}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *value = rows[i].value;
		const struct fake_field some[] = {{"X-Other", "1"},
		    {value ? "x-SUM" : "X-No", value ? value : ""},
		    {value ? "X-Sum" : "X-No", "2"}, {NULL, NULL}};

		web_begin(w, "PUT", "/a",
		    FIELDS({"Transfer-Encoding", "chunked"}));
		web_body(w, "abc", 3);
		w->mhd.trailers = some;
		web_end(w);
		assert_string_equal(act.trailer, rows[i].told);
		web_done(w, true);
		w->mhd.trailers = NULL;
	}
}

static void cut_from_elsewhere(void **state)
{
	struct web *w = *state;
	char text[8];

	web_begin(w, "PUT", "/a", FIELDS({"Content-Length", "10"}));
	struct http_request *req = w->ctx;
	struct http_waker *waker = http_waker_get(req);
	http_waker_cut(waker);
	assert_false(req->cut);
	assert_int_equal(web_wakes(w), 1);
	assert_true(req->cut);
	assert_int_equal(recv(w->peer_fd, text, sizeof(text), 0), 0);
	assert_int_equal(web_body(w, "abc", 3), 0);
	assert_true(w->refused);
	http_waker_cut(waker);
	web_done(w, false);
	/* There is nobody any more. */
	web_wakes(w);
	http_waker_unref(waker);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(on_every_answer),
	    TEST(what_the_answer_has_stays),
	    TEST(on_a_refusal_after_the_body),
	    TEST(on_a_refusal_beside_the_library),
	    TEST(interim_answers),
	    TEST(trailers),
	    TEST(cut_from_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
