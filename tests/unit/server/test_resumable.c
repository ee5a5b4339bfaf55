/* SPDX-License-Identifier: MIT */
/* Uploads that stay open: turns, workers, the end, and parts put together. */
#include "check.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "ingest/resumable.h"
#include "stored.h"
#include "fake_mhd.h"

/* A request that never ends by itself, to have a waker of. */
struct side {
	struct web web;
	struct http_handler handler;
	struct http_request *req;
	struct resumable_turn turn;
};

static struct fixture {
	struct conf conf;
	struct ingest in;
	struct side a, b;
} fx;

static ssize_t take(
    struct http_request *req, void *ctx, const char *p, size_t len)
{
	(void)req;
	(void)ctx;
	(void)p;
	return (ssize_t)len;
}

static void end(struct http_request *req, void *ctx)
{
	(void)req;
	(void)ctx;
}

static void begin(struct http_request *req, void *ctx)
{
	static const struct http_sink sink = {take, end, end};
	struct side *s = ctx;

	s->req = req;
	http_take_body(req, &sink, NULL);
}

static void side_init(struct side *s)
{
	memset(s, 0, sizeof(*s));
	s->handler = (struct http_handler){.begin = begin, .ctx = s};
	web_init(&s->web, &s->handler);
	web_begin(&s->web, "PATCH", "/files/a",
	    FIELDS({"Content-Length", "1000000"}));
	s->turn.waker = http_waker_get(s->req);
	assert_non_null(s->turn.waker);
}

static void side_fini(struct side *s)
{
	web_done(&s->web, false);
	http_waker_unref(s->turn.waker);
	web_fini(&s->web);
}

static int setup(void **state)
{
	(void)state;
	assert_ok(conf_init(&fx.conf));
	fx.conf.upload.max_open_per_client = 3;
	assert_ok(ingest_init(&fx.in, &fx.conf, stored_new(STORED_MAX)));
	assert_ok(spw_pool_new(2, &fx.in.workers));
	side_init(&fx.a);
	side_init(&fx.b);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	side_fini(&fx.a);
	side_fini(&fx.b);
	ingest_stop(&fx.in);
	spw_pool_free(fx.in.workers);
	store_free(fx.in.store);
	ingest_fini(&fx.in);
	conf_fini(&fx.conf);
	assert_int_equal(metrics_get(METRIC_UPLOADS_OPEN), 0);
	assert_int_equal(metrics_get(METRIC_FILES_RECEIVING), 0);
	return 0;
}

static const struct upload_params PLAIN = {.ttl_ms = UINT64_MAX};

static int try_make(
    const struct resumable_opts *more, uint64_t length, struct file **ret)
{
	struct resumable_opts o = more ? *more : (struct resumable_opts){0};

	o.source = FILE_FROM_TUS;
	o.length = length;
	o.params = &PLAIN;
	return resumable_new(&fx.in, &o, ret);
}

static struct resumable *make(
    const struct resumable_opts *more, uint64_t length)
{
	struct file *f;

	assert_ok(try_make(more, length, &f));
	/* The store holds it. */
	file_unref(f);
	return resumable_of(f);
}

static struct resumable *make_part(uint64_t length)
{
	return make(
	    &(struct resumable_opts){.kind = RESUMABLE_PARTIAL}, length);
}

/* Append in one go, as a request would. */
static void append(struct resumable *r, const char *text)
{
	assert_ok(resumable_claim(
	    r, &fx.a.turn, resumable_offset(r), false));
	assert_ok(resumable_write(r, &fx.a.turn, text, strlen(text)));
	resumable_release(r, &fx.a.turn);
	resumable_settle(r);
}

static void assert_text(struct file *f, const char *text)
{
	char buf[64];
	ssize_t n = spw_spool_pread(f->spool, buf, sizeof(buf), 0);

	assert_int_equal(n, strlen(text));
	assert_memory_equal(buf, text, strlen(text));
}

/* The workers bring it about. */
static void await_state(const struct file *f, enum file_state state)
{
	while (file_state(f) != state)
		sched_yield();
}

