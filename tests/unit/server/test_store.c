/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/store.h"
#include "stored.h"

static int setup(void **state)
{
	*state = stored_new(STORED_MAX);
	return 0;
}

static int teardown(void **state)
{
	store_free(*state);
	return 0;
}

static uint64_t count(struct store *st)
{
	struct store_stats stats;

	store_stats(st, &stats);
	return stats.files;
}

static void test_add_and_get(void **state)
{
	struct store *st = *state;
	struct file *f = stored_add(st, "abc", 0);
	struct file *got = store_get(st, "abc", 3);

	assert_ptr_equal(got, f);
	file_unref(got);
	assert_int_equal(count(st), 1);

	/* The length says where the id ends, not a NUL. */
	got = store_get(st, "abcdef", 3);
	assert_ptr_equal(got, f);
	file_unref(got);
	assert_null(store_get(st, "abc", 2));
	assert_null(store_get(st, "abcdef", 6));
	assert_null(store_get(st, "", 0));
	assert_null(store_get(st, "abc\0d", 5));

	char longest[ID_LEN_MAX + 2];
	memset(longest, 'x', sizeof(longest));
	longest[ID_LEN_MAX] = '\0';
	f = stored_add(st, longest, 0);
	got = store_get(st, longest, ID_LEN_MAX);
	assert_ptr_equal(got, f);
	file_unref(got);
	longest[ID_LEN_MAX] = 'x';
	assert_null(store_get(st, longest, ID_LEN_MAX + 1));
}

static void test_add_taken(void **state)
{
	struct store *st = *state;
	struct file *first = stored_add(st, "same", 0);
	struct file *second = stored_file(st, "same");

	assert_err(store_add(st, second), EEXIST);
	file_unref(second);
	struct file *got = store_get(st, "same", 4);
	assert_ptr_equal(got, first);
	file_unref(got);
	assert_int_equal(count(st), 1);
}

static void test_replace(void **state)
{
	struct store *st = *state;
	struct file *one = stored_file(st, "id"), *two = stored_file(st, "id");
	struct file *three = stored_file(st, "id");

	/* Where there is none, it is an add. */
	assert_int_equal(store_replace(st, one, NULL), 0);
	assert_int_equal(store_replace(st, two, NULL), 1);
	assert_true(atomic_load(&one->removed));
	assert_false(atomic_load(&two->removed));
	assert_int_equal(count(st), 1);

	/* The one that is expected must be the one that is there. */
	assert_err(store_replace(st, three, one), ESTALE);
	assert_false(atomic_load(&two->removed));
	assert_int_equal(store_replace(st, three, two), 1);
	assert_true(atomic_load(&two->removed));
	assert_true(store_remove(st, three));
	struct file *four = stored_file(st, "id");
	assert_err(store_replace(st, four, three), ESTALE);
	assert_int_equal(count(st), 0);

	file_unref(one);
	file_unref(two);
	file_unref(three);
	file_unref(four);
}

static void test_remove(void **state)
{
	struct store *st = *state;
	struct file *f = stored_file(st, "id"), *g = stored_file(st, "id");

	assert_ok(store_add(st, f));
	/* Another of the same id is not the one that is in. */
	assert_false(store_remove(st, g));
	assert_true(stored_has(st, "id"));
	assert_true(store_remove(st, f));
	assert_false(store_remove(st, f));
	assert_true(atomic_load(&f->removed));
	assert_false(stored_has(st, "id"));
	assert_ok(store_add(st, g));
	assert_true(stored_has(st, "id"));
	file_unref(f);
	file_unref(g);
}

