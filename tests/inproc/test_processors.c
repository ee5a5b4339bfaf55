/* SPDX-License-Identifier: MIT */
/* Processors that the embedding program brings along. */
#include "check.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "inproc/host.h"
#include "inproc/peer.h"

/* What the functions of the tests are told, and tell. */
struct play {
	_Atomic bool entered, go, left;
	_Atomic int saw;
};

static int copy(
    void *ctx, struct spw_processor_in *in, struct spw_processor_out *out)
{
	char buf[1000];
	ssize_t n;

	(void)ctx;
	while ((n = spw_processor_read(in, buf, sizeof(buf))) > 0) {
		int r = spw_processor_write(out, buf, (size_t)n);

		if (r < 0)
			return r;
	}
	return (int)n;
}

/* Tells all that it is told, and the last byte. */
static int describe(
    void *ctx, struct spw_processor_in *in, struct spw_processor_out *out)
{
	uint64_t size = spw_processor_size(in);
	char text[600], last;

	(void)ctx;
	require(spw_processor_pread(in, &last, 1, size - 1) == 1);
	require(spw_processor_pread(in, &last, 1, size) == 0);
	require(spw_processor_pread(in, &last, 1, size - 1) == 1);
	int n = snprintf(text, sizeof(text), "%s|%s|%llu|%c",
	    spw_processor_name(in), spw_processor_type(in),
	    (unsigned long long)size, last);
	return spw_processor_write(out, text, (size_t)n);
}

static int refuse(
    void *ctx, struct spw_processor_in *in, struct spw_processor_out *out)
{
	(void)ctx;
	(void)in;
	return spw_processor_refuse(out, "It is too blue.");
}

static int fail_silently(
    void *ctx, struct spw_processor_in *in, struct spw_processor_out *out)
{
	(void)ctx;
	(void)in;
	(void)out;
	return -EIO;
}

/* Writes until that fails. */
static int babble(
    void *ctx, struct spw_processor_in *in, struct spw_processor_out *out)
{
	struct play *play = ctx;
	int r;

	(void)in;
	atomic_store(&play->entered, true);
	while ((r = spw_processor_write(out, "bla", 3)) == 0)
		nap();
	atomic_store(&play->saw, r);
	/* From now on nothing works. */
	require(spw_processor_write(out, "bla", 3) == r);
	atomic_store(&play->left, true);
	return r;
}

/* Says nothing, until it may, or is not wanted. */
static int linger(
    void *ctx, struct spw_processor_in *in, struct spw_processor_out *out)
{
	struct play *play = ctx;
	char c;
	int r = 0;

	atomic_store(&play->entered, true);
	while (!atomic_load(&play->go) && r == 0) {
		ssize_t n = spw_processor_pread(in, &c, 1, 0);

		r = n < 0 ? (int)n : 0;
		nap();
	}
	atomic_store(&play->saw, r);
	atomic_store(&play->left, true);
	return r < 0 ? r : spw_processor_write(out, "done", 4);
}

static void add(struct host *h, const char *name,
    int (*fn)(void *, struct spw_processor_in *, struct spw_processor_out *),
    void *ctx)
{
	const struct spw_processor p = {
	    .size = sizeof(p),
	    .name = name,
	    .type = "text/x-made",
	    .fn = fn,
	    .ctx = ctx,
	};

	assert_ok(spw_server_add_processor(h->server, &p));
}

static void ask_for(struct host *h, struct peer *p, const char *name,
    const char *fields, const char *body)
{
	peer_open(p, h->port);
	peer_say(p,
	    "POST /process/%s HTTP/1.1\r\nHost: x\r\n%s"
	    "Content-Length: %zu\r\n\r\n%s",
	    name, fields, strlen(body), body);
}