static void one_at_a_time(void **state)
{
	(void)state;
	struct resumable *r = make(NULL, 100);

	assert_err(resumable_claim(r, &fx.a.turn, 1, false), ESTALE);
	assert_ok(resumable_claim(r, &fx.a.turn, 0, false));
	assert_ok(resumable_write(r, &fx.a.turn, "abc", 3));
	assert_err(resumable_write(r, &fx.b.turn, "x", 1), ECANCELED);

	/* Who comes with a wrong offset puts nobody out. */
	assert_err(resumable_claim(r, &fx.b.turn, 0, false), ESTALE);
	assert_ok(resumable_write(r, &fx.a.turn, "de", 2));
	assert_int_equal(resumable_offset(r), 5);

	int64_t before = metrics_get(METRIC_UPLOADS_EVICTED);
	assert_ok(resumable_claim(r, &fx.b.turn, 5, false));
	assert_int_equal(metrics_get(METRIC_UPLOADS_EVICTED), before + 1);
	assert_err(resumable_write(r, &fx.a.turn, "x", 1), ECANCELED);
	assert_ok(resumable_write(r, &fx.b.turn, "f", 1));
	assert_false(fx.a.req->cut);
	web_wakes(&fx.a.web);
	assert_true(fx.a.req->cut);
	resumable_release(r, &fx.a.turn);
	assert_ok(resumable_write(r, &fx.b.turn, "g", 1));
	resumable_release(r, &fx.b.turn);
	assert_err(resumable_write(r, &fx.b.turn, "h", 1), ECANCELED);
	assert_text(r->file, "abcdefg");
}

static void cut_first_and_stop(void **state)
{
	(void)state;
	struct resumable *r = make(NULL, 100);
	struct resumable_wait w = {.waker = fx.b.turn.waker};

	assert_ok(resumable_claim(r, &fx.a.turn, 0, false));
	assert_err(resumable_claim(r, &fx.b.turn, 7, true), ESTALE);
	assert_err(resumable_write(r, &fx.a.turn, "x", 1), ECANCELED);

	assert_ok(resumable_claim(r, &fx.a.turn, 0, false));
	assert_ok(resumable_stop(r, &w));
	assert_err(resumable_write(r, &fx.a.turn, "x", 1), ECANCELED);
	assert_int_equal(resumable_offset(r), 0);
}

static void a_worker_is_waited_for(void **state)
{
	(void)state;
	struct resumable *r = make(NULL, 100);
	struct resumable_wait w = {.waker = fx.b.turn.waker};

	assert_err(resumable_begin_work(r, &fx.a.turn), ECANCELED);
	assert_ok(resumable_claim(r, &fx.a.turn, 0, false));
	assert_ok(resumable_begin_work(r, &fx.a.turn));
	assert_err(resumable_claim(r, &fx.b.turn, 0, true), EAGAIN);
	assert_err(resumable_stop(r, &w), EAGAIN);
	assert_ok(resumable_work(r, "abc", 3));
	assert_int_equal(web_wakes(&fx.b.web), 0);
	resumable_end_work(r);
	assert_int_equal(web_wakes(&fx.b.web), 1);
	assert_err(resumable_claim(r, &fx.b.turn, 0, false), ESTALE);
	assert_ok(resumable_claim(r, &fx.b.turn, 3, false));
	assert_err(resumable_begin_work(r, &fx.a.turn), ECANCELED);
	resumable_release(r, &fx.b.turn);
	resumable_unwait(r, &w);
}

static void finishing(void **state)
{
	(void)state;
	struct resumable *r = make(NULL, FILE_SIZE_UNKNOWN);
	int64_t done = metrics_get(METRIC_UPLOADS_COMPLETED);

	assert_ok(resumable_claim(r, &fx.a.turn, 0, false));
	assert_ok(resumable_write(r, &fx.a.turn, "abc", 3));
	assert_ok(resumable_set_length(r, &fx.a.turn, 3));
	assert_err(resumable_finish(r, &fx.b.turn), ECANCELED);
	/* As after a write that had to wait. */
	r->writer = fx.a.turn.waker;
	assert_ok(resumable_finish(r, &fx.a.turn));
	resumable_release(r, &fx.a.turn);
	assert_null(r->writer);
	assert_true(resumable_complete(r));
	assert_int_equal(resumable_length(r), 3);
	assert_int_equal(metrics_get(METRIC_UPLOADS_COMPLETED), done + 1);
	assert_ok(resumable_finish(r, &fx.b.turn));
	assert_err(resumable_claim(r, &fx.a.turn, 3, true), EALREADY);
	assert_err(resumable_claim(r, &fx.a.turn, 0, true), ESTALE);

	/* As it has its length, without anybody. */
	r = make(NULL, 0);
	resumable_settle(r);
	assert_true(resumable_complete(r));
	r = make(NULL, 5);
	append(r, "abcde");
	assert_true(resumable_complete(r));
}

