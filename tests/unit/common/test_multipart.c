/* SPDX-License-Identifier: MIT */
#include "common/multipart.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

/* Writes down what it is told, as text: `<name|file|type>` data `</>`. */
struct record {
	char text[65536];
	size_t used;
	size_t take; /* most that part_data takes at once; 0: everything */
	unsigned int pause_every;
	unsigned int calls;
	int fail_begin, fail_data, fail_end;
};

static void note(struct record *r, const char *p, size_t n)
{
	assert_true(r->used + n < sizeof(r->text));
	memcpy(r->text + r->used, p, n);
	r->used += n;
	r->text[r->used] = '\0';
}

static void note_str(struct record *r, struct str s)
{
	if (s.p)
		note(r, s.p, s.n);
	else
		note(r, "-", 1);
}

static int on_begin(
    void *ctx, struct str name, struct str filename, struct str content_type)
{
	struct record *r = ctx;

	note(r, "<", 1);
	note_str(r, name);
	note(r, "|", 1);
	note_str(r, filename);
	note(r, "|", 1);
	note_str(r, content_type);
	note(r, ">", 1);
	return r->fail_begin;
}

static ssize_t on_data(void *ctx, const char *data, size_t len)
{
	struct record *r = ctx;

	assert_true(len > 0);
	if (r->fail_data < 0)
		return r->fail_data;
	r->calls++;
	if (r->pause_every > 0 && r->calls % r->pause_every == 0)
		return 0;
	if (r->take > 0 && len > r->take)
		len = r->take;
	note(r, data, len);
	return (ssize_t)len;
}

static int on_end(void *ctx)
{
	struct record *r = ctx;

	note(r, "</>", 3);
	return r->fail_end;
}

static const struct multipart_ops ops = {on_begin, on_data, on_end};

/* Feed all of `body` in pieces of at most `piece` bytes. */
static int feed_pieces(struct multipart *m, const char *body, size_t len,
    size_t piece, struct record *r)
{
	size_t at = 0;

	r->used = 0;
	r->text[0] = '\0';
	while (at < len) {
		size_t n = len - at < piece ? len - at : piece;
		/* a buffer of its own, so that a sanitizer sees the end */
		char *copy = malloc(n);
		assert_non_null(copy);
		memcpy(copy, body + at, n);
		ssize_t took = multipart_feed(m, copy, n, &ops, r);
		free(copy);
		if (took < 0)
			return (int)took;
		assert_true((size_t)took <= n);
		at += (size_t)took;
	}
	return multipart_end(m);
}

/* The same result in one piece, in all small pieces, and with pauses. */
static void check_body_n(
    const char *body, size_t len, const char *want, int result)
{
	static struct multipart m;
	static struct record r;

	for (size_t piece = 1; piece <= 20; piece++)
		for (size_t take = 0; take < 4; take++) {
			memset(&r, 0, sizeof(r));
			r.take = take;
			r.pause_every = (unsigned int)take;
			if (take == 1)
				r.pause_every = 0;
			assert_ok(multipart_init(&m, "AaB03x", 6));
			int got = feed_pieces(
			    &m, body, len, piece == 20 ? len : piece, &r);
			assert_int_equal(got, result);
			if (want)
				assert_string_equal(r.text, want);
		}
}

static void check_body(const char *body, const char *want, int result)
{
	check_body_n(body, strlen(body), want, result);
}

#define FIELD(name) \
	"--AaB03x\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r" \
	"\n"
#define END "\r\n--AaB03x--\r\n"

static void form_rfc7578_4(void **state)
{
	(void)state;
	check_body(FIELD("ttl") "60\r\n"
				"--AaB03x\r\n"
				"content-disposition: Form-Data; name=f; "
				"filename=\"dir/a.txt\"\r\n"
				"Content-Type:  text/plain; charset=utf-8 \r\n"
				"X-Other: ignored\r\n"
				"\r\n"
				"line 1\r\nline 2\r\n" END,
	    "<ttl|-|->60</>"
	    "<f|a.txt|text/plain; charset=utf-8>line 1\r\nline 2\r\n</>",
	    0);
	check_body(FIELD("") "x" END, "<|-|->x</>", 0);
	check_body(
	    "--AaB03x\r\nContent-Disposition: form-data; name=\"a\\\"b\"; "
	    "filename=\"\"\r\n\r\n" END,
	    "<a\"b||-></>", 0);
	check_body("--AaB03x\r\nContent-Disposition: form-data; name=a; "
		   "filename*=UTF-8''%C3%A4\r\n\r\nx" END,
	    "<a|\xC3\xA4|->x</>", 0);
}

