/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "base/metrics.h"
#include "store/file.h"
#include "stored.h"

static int setup(void **state)
{
	*state = stored_new(STORED_MAX);
	return 0;
}

static int teardown(void **state)
{
	/* Whatever a test did, no file is counted any more. */
	store_free(*state);
	assert_int_equal(metrics_get(METRIC_FILES_RECEIVING), 0);
	assert_int_equal(metrics_get(METRIC_FILES_READY), 0);
	assert_int_equal(metrics_get(METRIC_FILES_FAILED), 0);
	return 0;
}

static void test_new(void **state)
{
	struct file *f = stored_file(*state, NULL);
	struct file *g = stored_file(*state, NULL);
	char text[FILE_NAME_SIZE];
	struct failure e;

	assert_true(id_valid(f->id, strlen(f->id)));
	assert_string_not_equal(f->id, g->id);
	assert_int_equal(strlen(f->etag), ID_LEN + 2);
	assert_int_equal(f->etag[0], '"');
	assert_int_equal(f->etag[ID_LEN + 1], '"');
	assert_string_not_equal(f->etag, g->etag);
	assert_int_equal(file_state(f), FILE_RECEIVING);
	assert_false(file_name(f, text));
	assert_false(file_type(f, text));
	assert_false(file_error(f, &e));
	assert_int_equal(metrics_get(METRIC_FILES_RECEIVING), 2);
	file_unref(f);
	file_unref(g);
	file_unref(NULL);
}

static void test_name_and_type(void **state)
{
	struct file *f = stored_file(*state, NULL);
	char out[FILE_NAME_SIZE], long_name[1000];

	assert_ok(file_set_name(f, "a.txt!", 5));
	assert_true(file_name(f, out));
	assert_string_equal(out, "a.txt");
	assert_ok(file_set_type(f, "text/plain", 10));
	assert_true(file_type(f, out));
	assert_string_equal(out, "text/plain");

	assert_ok(file_set_name(f, "", 0));
	assert_false(file_name(f, out));
	assert_ok(file_set_type(f, NULL, 0));
	assert_false(file_type(f, out));

	/* What the getter's buffer does not hold is refused, and not cut. */
	memset(long_name, 'n', sizeof(long_name));
	assert_ok(file_set_name(f, long_name, FILE_NAME_SIZE - 1));
	assert_err(file_set_name(f, long_name, FILE_NAME_SIZE), EOVERFLOW);
	assert_err(file_set_type(f, long_name, FILE_TYPE_SIZE), EOVERFLOW);
	assert_true(file_name(f, out));
	assert_int_equal(strlen(out), FILE_NAME_SIZE - 1);
	file_unref(f);
}

struct watcher {
	struct file_watch watch;
	unsigned fired;
};

static void fire(struct file_watch *w)
{
	struct watcher *me =
	    (struct watcher *)(void *)((char *)w -
				       offsetof(struct watcher, watch));

	me->fired++;
}

static void test_ready(void **state)
{
	struct file *f = stored_file(*state, NULL);
	struct watcher a = {.watch.fn = fire}, b = {.watch.fn = fire};
	struct watcher late = {.watch.fn = fire};

	assert_int_equal(file_watch(f, &a.watch), 0);
	assert_int_equal(file_watch(f, &b.watch), 0);
	stored_append(f, 100);
	assert_int_equal(a.fired + b.fired, 0);
	stored_seal(f);
	assert_int_equal(a.fired, 1);
	assert_int_equal(b.fired, 1);
	assert_int_equal(file_state(f), FILE_READY);
	assert_int_equal(atomic_load(&f->size), 100);
	assert_int_equal(file_watch(f, &late.watch), 1);
	file_unwatch(f, &late.watch);
	file_unwatch(f, &a.watch);
	assert_int_equal(metrics_get(METRIC_FILES_READY), 1);
	assert_int_equal(metrics_get(METRIC_FILES_RECEIVING), 0);

	/* There is one change of state in a life. */
	struct failure e = {.status = 502, .type = "t", .title = "T"};
	file_fail(f, &e);
	assert_int_equal(file_state(f), FILE_READY);
	assert_false(file_error(f, &e));
	assert_int_equal(spw_spool_state(f->spool), SPW_STATE_SEALED);
	file_unref(f);
}