static void test_tombstones(void **state)
{
	const struct failure e = {.status = 400};
	struct store *st = *state;
	char id[32];

	assert_false(store_was(st, "id", 2));
	struct file *f = stored_add(st, "id", 0);
	assert_false(store_was(st, "id", 2));
	store_remove(st, f);
	assert_true(store_was(st, "id", 2));
	assert_false(store_was(st, "id2", 3));
	/* An upload that came to nothing was no file; what is fetched was. */
	for (int source = 0; source <= FILE_FROM_FETCH; source++) {
		f = stored_add(st, "failed", 0);
		f->source = (enum file_source)source;
		file_fail(f, &e);
		store_remove(st, f);
		assert_int_equal(
		    store_was(st, "failed", 6), source > FILE_FROM_FORM);
	}

	/* They are kept for a while, and not for ever. */
	for (int i = 0; i < 1000; i++) {
		snprintf(id, sizeof(id), "other-%d", i);
		store_remove(st, stored_add(st, id, 0));
		assert_true(store_was(st, id, strlen(id)));
	}
	for (int i = 0; i < 100000 && store_was(st, "id", 2); i++) {
		snprintf(id, sizeof(id), "more-%d", i);
		store_remove(st, stored_add(st, id, 0));
	}
	assert_false(store_was(st, "id", 2));
}

static void test_max_files(void **state)
{
	struct store *st = stored_new(2);
	struct file *f = stored_file(st, "c"), *g = stored_file(st, "b");

	(void)state;
	struct file *a = stored_add(st, "a", 0);
	stored_add(st, "b", 0);
	assert_err(store_add(st, f), EXFULL);
	assert_err(store_replace(st, f, NULL), EXFULL);
	/* Replacing makes it no more. */
	assert_int_equal(store_replace(st, g, NULL), 1);
	assert_true(store_remove(st, a));
	assert_ok(store_add(st, f));
	file_unref(f);
	file_unref(g);
	store_free(st);
}

/* Read page by page. Returns: how many files there were. */
static size_t read_pages(struct store *st, int want, size_t page, char *ids)
{
	struct file *files[64];
	struct store_cursor at = {.state = want, .look = SIZE_MAX};
	size_t total = 0, n;

	assert_true(page <= 64);
	ids[0] = '\0';
	while ((n = store_list(st, &at, files, page)) > 0) {
		for (size_t i = 0; i < n; i++) {
			assert_true(!i || files[i]->seq > files[0]->seq);
			strcat(ids, files[i]->id);
			file_unref(files[i]);
		}
		total += n;
	}
	return total;
}

static void test_list(void **state)
{
	struct store *st = *state;
	struct file *by_id[26];
	char ids[64];

	assert_int_equal(read_pages(st, -1, 3, ids), 0);
	for (int i = 0; i < 26; i++) {
		char id[] = {(char)('a' + i), '\0'};

		by_id[i] = stored_add(st, id, 0);
		if (i % 2)
			stored_seal(by_id[i]);
	}
	for (size_t page = 1; page < 30; page++) {
		assert_int_equal(read_pages(st, -1, page, ids), 26);
		assert_string_equal(ids, "abcdefghijklmnopqrstuvwxyz");
		read_pages(st, FILE_READY, page, ids);
		assert_string_equal(ids, "bdfhjlnprtvxz");
		read_pages(st, FILE_RECEIVING, page, ids);
		assert_string_equal(ids, "acegikmoqsuwy");
		assert_int_equal(read_pages(st, FILE_FAILED, page, ids), 0);
	}

	/* First, last, and one in the middle go; one comes back as newest. */
	store_remove(st, by_id[0]);
	store_remove(st, by_id[25]);
	store_remove(st, by_id[12]);
	stored_add(st, "m", 0);
	read_pages(st, -1, 5, ids);
	assert_string_equal(ids, "bcdefghijklnopqrstuvwxym");

	/* The page goes on although the last one seen has gone. */
	struct file *files[2];
	struct store_cursor at = {.state = -1, .look = SIZE_MAX};
	assert_int_equal(store_list(st, &at, files, 2), 2);
	assert_int_equal(at.after, files[1]->seq);
	store_remove(st, files[1]);
	file_unref(files[0]);
	file_unref(files[1]);
	assert_int_equal(store_list(st, &at, files, 1), 1);
	assert_string_equal(files[0]->id, "d");
	file_unref(files[0]);
	at.after = UINT64_MAX;
	assert_int_equal(store_list(st, &at, files, 2), 0);
}