static void framing_rfc2046_5_1_1(void **state)
{
	(void)state;
	/* preamble, epilogue, transport padding, no final CRLF */
	check_body("preamble\r\n--AaB0\r\n" FIELD("a") "1" END "epilogue\r\n"
						       "--AaB03x\r\nmore",
	    "<a|-|->1</>", 0);
	check_body("\r\n" FIELD("a") "1\r\n--AaB03x--", "<a|-|->1</>", 0);
	check_body("--AaB03x \t \r\nContent-Disposition: form-data; "
		   "name=a\r\n\r\n1\r\n--AaB03x-- \r\n",
	    "<a|-|->1</>", 0);
	/* no parts at all */
	check_body("--AaB03x--\r\n", "", 0);
	/* an empty part, with its own CRLF and without */
	check_body(FIELD("a") END, "<a|-|-></>", 0);
	check_body(FIELD("a") "--AaB03x--\r\n", "<a|-|-></>", 0);
	check_body(FIELD("a") "\r\n" FIELD("b") "\r\n\r\n" END,
	    "<a|-|-></><b|-|->\r\n\r\n</>", 0);
}

static void near_misses_are_data(void **state)
{
	(void)state;
	check_body(
	    FIELD("a") "\r\n--AaB03\r\n--AaB03y\r\n-\r\n--\r\n\r\r\n" END,
	    "<a|-|->\r\n--AaB03\r\n--AaB03y\r\n-\r\n--\r\n\r\r\n</>", 0);
	check_body(FIELD("a") "--AaB03x\n--AaB03x" END, NULL, -EBADMSG);
	check_body(
	    FIELD("a") "x--AaB03x--\r\n" END, "<a|-|->x--AaB03x--\r\n</>", 0);
	check_body(FIELD("a") "\n--AaB03x\n" END, "<a|-|->\n--AaB03x\n</>", 0);
	check_body(FIELD("a") "--AaB03\r\r\r\n\r\n-" END,
	    "<a|-|->--AaB03\r\r\r\n\r\n-</>", 0);
	static const char zeros[] = FIELD("a") "\0\r\0\n" END;
	check_body_n(zeros, sizeof(zeros) - 1, NULL, 0);
}

static void cut_short(void **state)
{
	(void)state;
	static const char whole[] = FIELD("a") "x" END;
	size_t closed = sizeof(whole) - 1 - 2;

	for (size_t n = 0; n <= sizeof(whole) - 1; n++)
		check_body_n(whole, n, NULL, n < closed ? -EBADMSG : 0);
}