static void the_whole_is_checked(void **state)
{
	(void)state;
	struct digest_set set;
	unsigned sha = DIGEST_BIT(DIGEST_SHA256);

	assert_ok(digest_once(sha, "abcdef", 6, &set));
	struct resumable_opts o = {.algs = sha, .said = set};
	struct resumable *r = make(&o, 6);
	append(r, "abc");
	append(r, "def");
	assert_true(resumable_complete(r));
	assert_int_equal(file_digests(r->file, &set), sha);

	r = make(&o, 6);
	struct file *f = file_ref(r->file);
	assert_ok(resumable_claim(r, &fx.a.turn, 0, false));
	assert_ok(resumable_write(r, &fx.a.turn, "abcdeF", 6));
	assert_err(resumable_finish(r, &fx.a.turn), EBADE);
	assert_true(f->removed);
	assert_int_equal(file_state(f), FILE_FAILED);
	assert_err(resumable_finish(r, &fx.a.turn), EBADE);
	/* Its own request is not cut for it. */
	web_wakes(&fx.a.web);
	assert_false(fx.a.req->cut);
	file_unref(f);
}

static void removal_ends_it(void **state)
{
	(void)state;
	struct resumable *r = make(NULL, 100);
	struct file *f = file_ref(r->file);

	assert_ok(resumable_claim(r, &fx.a.turn, 0, false));
	assert_ok(resumable_write(r, &fx.a.turn, "abc", 3));
	assert_true(store_remove(fx.in.store, f));
	assert_int_equal(file_state(f), FILE_FAILED);
	assert_err(resumable_write(r, &fx.a.turn, "x", 1), ENOENT);
	assert_err(resumable_claim(r, &fx.b.turn, 3, false), ENOENT);
	assert_err(resumable_begin_work(r, &fx.a.turn), ENOENT);
	assert_err(resumable_finish(r, &fx.a.turn), ENOENT);
	web_wakes(&fx.a.web);
	assert_true(fx.a.req->cut);
	file_unref(f);
}

static void as_many_as_a_client_may(void **state)
{
	(void)state;
	struct resumable *r[3];
	struct file *f;

	for (size_t i = 0; i < 3; i++)
		r[i] = make(NULL, 5);
	assert_err(try_make(NULL, 5, &f), EUSERS);
	append(r[0], "abcde");
	r[0] = make(NULL, 5);
	assert_err(try_make(NULL, 5, &f), EUSERS);
	store_remove(fx.in.store, r[1]->file);
	make(NULL, 5);
	assert_err(try_make(NULL, 5, &f), EUSERS);
}

static void times(void **state)
{
	(void)state;
	fx.conf.upload.expire = 3600000;
	struct resumable *r = make(NULL, 5);
	int64_t now = clock_unix_ms();
	int64_t at = atomic_load(&r->file->expires_ms);

	assert_in_range(at, now + 3590000, now + 3610000);
	resumable_orphan(r);
	assert_in_range(
	    atomic_load(&r->file->expires_ms), now, now + 120000);
	resumable_touch(r);
	assert_in_range(atomic_load(&r->file->expires_ms), now + 3590000,
	    now + 3610000);
	append(r, "abcde");
	/* From here on the file's own time counts. */
	at = atomic_load(&r->file->expires_ms);
	assert_in_range(at, now + 86390000, now + 86410000);
	resumable_touch(r);
	assert_int_equal(atomic_load(&r->file->expires_ms), at);
}

static struct resumable *join_digested(struct resumable *const *parts,
    size_t count, unsigned algs, const struct digest_set *said)
{
	struct file *files[8];
	struct resumable_opts o = {.kind = RESUMABLE_FINAL, .algs = algs};

	if (said)
		o.said = *said;
	struct resumable *r = make(&o, FILE_SIZE_UNKNOWN);
	for (size_t i = 0; i < count; i++)
		files[i] = parts[i]->file;
	assert_ok(resumable_concat(r, files, count));
	return r;
}

