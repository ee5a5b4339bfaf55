/* SPDX-License-Identifier: MIT */
/* multipart/byteranges: RFC 9110 §14.6. */
#include "check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sending.h"

#define SIZE ((size_t)1 << 20)
#define BODY_MAX (2 * SIZE)

static const struct store_opts IN_MEMORY = {
    .memory_max = SPW_UNLIMITED, .max_files = 10};

struct fixture {
	struct sending s;
	char *body;
};

static int setup(void **state)
{
	static struct fixture fx;

	sending_init(&fx.s, &IN_MEMORY, SIZE);
	stored_append(fx.s.file, SIZE);
	stored_seal(fx.s.file);
	fx.s.type = "text/plain; charset=x";
	fx.body = malloc(BODY_MAX);
	*state = &fx;
	return fx.body == NULL;
}

static int teardown(void **state)
{
	struct fixture *fx = *state;

	free(fx->body);
	sending_fini(&fx->s);
	return 0;
}

/* Take `want` off the front of what is left. */
static void expect(const char **at, const char *want)
{
	size_t n = strlen(want);

	if (strncmp(*at, want, n) != 0)
		fail_msg("'%.*s' instead of '%s'", (int)n, *at, want);
	*at += n;
}

/* Ask for ranges (first and last of each) and check the whole answer, read in
   pieces of `piece` bytes. */
static void check_parts(struct fixture *fx, const char *range,
    const uint64_t (*want)[2], size_t count, size_t piece)
{
	const char *at = fx->body, *prefix = "multipart/byteranges; boundary=";
	char head[256];
	size_t len = 0;
	ssize_t end = 0;

	assert_int_equal(sending_get(&fx->s, range), 206);
	assert_null(web_field(&fx->s.web, "Content-Range"));
	const char *type = web_field(&fx->s.web, "Content-Type");
	assert_memory_equal(type, prefix, strlen(prefix));
	const char *boundary = type + strlen(prefix);
	while (!end)
		len += web_read(&fx->s.web, len, fx->body + len, piece, &end);
	assert_int_equal(end, MHD_CONTENT_READER_END_OF_STREAM);
	assert_int_equal(len, web_length(&fx->s.web));
	fx->body[len] = '\0';

	for (size_t i = 0; i < count; i++) {
		size_t size = (size_t)(want[i][1] - want[i][0] + 1);

		snprintf(head, sizeof(head),
		    "%s--%s\r\nContent-Type: text/plain; charset=x\r\n"
		    "Content-Range: bytes %" PRIu64 "-%" PRIu64
		    "/1048576\r\n\r\n",
		    i ? "\r\n" : "", boundary, want[i][0], want[i][1]);
		expect(&at, head);
		assert_true(
		    is_content((const uint8_t *)at, size, want[i][0]));
		at += size;
	}
	snprintf(head, sizeof(head), "\r\n--%s--\r\n", boundary);
	expect(&at, head);
	assert_int_equal(at - fx->body, len);
	web_done(&fx->s.web, true);
}

static void test_small(void **state)
{
	static const uint64_t want[][2] = {
	    {0, 0}, {1000, 1999}, {1048575, 1048575}};

	for (size_t piece = 1; piece < 2000; piece += 97)
		check_parts(
		    *state, "bytes=0-0,1000-1999,-1", want, 3, piece);
}

/* Too much to be put together in memory: it is streamed. */
static void test_large(void **state)
{
	static const uint64_t want[][2] = {{0, 299999}, {500000, 899999}};
	static const size_t pieces[] = {
	    1000, 4096, 65536, 299999, 300000, BODY_MAX - SIZE};

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		check_parts(*state, "bytes=0-299999,500000-899999", want, 2,
		    pieces[i]);
}

/* In the order they were asked for. */
static void test_order(void **state)
{
	static const uint64_t want[][2] = {{5000, 5009}, {0, 9}};

	check_parts(*state, "bytes=5000-5009,0-9", want, 2, 100000);
}

/* When the parts would be more than the whole, the whole is sent. */
static void test_not_worth_it(void **state)
{
	struct fixture *fx = *state;

	assert_int_equal(
	    sending_get(&fx->s, "bytes=0-524287,524400-1048575"), 200);
	assert_sent(&fx->s, 0, SIZE);
	assert_string_equal(
	    web_field(&fx->s.web, "Content-Type"), "text/plain; charset=x");
	web_done(&fx->s.web, true);
}

/* Overlapping ones are one, and one that remains is an ordinary range. */
static void test_coalesced(void **state)
{
	struct fixture *fx = *state;

	assert_int_equal(sending_get(&fx->s, "bytes=0-99,50-199,150-"), 206);
	assert_string_equal(
	    web_field(&fx->s.web, "Content-Range"), "bytes 0-1048575/1048576");
	web_done(&fx->s.web, true);
	assert_int_equal(
	    sending_get(&fx->s, "bytes=9999999-,5-6,8888888-"), 206);
	assert_string_equal(
	    web_field(&fx->s.web, "Content-Range"), "bytes 5-6/1048576");
	web_done(&fx->s.web, true);
}

/* Cut in the middle: nothing is left. */
static void test_cut(void **state)
{
	struct fixture *fx = *state;
	ssize_t end;

	sending_get(&fx->s, "bytes=0-299999,500000-899999");
	web_read(&fx->s.web, 0, fx->body, 1000, &end);
	web_done(&fx->s.web, false);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_small),
	    T(test_large),
	    T(test_order),
	    T(test_not_worth_it),
	    T(test_coalesced),
	    T(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