static void malformed(void **state)
{
	(void)state;
	static const char *const bad[] = {
	    "no delimiter at all",
	    "--AaB03xy\r\n" FIELD("a") "x" END,
	    "--AaB03x-\r\n",
	    "--AaB03x -\r\n",
	    "--AaB03x\r\r\n",
	    "--AaB03x\n",
	    "--AaB03x\r\n\r\nno headers" END,
	    "--AaB03x\r\nContent-Type: text/plain\r\n\r\nx" END,
	    "--AaB03x\r\nContent-Disposition: attachment; name=a\r\n\r\nx" END,
	    "--AaB03x\r\nContent-Disposition: form-data\r\n\r\nx" END,
	    "--AaB03x\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx" END,
	    "--AaB03x\r\nContent-Disposition form-data; name=a\r\n\r\nx" END,
	    "--AaB03x\r\nContent-Disposition : form-data; name=a\r\n\r\nx" END,
	    "--AaB03x\r\n Content-Disposition: form-data; name=a\r\n\r\nx" END,
	    "--AaB03x\r\n: x\r\nContent-Disposition: form-data; name=a\r\n"
	    "\r\nx" END,
	    "--AaB03x\r\nContent-Disposition: form-data; name=a\r\n"
	    "Content-Disposition: form-data; name=b\r\n\r\nx" END,
	    "--AaB03x\r\nContent-Disposition: form-data; name=a\r\n"
	    "Content-Type: a/b\r\nContent-Type: c/d\r\n\r\nx" END,
	    /* line ends */
	    "--AaB03x\r\nContent-Disposition: form-data; name=a\n\nx" END,
	    "--AaB03x\r\nContent-Disposition: form-data; name=a\n\r\nx" END,
	    "--AaB03x\r\nContent-Disposition: form-data; name=a\rX: y\r\n"
	    "\r\nx" END,
	    "--AaB03x\r\nContent-Disposition: form-data; name=a\r\r\n\r\nx" END,
	    "--AaB03x\r\nContent-Disposition: form-data; name=a\x01\r\n"
	    "\r\nx" END,
	    /* encodings would be stored as they are */
	    "--AaB03x\r\nContent-Disposition: form-data; name=a\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\nx" END,
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_body(bad[i], NULL, -EBADMSG);
	static const char nul[] =
	    "--AaB03x\r\nContent-Disposition: form-data; name=a\0\r\n\r\n";
	check_body_n(nul, sizeof(nul) - 1, NULL, -EBADMSG);
}

static void header_lines(void **state)
{
	(void)state;
	check_body("--AaB03x\r\nContent-Disposition: form-data;\r\n"
		   "\tname=a;\r\n  filename=b\r\n"
		   "Content-Transfer-Encoding: 8BIT\r\n\r\nx" END,
	    "<a|b|->x</>", 0);
	check_body("--AaB03x\r\nContent-Type:\r\nContent-Disposition:form-data;"
		   "name=\xC3\xA4\r\n\r\nx" END,
	    "<\xC3\xA4|-|>x</>", 0);
}

/* One part with `lines` extra header lines of `width` bytes with CRLF. */
static int many_headers(size_t lines, size_t width)
{
	static struct multipart m;
	static struct record r;
	static char body[65536];
	size_t n = (size_t)snprintf(body, sizeof(body),
	    "--AaB03x\r\nContent-Disposition: form-data; name=a\r\n");

	for (size_t i = 0; i < lines; i++) {
		body[n] = 'X';
		body[n + 1] = ':';
		memset(body + n + 2, 'y', width - 4);
		memcpy(body + n + width - 2, "\r\n", 2);
		n += width;
	}
	n += (size_t)snprintf(body + n, sizeof(body) - n, "\r\nx" END);
	assert_ok(multipart_init(&m, "AaB03x", 6));
	memset(&r, 0, sizeof(r));
	return feed_pieces(&m, body, n, 1000, &r);
}

static void limits_of_heads(void **state)
{
	(void)state;
	size_t own = strlen("Content-Disposition: form-data; name=a\r\n\r\n");

	assert_int_equal(many_headers(MULTIPART_HEADERS_MAX - 1, 10), 0);
	assert_int_equal(many_headers(MULTIPART_HEADERS_MAX, 10), -E2BIG);
	assert_int_equal(many_headers(1, MULTIPART_HEAD_MAX - own), 0);
	assert_int_equal(many_headers(1, MULTIPART_HEAD_MAX - own + 1), -E2BIG);
	assert_int_equal(many_headers(1, 60000), -E2BIG);
}

static int name_of(size_t len, const char *param)
{
	static struct multipart m;
	static struct record r;
	static char body[8192];
	size_t n = (size_t)snprintf(body, sizeof(body),
	    "--AaB03x\r\nContent-Disposition: form-data; %s=", param);

	memset(body + n, 'n', len);
	n += len;
	n += (size_t)snprintf(body + n, sizeof(body) - n, "\r\n\r\nx" END);
	assert_ok(multipart_init(&m, "AaB03x", 6));
	memset(&r, 0, sizeof(r));
	return feed_pieces(&m, body, n, n, &r);
}

static void limits_of_names(void **state)
{
	(void)state;
	assert_int_equal(name_of(MULTIPART_NAME_MAX, "name"), 0);
	assert_int_equal(name_of(MULTIPART_NAME_MAX + 1, "name"), -E2BIG);
	assert_int_equal(name_of(MULTIPART_NAME_MAX, "name=a; filename"), 0);
	assert_int_equal(
	    name_of(MULTIPART_NAME_MAX + 1, "name=a; filename"), -E2BIG);
}

static void limit_of_parts(void **state)
{
	(void)state;
	static struct multipart m;
	static struct record r;
	static const char body[] =
	    FIELD("a") "1\r\n" FIELD("b") "2\r\n" FIELD("c") "3" END;

	assert_ok(multipart_init(&m, "AaB03x", 6));
	assert_int_equal(m.max_parts, MULTIPART_PARTS_DEFAULT);
	m.max_parts = 3;
	assert_int_equal(feed_pieces(&m, body, sizeof(body) - 1, 7, &r), 0);
	assert_ok(multipart_init(&m, "AaB03x", 6));
	m.max_parts = 2;
	assert_int_equal(
	    feed_pieces(&m, body, sizeof(body) - 1, 7, &r), -E2BIG);
	assert_string_equal(r.text, "<a|-|->1</><b|-|->2</>");
}

/* A limit that is lower than the parser's own. */
static void limit_of_heads(void **state)
{
	(void)state;
	static struct multipart m;
	static struct record r;
	static const char body[] = FIELD("a") "x" END;
	/* The head that FIELD makes, with the empty line at its end. */
	uint32_t head = (uint32_t)strlen(FIELD("a")) - 10;

	assert_ok(multipart_init(&m, "AaB03x", 6));
	assert_int_equal(m.max_head, MULTIPART_HEAD_MAX);
	for (size_t piece = 1; piece < 100; piece += 13) {
		assert_ok(multipart_init(&m, "AaB03x", 6));
		m.max_head = head;
		assert_int_equal(
		    feed_pieces(&m, body, sizeof(body) - 1, piece, &r), 0);
		assert_ok(multipart_init(&m, "AaB03x", 6));
		m.max_head = head - 1;
		assert_int_equal(
		    feed_pieces(&m, body, sizeof(body) - 1, piece, &r), -E2BIG);
	}
}

/* What stands before and behind the parts, together. */
static int feed_around(size_t before, size_t behind, size_t piece)
{
	static const char part[] = "\r\n" FIELD("a") "x" END;
	static char body[2 * MULTIPART_AROUND_MAX + sizeof(part)];
	static struct multipart m;
	static struct record r;

	memset(body, 'p', before);
	memcpy(body + before, part, sizeof(part) - 1);
	/* END ends in CRLF, which counts. */
	memset(body + before + sizeof(part) - 1, 'e', behind - 2);
	assert_ok(multipart_init(&m, "AaB03x", 6));
	return feed_pieces(
	    &m, body, before + sizeof(part) - 1 + behind - 2, piece, &r);
}

static void limit_of_text_around(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 200000; piece = piece * 60 + 1) {
		assert_int_equal(
		    feed_around(MULTIPART_AROUND_MAX - 2, 2, piece), 0);
		assert_int_equal(
		    feed_around(MULTIPART_AROUND_MAX - 1, 2, piece), -E2BIG);
		assert_int_equal(
		    feed_around(0, MULTIPART_AROUND_MAX, piece), 0);
		assert_int_equal(
		    feed_around(0, MULTIPART_AROUND_MAX + 1, piece), -E2BIG);
		assert_int_equal(
		    feed_around(40000, MULTIPART_AROUND_MAX - 40000, piece), 0);
	}
}