static void test_fail(void **state)
{
	struct file *f = stored_file(*state, NULL);
	struct watcher a = {.watch.fn = fire}, gone = {.watch.fn = fire};
	struct failure e = {.status = 502,
	    .type = "fetch-failed",
	    .title = "The fetch failed",
	    .word = "dns_error",
	    .detail = "No such host."};
	struct failure told;
	uint8_t buf[10];

	stored_append(f, 10);
	assert_int_equal(file_watch(f, &a.watch), 0);
	assert_int_equal(file_watch(f, &gone.watch), 0);
	file_unwatch(f, &gone.watch);
	file_unwatch(f, &gone.watch);
	file_fail(f, &e);
	assert_int_equal(a.fired, 1);
	assert_int_equal(gone.fired, 0);
	assert_int_equal(file_state(f), FILE_FAILED);
	assert_true(file_error(f, &told));
	assert_int_equal(told.status, 502);
	assert_string_equal(told.word, "dns_error");
	assert_string_equal(told.detail, "No such host.");
	assert_int_equal(metrics_get(METRIC_FILES_FAILED), 1);

	/* What came stays; past it there is an error, not an end. */
	assert_int_equal(spw_spool_pread(f->spool, buf, 10, 0), 10);
	assert_true(is_content(buf, 10, 0));
	assert_err(spw_spool_pread(f->spool, buf, 1, 10), EIO);

	/* The first reason stays. */
	struct failure other = {.status = 400, .type = "x", .title = "X"};
	file_fail(f, &other);
	file_ready(f);
	assert_true(file_error(f, &told));
	assert_int_equal(told.status, 502);
	assert_int_equal(file_state(f), FILE_FAILED);
	assert_int_equal(a.fired, 1);
	file_unref(f);
}

static void test_times(void **state)
{
	struct file *f = stored_file(*state, NULL);

	assert_true(file_modified_ms(f) < f->created_ms);
	assert_true(file_modified_ms(f) > f->created_ms - 1000);
	/* An origin whose clock is wrong. */
	file_set_modified_ms(f, f->created_ms + 3600000);
	assert_true(file_modified_ms(f) < f->created_ms + 60000);
	file_set_modified_ms(f, 1234567);
	assert_int_equal(file_modified_ms(f), 1234567);
	file_set_size(f, 77);
	assert_int_equal(atomic_load(&f->size), 77);
	file_unref(f);
}

struct extra {
	struct file_extra extra;
	unsigned *freed;
};

static void free_extra(struct file_extra *x)
{
	struct extra *me = (struct extra *)(void *)x;

	++*me->freed;
	free(me);
}

static struct extra *new_extra(unsigned *freed)
{
	struct extra *x = malloc(sizeof(*x));

	require(x != NULL);
	x->extra.free = free_extra;
	x->freed = freed;
	return x;
}

static void test_extra(void **state)
{
	struct file *f = stored_file(*state, NULL);
	unsigned freed = 0;
	struct extra *one = new_extra(&freed), *two = new_extra(&freed);

	assert_null(file_extra(f));
	assert_ptr_equal(file_extra_set(f, &one->extra), &one->extra);
	assert_ptr_equal(file_extra(f), &one->extra);
	/* The first stays. */
	assert_ptr_equal(file_extra_set(f, &two->extra), &one->extra);
	assert_int_equal(freed, 1);
	file_unref(f);
	assert_int_equal(freed, 2);
}

/* Watchers come and go while it becomes ready: each that was registered and
   not taken back is told, once. */
#define WATCHERS 4
#define ROUNDS 300

struct round {
	struct file *file;
	_Atomic unsigned told;
	unsigned registered[WATCHERS];
};

struct member {
	struct round *round;
	unsigned number;
};

struct telling {
	struct file_watch watch;
	struct round *round;
};

static void tell(struct file_watch *w)
{
	struct telling *me = (struct telling *)(void *)w;

	atomic_fetch_add(&me->round->told, 1);
}

static void *watch_and_leave(void *arg)
{
	struct member *m = arg;
	struct telling t = {.watch.fn = tell, .round = m->round};
	int registered = 0;

	for (int i = 0; i < 50 && !registered; i++) {
		registered = file_watch(m->round->file, &t.watch);
		if (!registered && m->number % 2)
			file_unwatch(m->round->file, &t.watch);
		else
			break;
	}
	while (file_state(m->round->file) == FILE_RECEIVING)
		sched_yield();
	file_unwatch(m->round->file, &t.watch);
	m->round->registered[m->number] = m->number % 2 == 0 && !registered;
	return NULL;
}