#define MANY 100000

/* What hangs on a file is told when it goes, whoever takes it out. */
static unsigned removals;

static void note_removal(struct file_upload *u)
{
	(void)u;
	removals++;
}

static void free_nothing(struct file_upload *u)
{
	(void)u;
	assert_int_equal(removals, 1);
}

static void test_uploads(void **state)
{
	static struct file_upload hooks = {
	    .removed = note_removal, .free = free_nothing};
	struct store *st = *state;
	char ids[64];

	for (int how = 0; how < 3; how++) {
		struct file *f = stored_file(st, "part");

		removals = 0;
		f->upload = &hooks;
		f->unlisted = true;
		f->expires_ms = 1;
		assert_ok(store_add(st, f));
		/* Found by its id, and not in the list. */
		assert_true(stored_has(st, "part"));
		assert_int_equal(read_pages(st, -1, 5, ids), 0);
		file_unref(f);
		if (how == 0) {
			store_remove(st, f);
		} else if (how == 1) {
			store_expire(st, clock_unix_ms() + 5000);
		} else {
			f = stored_file(st, "part");
			assert_int_equal(store_replace(st, f, NULL), 1);
			file_unref(f);
		}
		assert_int_equal(removals, 1);
	}
}

static void test_many(void **state)
{
	struct store *st = *state;
	struct file *last[2];
	char id[32];

	for (int i = 0; i < MANY; i++) {
		snprintf(id, sizeof(id), "file-%d", i);
		stored_add(st, id, 0);
	}
	assert_int_equal(count(st), MANY);
	for (int i = 0; i < MANY; i++) {
		snprintf(id, sizeof(id), "file-%d", i);
		assert_true(stored_has(st, id));
		snprintf(id, sizeof(id), "file-%d", MANY + i);
		assert_false(stored_has(st, id));
	}
	struct store_cursor at = {MANY - 1, -1, SIZE_MAX, false};
	assert_int_equal(store_list(st, &at, last, 2), 1);
	snprintf(id, sizeof(id), "file-%d", MANY - 1);
	assert_string_equal(last[0]->id, id);
	file_unref(last[0]);
	for (int i = 0; i < MANY; i += 2) {
		snprintf(id, sizeof(id), "file-%d", i);
		struct file *f = store_get(st, id, strlen(id));
		assert_true(store_remove(st, f));
		file_unref(f);
	}
	assert_int_equal(count(st), MANY / 2);
	assert_false(stored_has(st, "file-0"));
	assert_true(stored_has(st, "file-1"));
}

/* What a reader holds outlives the store's interest in it. */
static void test_readers_finish(void **state)
{
	struct store *st = *state;
	uint8_t buf[100];

	stored_add(st, "id", 0);
	struct file *f = store_get(st, "id", 2);
	stored_append(f, 100);
	stored_seal(f);
	store_remove(st, f);
	assert_int_equal(spw_spool_pread(f->spool, buf, 100, 0), 100);
	assert_true(is_content(buf, 100, 0));
	file_unref(f);
}

/* Threads at the same few ids: each state the store can be in is a true one. */
#define THREADS 4
#define TURNS 5000