static void boundaries_rfc2046_5_1_1(void **state)
{
	(void)state;
	static struct multipart m;
	char longest[MULTIPART_BOUNDARY_MAX + 1];

	memset(longest, 'b', sizeof(longest));
	assert_ok(multipart_init(&m, longest, MULTIPART_BOUNDARY_MAX));
	assert_err(multipart_init(&m, longest, sizeof(longest)), EINVAL);
	assert_err(multipart_init(&m, "", 0), EINVAL);
	assert_err(multipart_init(&m, "a ", 2), EINVAL);
	assert_err(multipart_init(&m, "a\rb", 3), EINVAL);
	assert_err(multipart_init(&m, "a\0b", 3), EINVAL);
	assert_err(multipart_init(&m, "\xC3\xA4", 2), EINVAL);
	assert_ok(multipart_init(&m, "a b'()+_,-./:=?", 15));
}

static int feed_failing(int begin, int data, int end)
{
	static struct multipart m;
	static struct record r;
	static const char body[] = FIELD("a") "x" END;

	memset(&r, 0, sizeof(r));
	r.fail_begin = begin;
	r.fail_data = data;
	r.fail_end = end;
	assert_ok(multipart_init(&m, "AaB03x", 6));
	int got = feed_pieces(&m, body, sizeof(body) - 1, 1000, &r);
	/* and it stays so */
	assert_int_equal(multipart_feed(&m, body, 1, &ops, &r), got);
	assert_int_equal(multipart_end(&m), got);
	return got;
}

