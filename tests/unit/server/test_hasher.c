/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>

#include "base/digest.h"
#include "base/metrics.h"
#include "store/hasher.h"
#include "stored.h"

#define SHA256 DIGEST_BIT(DIGEST_SHA256)
#define MD5 DIGEST_BIT(DIGEST_MD5)
#define LARGE ((size_t)9 << 20) /* several turns */

/* Somebody who waits. */
struct waiter {
	struct hash_watch watch;
	struct flag done;
};

struct hashing {
	struct store *st;
	struct spw_pool *pool;
	struct hasher *hasher;
	struct file *file;
	/* Keeps the pool's only thread busy. */
	struct spw_job plug;
	struct flag in, out;
};

static void hold(struct spw_job *job)
{
	struct hashing *h =
	    (struct hashing *)(void *)((char *)job -
				       offsetof(struct hashing, plug));

	flag_raise(&h->in);
	flag_take(&h->out);
}

static void plug(struct hashing *h)
{
	h->plug.run = hold;
	spw_pool_submit(h->pool, &h->plug);
	flag_take(&h->in);
}

static int setup(void **state)
{
	static struct hashing h;

	h.st = stored_new(STORED_MAX);
	flag_init(&h.in);
	flag_init(&h.out);
	assert_ok(spw_pool_new(1, &h.pool));
	assert_ok(hasher_new(h.pool, 2, &h.hasher));
	h.file = stored_file(h.st, NULL);
	stored_append(h.file, LARGE);
	*state = &h;
	return 0;
}

static int teardown(void **state)
{
	struct hashing *h = *state;

	hasher_stop(h->hasher);
	spw_pool_free(h->pool);
	hasher_free(h->hasher);
	file_unref(h->file);
	store_free(h->st);
	flag_fini(&h->in);
	flag_fini(&h->out);
	assert_int_equal(metrics_get(METRIC_DIGEST_JOBS), 0);
	return 0;
}

static void done(struct hash_watch *w)
{
	struct waiter *me = (struct waiter *)(void *)w;

	flag_raise(&me->done);
}

static int ask_as(struct hashing *h, struct file *f, unsigned algs,
    uint64_t share, struct waiter *w)
{
	flag_init(&w->done);
	w->watch.fn = done;
	return hasher_ask(h->hasher, f, algs, share, &w->watch);
}

/* Each as a client of its own. */
static int ask(
    struct hashing *h, struct file *f, unsigned algs, struct waiter *w)
{
	return ask_as(h, f, algs, (uint64_t)(uintptr_t)w, w);
}

static void finish(struct hashing *h, struct waiter *w)
{
	hasher_forget(h->hasher, &w->watch);
	flag_fini(&w->done);
}

static void check_digest(struct file *f, size_t len)
{
	struct digest_set known, right;
	uint8_t *content = malloc(len);

	require(content != NULL);
	fill_content(content, len, 0);
	assert_true(file_digests(f, &known) & SHA256);
	assert_ok(digest_once(known.have, content, len, &right));
	assert_int_equal(digest_differs(&known, &right), 0);
	free(content);
}

static void test_later(void **state)
{
	struct hashing *h = *state;
	struct waiter w;

	assert_err(ask(h, h->file, SHA256, &w), EAGAIN);
	finish(h, &w);
	stored_seal(h->file);
	assert_int_equal(ask(h, h->file, SHA256 | MD5, &w), 0);
	flag_take(&w.done);
	assert_int_equal(w.watch.error, 0);
	finish(h, &w);
	check_digest(h->file, LARGE);
	/* It is known from now on. */
	assert_int_equal(ask(h, h->file, SHA256, &w), 1);
	finish(h, &w);
	assert_int_equal(ask(h, h->file, 0, &w), 1);
	finish(h, &w);
	assert_err(ask(h, h->file, DIGEST_BIT(DIGEST_COUNT), &w), ENOTSUP);
	finish(h, &w);
}

static void test_once_for_all(void **state)
{
	struct hashing *h = *state;
	int64_t before = metrics_get(METRIC_DIGESTS_LATER);
	struct waiter w[4];

	stored_seal(h->file);
	plug(h);
	assert_int_equal(ask(h, h->file, SHA256 | MD5, &w[0]), 0);
	assert_int_equal(ask(h, h->file, SHA256, &w[1]), 0);
	assert_int_equal(ask(h, h->file, MD5, &w[2]), 0);
	assert_int_equal(ask(h, h->file, MD5, &w[3]), 0);
	assert_int_equal(metrics_get(METRIC_DIGEST_JOBS), 1);
	/* One of them does not wait for it. */
	finish(h, &w[3]);
	flag_raise(&h->out);
	for (int i = 0; i < 3; i++) {
		flag_take(&w[i].done);
		assert_int_equal(w[i].watch.error, 0);
		finish(h, &w[i]);
	}
	assert_int_equal(metrics_get(METRIC_DIGESTS_LATER), before + 1);
	check_digest(h->file, LARGE);
}