static struct resumable *join(struct resumable *const *parts, size_t count)
{
	return join_digested(parts, count, 0, NULL);
}

static void parts_are_put_together(void **state)
{
	(void)state;
	fx.conf.upload.max_open_per_client = 0;
	struct resumable *p[] = {make_part(3), make_part(2), make_part(0)};

	append(p[0], "abc");
	append(p[1], "de");
	resumable_settle(p[2]);
	struct resumable *all[] = {p[0], p[1], p[2], p[0]};
	struct resumable *r = join(all, 4);
	/* At once. */
	assert_int_equal(file_state(r->file), FILE_READY);
	assert_text(r->file, "abcdeabc");
	assert_int_equal(resumable_concat_length(r), 8);
	assert_false(p[0]->file->removed);
}

static void parts_that_come_later(void **state)
{
	(void)state;
	fx.conf.upload.max_open_per_client = 0;
	struct resumable *p[] = {make_part(6), make_part(FILE_SIZE_UNKNOWN)};
	struct resumable *r = join(p, 2);

	assert_true(resumable_concat_length(r) == FILE_SIZE_UNKNOWN);
	append(p[1], "gh");
	append(p[0], "abc");
	assert_int_equal(
	    spw_spool_wait(r->file->spool, 2, SPW_NO_DEADLINE, NULL), 1);
	assert_ok(resumable_claim(p[1], &fx.a.turn, 2, false));
	assert_ok(resumable_set_length(p[1], &fx.a.turn, 2));
	resumable_release(p[1], &fx.a.turn);
	resumable_settle(p[1]);
	assert_int_equal(resumable_concat_length(r), 8);
	assert_int_equal(file_state(r->file), FILE_RECEIVING);
	append(p[0], "def");
	await_state(r->file, FILE_READY);
	assert_text(r->file, "abcdefgh");
}

/* Both of what is there at once, and of what comes later. */
static void parts_are_checked(void **state)
{
	(void)state;
	struct digest_set said, got;
	unsigned sha = DIGEST_BIT(DIGEST_SHA256);

	fx.conf.upload.max_open_per_client = 0;
	struct resumable *p[] = {make_part(3), make_part(3)};
	append(p[0], "abc");
	assert_ok(digest_once(sha, "abcdef", 6, &said));
	struct resumable *r = join_digested(p, 2, sha, &said);
	append(p[1], "def");
	await_state(r->file, FILE_READY);
	assert_int_equal(file_digests(r->file, &got), sha);
	assert_false(digest_differs(&got, &said));

	r = join_digested(p, 1, sha, NULL);
	await_state(r->file, FILE_READY);
	assert_int_equal(file_digests(r->file, &got), sha);
	p[1] = make_part(3);
	struct file *f = file_ref(join_digested(p, 2, sha, &said)->file);
	append(p[1], "deF");
	await_state(f, FILE_FAILED);
	file_unref(f);
}

static void a_part_that_never_comes(void **state)
{
	(void)state;
	fx.conf.upload.max_open_per_client = 0;
	struct resumable *p[] = {make_part(6)};
	struct resumable *r = join(p, 1), *other = join(p, 1);
	struct file *f = file_ref(other->file);

	append(p[0], "abc");
	assert_int_equal(
	    spw_spool_wait(f->spool, 2, SPW_NO_DEADLINE, NULL), 1);
	/* One is given up, the other's part is. */
	store_remove(fx.in.store, f);
	assert_int_equal(file_state(f), FILE_FAILED);
	file_unref(f);
	store_remove(fx.in.store, p[0]->file);
	await_state(r->file, FILE_FAILED);
	assert_false(r->file->removed);
}

static void the_end_while_parts_are_waited_for(void **state)
{
	(void)state;
	struct resumable *p[] = {make_part(6)};

	/* Nothing more: that all is freed is for teardown to see. */
	join(p, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(one_at_a_time),
	    TEST(cut_first_and_stop),
	    TEST(a_worker_is_waited_for),
	    TEST(finishing),
	    TEST(the_whole_is_checked),
	    TEST(removal_ends_it),
	    TEST(as_many_as_a_client_may),
	    TEST(times),
	    TEST(parts_are_put_together),
	    TEST(parts_that_come_later),
	    TEST(parts_are_checked),
	    TEST(a_part_that_never_comes),
	    TEST(the_end_while_parts_are_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