static void callbacks_that_fail(void **state)
{
	(void)state;
	assert_int_equal(feed_failing(-ENOSPC, 0, 0), -ENOSPC);
	assert_int_equal(feed_failing(0, -EFBIG, 0), -EFBIG);
	assert_int_equal(feed_failing(0, 0, -EIO), -EIO);
}

static void pauses_say_how_far(void **state)
{
	(void)state;
	static struct multipart m;
	static struct record r;
	static const char head[] = FIELD("a");
	ssize_t n = (ssize_t)strlen(head);

	memset(&r, 0, sizeof(r));
	assert_ok(multipart_init(&m, "AaB03x", 6));
	assert_int_equal(multipart_feed(&m, head, (size_t)n, &ops, &r), n);

	r.take = 3;
	assert_int_equal(multipart_feed(&m, "abcdef\r", 7, &ops, &r), 3);
	assert_int_equal(multipart_feed(&m, "def\r", 4, &ops, &r), 4);
	/* the CR is held; it is given before any of this is used */
	r.pause_every = 1;
	assert_int_equal(multipart_feed(&m, "xyz", 3, &ops, &r), 0);
	assert_int_equal(multipart_feed(&m, "xyz", 3, &ops, &r), 0);
	r.pause_every = 0;
	assert_int_equal(multipart_feed(&m, "xyz", 3, &ops, &r), 3);
	assert_string_equal(r.text, "<a|-|->abcdef\rxyz");

	/* held bytes that are taken one at a time */
	assert_int_equal(multipart_feed(&m, "\r\n--AaB0", 8, &ops, &r), 8);
	r.take = 1;
	for (int i = 0; i < 7; i++)
		assert_int_equal(multipart_feed(&m, "!", 1, &ops, &r), 0);
	assert_int_equal(multipart_feed(&m, "!", 1, &ops, &r), 1);
	assert_string_equal(r.text, "<a|-|->abcdef\rxyz\r\n--AaB0!");
	assert_int_equal(multipart_feed(&m, NULL, 0, &ops, &r), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(form_rfc7578_4),
	    cmocka_unit_test(framing_rfc2046_5_1_1),
	    cmocka_unit_test(near_misses_are_data),
	    cmocka_unit_test(cut_short),
	    cmocka_unit_test(malformed),
	    cmocka_unit_test(header_lines),
	    cmocka_unit_test(limits_of_heads),
	    cmocka_unit_test(limits_of_names),
	    cmocka_unit_test(limit_of_parts),
	    cmocka_unit_test(limit_of_heads),
	    cmocka_unit_test(limit_of_text_around),
	    cmocka_unit_test(boundaries_rfc2046_5_1_1),
	    cmocka_unit_test(callbacks_that_fail),
	    cmocka_unit_test(pauses_say_how_far),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