static void *hammer(void *arg)
{
	struct store *st = arg;
	struct file *files[4];
	unsigned seed = (unsigned)(uintptr_t)&seed;

	for (int i = 0; i < TURNS; i++) {
		struct store_cursor at = {.state = -1, .look = 4};
		char id[] = {(char)('a' + rand_r(&seed) % 4), '\0'};
		struct file *f = stored_file(st, id);

		f->expires_ms = i % 3 ? 0 : 1;
		if (i % 2)
			(void)!store_add(st, f);
		else
			require(store_replace(st, f, NULL) >= 0);
		file_unref(f);
		f = store_get(st, id, 1);
		if (f && i % 5 == 0)
			store_remove(st, f);
		file_unref(f);
		size_t n = store_list(st, &at, files, 4);
		while (n)
			file_unref(files[--n]);
		if (i % 64 == 0)
			store_expire(st, f ? 0 : (int64_t)i * 1000);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct store *st = *state;
	pthread_t threads[THREADS];
	char ids[16];

	for (int i = 0; i < THREADS; i++)
		threads[i] = start_thread(hammer, st);
	for (int i = 0; i < THREADS; i++)
		join_thread(threads[i]);
	assert_true(count(st) <= 4);
	assert_int_equal(read_pages(st, -1, 4, ids), count(st));
}

/* ---- what becomes of files ----------------------------------------------- */

struct told {
	char text[512];
};

static void note(void *ctx, enum store_event event, struct file *f)
{
	static const char *const names[] = {"ready", "failed", "deleted"};
	struct told *told = ctx;

	strcat(strcat(strcat(strcat(told->text, names[event]), " "), f->id),
	    ";");
}

static struct store *watched(struct told *told)
{
	struct store_opts opts = {
	    .memory_max = SPW_UNLIMITED,
	    .max_files = 100,
	    .on_event = note,
	    .event_ctx = told,
	};
	struct store *st;

	assert_ok(store_new(&opts, &st));
	return st;
}

static void test_events(void **state)
{
	static const struct failure e = {.status = 502, .type = "t"};
	struct told told = {""};
	struct store *st = watched(&told);

	(void)state;
	/* Ready when both: it can be found, and all is there. */
	stored_seal(stored_add(st, "a", 0));
	struct file *b = stored_file(st, "b");
	stored_seal(b);
	assert_string_equal(told.text, "ready a;");
	assert_ok(store_add(st, b));
	file_unref(b);
	file_fail(stored_add(st, "c", 0), &e);
	stored_add(st, "d", 0);
	assert_string_equal(told.text, "ready a;ready b;failed c;");

	told.text[0] = '\0';
	struct file *a = store_get(st, "a", 1);
	assert_true(store_remove(st, a));
	assert_false(store_remove(st, a));
	file_unref(a);
	stored_seal(stored_add(st, "soon", 1000));
	assert_int_equal(store_expire(st, 2000000), 1);
	assert_string_equal(told.text, "deleted a;ready soon;deleted soon;");
	store_free(st);
	/* The end of the store is none of theirs. */
	assert_string_equal(told.text, "deleted a;ready soon;deleted soon;");
}

static void test_no_events(void **state)
{
	struct told told = {""};
	struct store *st = watched(&told);

	(void)state;
	/* Never in the store. */
	struct file *f = stored_file(st, "x");
	stored_seal(f);
	file_unref(f);
	/* A part of others. */
	f = stored_file(st, "part");
	f->unlisted = true;
	assert_ok(store_add(st, f));
	stored_seal(f);
	assert_true(store_remove(st, f));
	file_unref(f);
	assert_string_equal(told.text, "");
	/* One in the place of another is one that is ready. */
	stored_seal(stored_add(st, "y", 0));
	f = stored_file(st, "y");
	stored_seal(f);
	assert_int_equal(store_replace(st, f, NULL), 1);
	file_unref(f);
	assert_string_equal(told.text, "ready y;ready y;");
	store_free(st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_add_and_get, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_add_taken, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_replace, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_remove, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_tombstones, setup, teardown),
	    cmocka_unit_test(test_max_files),
	    cmocka_unit_test_setup_teardown(test_list, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_uploads, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_many, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_readers_finish, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
	    cmocka_unit_test(test_events),
	    cmocka_unit_test(test_no_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