static void test_nobody_waits(void **state)
{
	struct hashing *h = *state;
	int64_t before = metrics_get(METRIC_DIGESTS_LATER);
	struct digest_set known;
	struct waiter w;

	stored_seal(h->file);
	plug(h);
	assert_int_equal(ask(h, h->file, SHA256, &w), 0);
	finish(h, &w);
	flag_raise(&h->out);
	plug(h); /* behind it */
	assert_int_equal(metrics_get(METRIC_DIGEST_JOBS), 0);
	assert_int_equal(metrics_get(METRIC_DIGESTS_LATER), before);
	assert_int_equal(file_digests(h->file, &known), 0);
	flag_raise(&h->out);
}

static void test_too_many(void **state)
{
	struct hashing *h = *state;
	struct file *more[2];
	struct waiter w[3];

	stored_seal(h->file);
	for (int i = 0; i < 2; i++) {
		more[i] = stored_file(h->st, NULL);
		stored_append(more[i], 1000);
		stored_seal(more[i]);
	}
	plug(h);
	assert_int_equal(ask(h, h->file, SHA256, &w[0]), 0);
	assert_int_equal(ask(h, more[0], SHA256, &w[1]), 0);
	assert_err(ask(h, more[1], SHA256, &w[2]), EBUSY);
	finish(h, &w[2]);
	/* Who joins one that runs is none more. */
	assert_int_equal(ask(h, more[0], SHA256, &w[2]), 0);
	flag_raise(&h->out);
	for (int i = 0; i < 3; i++) {
		flag_take(&w[i].done);
		finish(h, &w[i]);
	}
	check_digest(more[0], 1000);
	file_unref(more[0]);
	file_unref(more[1]);
}

/* Of several places one client never has all. */
static void test_one_client(void **state)
{
	struct hashing *h = *state;
	struct file *more = stored_file(h->st, NULL);
	struct waiter w[3];

	stored_seal(h->file);
	stored_append(more, 1000);
	stored_seal(more);
	plug(h);
	assert_int_equal(ask_as(h, h->file, SHA256, 7, &w[0]), 0);
	assert_err(ask_as(h, more, SHA256, 7, &w[1]), EUSERS);
	finish(h, &w[1]);
	assert_int_equal(ask_as(h, more, SHA256, 8, &w[1]), 0);
	/* Who joins one that runs takes no place. */
	assert_int_equal(ask_as(h, more, SHA256, 7, &w[2]), 0);
	flag_raise(&h->out);
	for (int i = 0; i < 3; i++) {
		flag_take(&w[i].done);
		finish(h, &w[i]);
	}
	/* And then it has one again. */
	assert_int_equal(ask_as(h, more, MD5, 7, &w[0]), 0);
	flag_take(&w[0].done);
	finish(h, &w[0]);
	file_unref(more);
}

/* In which order they were done. */
struct order {
	struct waiter waiter;
	unsigned *count, place;
};

static void note_order(struct hash_watch *w)
{
	struct order *o = (struct order *)(void *)w;

	o->place = (*o->count)++;
	flag_raise(&o->waiter.done);
}

/* Clients take turns, and not files: who has one waits for one of another's. */
static void test_turns_are_of_clients(void **state)
{
	enum { MANY = 5 };
	struct hashing *h = *state;
	struct order o[MANY + 1];
	struct file *files[MANY + 1];
	struct hasher *hasher;
	unsigned count = 0;

	stored_seal(h->file);
	assert_ok(hasher_new(h->pool, 10, &hasher));
	plug(h);
	for (unsigned i = 0; i <= MANY; i++) {
		files[i] = stored_file(h->st, NULL);
		stored_append(files[i], 1000);
		stored_seal(files[i]);
		o[i].count = &count;
		flag_init(&o[i].waiter.done);
		o[i].waiter.watch.fn = note_order;
		assert_int_equal(hasher_ask(hasher, files[i], SHA256, i < MANY,
				     &o[i].waiter.watch),
		    0);
	}
	flag_raise(&h->out);
	for (unsigned i = 0; i <= MANY; i++) {
		flag_take(&o[i].waiter.done);
		hasher_forget(hasher, &o[i].waiter.watch);
		flag_fini(&o[i].waiter.done);
		file_unref(files[i]);
	}
	/* The one of the other is the second, or the first. */
	assert_true(o[MANY].place <= 1);
	hasher_stop(hasher);
	spw_pool_free(h->pool);
	hasher_free(hasher);
	assert_ok(spw_pool_new(1, &h->pool));
}

static void test_stop(void **state)
{
	struct hashing *h = *state;
	struct waiter w, late;

	stored_seal(h->file);
	plug(h);
	assert_int_equal(ask(h, h->file, SHA256, &w), 0);
	hasher_stop(h->hasher);
	assert_err(ask(h, h->file, MD5, &late), EBUSY);
	finish(h, &late);
	flag_raise(&h->out);
	flag_take(&w.done);
	assert_int_equal(w.watch.error, -ECANCELED);
	finish(h, &w);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_later),
	    T(test_once_for_all),
	    T(test_nobody_waits),
	    T(test_too_many),
	    T(test_one_client),
	    T(test_turns_are_of_clients),
	    T(test_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