static void test_watch_threads(void **state)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct round r = {.file = stored_file(*state, NULL)};
		struct member m[WATCHERS];
		pthread_t threads[WATCHERS];
		unsigned even = 0;

		for (unsigned k = 0; k < WATCHERS; k++) {
			m[k] = (struct member){&r, k};
			threads[k] = start_thread(watch_and_leave, &m[k]);
		}
		stored_seal(r.file);
		for (unsigned k = 0; k < WATCHERS; k++) {
			join_thread(threads[k]);
			even += r.registered[k];
		}
		assert_true(atomic_load(&r.told) >= even);
		assert_true(atomic_load(&r.told) <= WATCHERS);
		file_unref(r.file);
	}
}

static void test_digests(void **state)
{
	struct file *f = stored_file(*state, NULL);
	struct digest_set set = {.have = DIGEST_BIT(DIGEST_MD5)}, got;

	assert_int_equal(file_digests(f, &got), 0);
	memset(set.value, 7, sizeof(set.value));
	assert_ok(file_add_digests(f, &set));
	assert_int_equal(file_digests(f, &got), DIGEST_BIT(DIGEST_MD5));
	assert_memory_equal(got.value[DIGEST_MD5], set.value[0], 16);

	/* More are added; those that are known stay. */
	set.have = DIGEST_BIT(DIGEST_SHA512) | DIGEST_BIT(DIGEST_CRC32C);
	memset(set.value, 9, sizeof(set.value));
	assert_ok(file_add_digests(f, &set));
	assert_int_equal(
	    file_digests(f, &got), set.have | DIGEST_BIT(DIGEST_MD5));
	assert_int_equal(got.have, set.have | DIGEST_BIT(DIGEST_MD5));
	assert_memory_equal(got.value[DIGEST_SHA512], set.value[0], 64);
	assert_memory_equal(got.value[DIGEST_CRC32C], set.value[0], 4);
	assert_int_equal(got.value[DIGEST_MD5][0], 7);
	assert_int_equal(got.value[DIGEST_MD5][15], 7);

	set.have = DIGEST_ALL;
	assert_ok(file_add_digests(f, &set));
	assert_int_equal(file_digests(f, &got), DIGEST_ALL);
	file_unref(f);
}

/* Of one version, before all of it is there. */
static void test_fixed(void **state)
{
	static const struct failure broken = {
	    .status = 502, .type = "t", .title = "T"};
	struct file *f = stored_file(*state, NULL);
	struct file *g = stored_file(*state, NULL);

	assert_false(file_fixed(f));
	stored_seal(f);
	assert_true(file_fixed(f));
	file_set_fixed(g, true);
	assert_true(file_fixed(g));
	assert_true(atomic_load(&g->lazy));
	file_set_fixed(g, false);
	assert_true(file_fixed(g));
	assert_false(atomic_load(&g->lazy));
	/* What is left of one that broke is not all that its tag is of. */
	file_fail(g, &broken);
	assert_false(file_fixed(g));
	file_unref(f);
	file_unref(g);
}

static void test_origin(void **state)
{
	struct file *f = stored_file(*state, NULL);

	const struct file_origin first = {
	    .asked_ms = 4,
	    .received_ms = 5,
	    .redirects_s = 7,
	    .url = "http://o/a",
	    .fields = "ETag: \"a\"\nAge: 1\n!",
	    .len = 19,
	};
	const struct file_origin second = {.received_ms = 6, .url = ""};

	assert_null(file_origin(f));
	assert_ok(file_set_origin(f, &first));
	struct file_origin *o = file_origin(f);
	assert_non_null(o);
	assert_int_equal(o->asked_ms, 4);
	assert_int_equal(o->received_ms, 5);
	assert_int_equal(o->redirects_s, 7);
	assert_string_equal(o->url, "http://o/a");
	assert_ptr_not_equal(o->url, first.url);
	assert_int_equal(o->len, 19);
	assert_string_equal(o->fields, "ETag: \"a\"\nAge: 1\n!");
	/* A later answer takes its place; the copy stays. */
	assert_ok(file_set_origin(f, &second));
	assert_int_equal(o->received_ms, 5);
	free(o);
	o = file_origin(f);
	assert_int_equal(o->received_ms, 6);
	assert_string_equal(o->fields, "");
	free(o);
	file_unref(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_new, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_name_and_type, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_ready, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_fail, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_times, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_extra, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_digests, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_fixed, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_origin, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_watch_threads, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