static void read_all(struct peer *p, struct answer *a, char *out, size_t size)
{
	size_t len = 0;
	ssize_t n;

	require(peer_head(p, a));
	while ((n = peer_body(p, a, out + len, size - 1 - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	peer_close(p);
}

static void expect(struct host *h, const char *name, const char *fields,
    const char *body, int status, const char *wanted)
{
	struct peer p;
	struct answer a;
	char out[2048];

	ask_for(h, &p, name, fields, body);
	read_all(&p, &a, out, sizeof(out));
	assert_int_equal(a.status, status);
	if (!strstr(out, wanted))
		fail_msg("'%s' is not in: %s", wanted, out);
}

static void test_what_it_is_given(void **state)
{
	struct host h;

	(void)state;
	host_make(&h, NULL);
	add(&h, "copy", copy, NULL);
	add(&h, "describe", describe, NULL);
	assert_ok(spw_server_start(h.server));
	expect(&h, "copy", "", "some text", 200, "some text");
	expect(&h, "copy", "", "", 200, "");
	expect(&h, "describe",
	    "Content-Type: text/x-in\r\n"
	    "Content-Disposition: attachment; filename=\"a b\"\r\n",
	    "xyz", 200, "a b|text/x-in|3|z");
	host_close(&h);
}

static void test_failures(void **state)
{
	struct host h;

	(void)state;
	host_make(&h, NULL);
	add(&h, "refuse", refuse, NULL);
	add(&h, "fail", fail_silently, NULL);
	assert_ok(spw_server_start(h.server));
	expect(&h, "refuse", "", "x", 502, "It is too blue.");
	expect(&h, "fail", "", "x", 502, "Input/output error");
	expect(&h, "none", "", "x", 404, "/processors");
	host_close(&h);
}

static void test_limits(void **state)
{
	struct play slow = {0}, wordy = {0};
	const struct spw_processor late = {
	    .size = sizeof(late),
	    .name = "late",
	    .fn = linger,
	    .ctx = &slow,
	    .timeout_ms = 50,
	};
	const struct spw_processor much = {
	    .size = sizeof(much),
	    .name = "much",
	    .fn = babble,
	    .ctx = &wordy,
	    .max_output = 100,
	};
	struct host h;
	struct peer p;
	struct answer a;
	char out[2048];

	(void)state;
	host_make(&h, NULL);
	assert_ok(spw_server_add_processor(h.server, &late));
	assert_ok(spw_server_add_processor(h.server, &much));
	assert_ok(spw_server_start(h.server));
	expect(&h, "late", "", "x", 504, "was not done after 50 ms");
	assert_int_equal(slow.saw, -ETIMEDOUT);
	ask_for(&h, &p, "much", "", "x");
	read_all(&p, &a, out, sizeof(out));
	eventually(atomic_load(&wordy.left));
	assert_int_equal(wordy.saw, -EFBIG);
	assert_true(strlen(out) <= 99);
	host_close(&h);
}

/* A client that goes is a reason to stop, and so is the end of the server. */
static void test_cancelled(void **state)
{
	struct play first = {0}, second = {0};
	struct host h;
	struct peer p, q;

	(void)state;
	host_make(&h, NULL);
	add(&h, "babble", babble, &first);
	add(&h, "linger", linger, &second);
	assert_ok(spw_server_start(h.server));
	ask_for(&h, &p, "babble", "", "x");
	eventually(atomic_load(&first.entered));
	peer_close(&p);
	eventually(atomic_load(&first.left));
	assert_int_equal(first.saw, -ECANCELED);

	ask_for(&h, &q, "linger", "", "x");
	eventually(atomic_load(&second.entered));
	host_close(&h);
	assert_true(second.left);
	assert_int_equal(second.saw, -ECANCELED);
	peer_close(&q);
}

static void test_drain_waits(void **state)
{
	struct play play = {0};
	struct host h;
	struct peer p;
	struct answer a;
	char out[100];

	(void)state;
	host_make(&h, NULL);
	add(&h, "linger", linger, &play);
	assert_ok(spw_server_start(h.server));
	ask_for(&h, &p, "linger", "", "x");
	eventually(atomic_load(&play.entered));
	assert_false(spw_server_drain(h.server, 10));
	atomic_store(&play.go, true);
	assert_true(spw_server_drain(h.server, PATIENCE_MS));
	read_all(&p, &a, out, sizeof(out));
	assert_string_equal(out, "done");
	host_close(&h);
}

static void test_what_is_no_processor(void **state)
{
	const struct spw_processor good = {
	    .size = sizeof(good), .name = "a", .fn = copy};
	struct spw_processor bad[] = {good, good, good, good, good, good};
	struct host h;

	(void)state;
	bad[0].size = 4;
	bad[1].name = NULL;
	bad[2].name = "a/b";
	bad[3].fn = NULL;
	bad[4].concurrency = 65;
	bad[5].name = "abcdefghijklmnopqrstuvwxyz0123456";
	host_make(&h, NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_err(
		    spw_server_add_processor(h.server, &bad[i]), EINVAL);
	assert_ok(spw_server_add_processor(h.server, &good));
	assert_err(spw_server_add_processor(h.server, &good), EEXIST);
	/* Requests go by what there is from now on. */
	struct spw_processor late = good;
	late.name = "late";
	assert_ok(spw_server_start(h.server));
	assert_err(spw_server_add_processor(h.server, &late), EINVAL);
	host_close(&h);
}

/* Programs, too: the embedding process has threads and descriptors of its own,
   of which they see nothing. */
static void test_programs(void **state)
{
	struct census before = census_take();
	struct host h;

	(void)state;
	host_open(&h,
	    SETTINGS("processor lines.command=wc -l",
		"processor files.command=ls /proc/self/fd"));
	expect(&h, "lines", "", "a\nb\n", 200, "2\n");
	expect(&h, "files", "", "x", 200, "0\n1\n2\n3\n4\n");
	host_close(&h);
	census_check(&before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_it_is_given),
	    cmocka_unit_test(test_failures),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_cancelled),
	    cmocka_unit_test(test_drain_waits),
	    cmocka_unit_test(test_what_is_no_processor),
	    cmocka_unit_test(test_programs),
	};

	host_prepare();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
