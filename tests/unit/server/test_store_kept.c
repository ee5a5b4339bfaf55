/* SPDX-License-Identifier: MIT */
/* Files that survive: store/kept.c, open.c and restore.c. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "kept.h"

static void path_of(struct kept *k, const char *id, char out[256])
{
	snprintf(out, 256, "%s/files/%s", k->path, id);
}

static void test_everything_survives(void **state)
{
	struct kept *k = *state;
	struct digest_set set = {.have = DIGEST_BIT(DIGEST_MD5)}, got;
	char name[FILE_NAME_SIZE], type[FILE_TYPE_SIZE], etag[FILE_ETAG_SIZE];
	struct file *f = stored_file(k->store, "one");

	memset(set.value[DIGEST_MD5], 3, 16);
	stored_append(f, 5000);
	assert_ok(spw_spool_seal(f->spool));
	f->source = FILE_FROM_FETCH;
	f->url = strdup("http://h/x");
	assert_ok(file_set_coding(f, "gzip", 4));
	assert_ok(file_set_name(f, "n", 1));
	assert_ok(file_set_type(f, "a/b", 3));
	assert_ok(file_add_digests(f, &set));
	file_set_modified_ms(f, 1000);
	atomic_store(&f->reads_left, 7);
	int64_t created = f->created_ms, end = created + 100000;
	f->expires_ms = end;
	memcpy(etag, f->etag, sizeof(etag));
	assert_ok(store_add(k->store, f));
	assert_ok(store_keep(k->store, f));
	file_ready(f);
	file_unref(f);

	kept_restart(k, false);
	kept_expect(k, "one", 5000);
	f = store_get(k->store, "one", 3);
	assert_string_equal(f->etag, etag);
	assert_int_equal(f->source, FILE_FROM_FETCH);
	assert_string_equal(f->url, "http://h/x");
	assert_string_equal(f->coding, "gzip");
	assert_true(file_name(f, name) && file_type(f, type));
	assert_string_equal(name, "n");
	assert_string_equal(type, "a/b");
	assert_int_equal(file_digests(f, &got), set.have);
	assert_memory_equal(got.value[DIGEST_MD5], set.value[DIGEST_MD5], 16);
	assert_int_equal(f->created_ms, created);
	assert_int_equal(file_modified_ms(f), 1000);
	assert_int_equal(f->expires_ms, end);
	assert_int_equal(atomic_load(&f->reads_left), 7);
	file_unref(f);
}

static void test_before_it_is_restored(void **state)
{
	struct kept *k = *state;

	file_unref(kept_file(k, "a", 10));
	file_unref(kept_file(k, "b", 0));
	kept_restart(k, true);
	assert_true(store_restoring(k->store));
	assert_null(store_get(k->store, "a", 1));
	kept_expect(k, "a", 10);
	kept_expect_none(k, "c");
	/* It is there once, whoever finds it first. */
	kept_restore(k);
	kept_expect(k, "a", 10);
	kept_expect(k, "b", 0);
	kept_expect_none(k, "c");

	struct store_stats stats;
	store_stats(k->store, &stats);
	assert_int_equal(stats.files, 2);
	assert_int_equal(stats.disk.charged, 10);
}

static void test_the_list(void **state)
{
	struct kept *k = *state;
	struct file *list[8];
	char id[8];

	for (int i = 0; i < 5; i++) {
		snprintf(id, sizeof(id), "f%d", i);
		struct file *f = stored_file(k->store, id);

		f->created_ms = 1000 - 100 * i;
		assert_ok(spw_spool_seal(f->spool));
		assert_int_equal(
		    store_keep_replace(k->store, f, NULL, NULL), 0);
		file_unref(f);
	}
	kept_restart(k, false);
	file_unref(kept_file(k, "new", 1));
	/* One goes before it gets its place. */
	kept_expect(k, "f2", 0);
	struct file *f = store_get(k->store, "f2", 2);
	assert_int_equal(store_drop(k->store, f), 1);
	file_unref(f);
	struct store_cursor at = {.state = -1, .look = SIZE_MAX};
	assert_int_equal(store_list(k->store, &at, list, 8), 1);
	file_unref(list[0]);
	kept_restore(k);

	static const char *const want[] = {"f4", "f3", "f1", "f0", "new"};
	at.after = 0;
	assert_int_equal(store_list(k->store, &at, list, 8), 5);
	for (int i = 0; i < 5; i++) {
		assert_string_equal(list[i]->id, want[i]);
		assert_true(!i || list[i]->seq > list[i - 1]->seq);
	}
	at.after = list[1]->seq;
	for (int i = 0; i < 5; i++)
		file_unref(list[i]);
	assert_int_equal(store_list(k->store, &at, list, 8), 3);
	for (int i = 0; i < 3; i++)
		file_unref(list[i]);
}

static void test_replacing(void **state)
{
	struct kept *k = *state;
	struct file *old = kept_file(k, "x", 100);
	struct file *f = stored_file(k->store, "x");
	struct file *late = stored_file(k->store, "x");
	_Atomic bool dropped = true;

	stored_append(f, 200);
	assert_ok(spw_spool_seal(f->spool));
	assert_err(
	    store_keep_replace(k->store, f, NULL, &dropped), ECANCELED);
	kept_expect(k, "x", 100);
	dropped = false;
	assert_int_equal(store_keep_replace(k->store, f, old, &dropped), 1);
	kept_expect(k, "x", 200);
	/* The one that it expects is another by now. */
	assert_ok(spw_spool_seal(late->spool));
	assert_err(store_keep_replace(k->store, late, old, NULL), ESTALE);
	kept_expect(k, "x", 200);
	assert_int_equal(kept_count(k, "passing"), 0);
	assert_int_equal(kept_count(k, "files"), 1);
	/* Who reads the old one goes on. */
	uint8_t byte;
	assert_int_equal(spw_spool_pread(old->spool, &byte, 1, 99), 1);
	file_unref(old);
	file_unref(f);
	file_unref(late);
	kept_restart(k, false);
	kept_expect(k, "x", 200);
}

/* What is done behind is done to what it was meant for. */
static void test_removing_behind(void **state)
{
	struct kept *k = *state;
	struct file *f = kept_file(k, "x", 100), *g;

	assert_true(store_remove(k->store, f));
	file_unref(f);
	g = kept_file(k, "x", 50);
	file_unref(g);
	kept_restart(k, false);
	kept_expect(k, "x", 50);

	g = store_get(k->store, "x", 1);
	assert_true(store_remove(k->store, g));
	file_unref(g);
	kept_restart(k, false);
	kept_expect_none(k, "x");
}

/* Holds a thread of a pool until it is let go. */
struct holder {
	struct spw_job job;
	pthread_barrier_t *go;
};

static void hold(struct spw_job *job)
{
	pthread_barrier_wait(((struct holder *)(void *)job)->go);
}

/* Who was removed is not found on the disk again, however long it takes to get
   off it. */
static void test_removed_while_it_is_restored(void **state)
{
	struct kept *k = *state;
	pthread_barrier_t go;
	struct holder held[2] = {{.job.run = hold}, {.job.run = hold}};
	struct file *f;

	file_unref(kept_file(k, "x", 100));
	file_unref(kept_file(k, "y", 100));
	kept_restart(k, true);
	kept_expect(k, "x", 100);
	pthread_barrier_init(&go, NULL, 3);
	for (int i = 0; i < 2; i++) {
		held[i].go = &go;
		spw_pool_submit(k->pool, &held[i].job);
	}
	f = store_get(k->store, "x", 1);
	assert_true(store_remove(k->store, f));
	file_unref(f);
	assert_int_equal(kept_count(k, "files"), 2);
	kept_expect_none(k, "x");
	/* Another may have the name. */
	file_unref(kept_file(k, "x", 50));
	kept_expect(k, "x", 50);
	f = store_get(k->store, "x", 1);
	assert_true(store_remove(k->store, f));
	file_unref(f);
	kept_expect_none(k, "x");
	kept_restore(k);
	kept_expect_none(k, "x");
	kept_expect(k, "y", 100);
	pthread_barrier_wait(&go);
	kept_restart(k, false);
	pthread_barrier_destroy(&go);
	assert_int_equal(kept_count(k, "files"), 1);
	kept_expect_none(k, "x");
}

static void test_dropping(void **state)
{
	struct kept *k = *state;
	struct file *f = kept_file(k, "x", 100);

	assert_int_equal(store_drop(k->store, f), 1);
	assert_int_equal(kept_count(k, "files"), 0);
	assert_int_equal(store_drop(k->store, f), 0);
	/* Not in the store any more: it is not kept. */
	struct file *g = stored_file(k->store, "y");
	assert_ok(spw_spool_seal(g->spool));
	assert_ok(store_add(k->store, g));
	assert_true(store_remove(k->store, g));
	assert_err(store_keep(k->store, g), ESTALE);
	assert_int_equal(kept_count(k, "files"), 0);
	file_unref(f);
	file_unref(g);
}

static void test_what_changes_later(void **state)
{
	struct kept *k = *state;
	struct digest_set set = {.have = DIGEST_BIT(DIGEST_CRC32C)};
	struct file *f = kept_file(k, "x", 100);

	atomic_store(&f->reads_left, 2);
	store_note(f);
	assert_ok(file_add_digests(f, &set));
	file_unref(f);
	kept_restart(k, false);
	kept_expect(k, "x", 100);
	f = store_get(k->store, "x", 1);
	assert_int_equal(atomic_load(&f->reads_left), 2);
	assert_int_equal(file_digests(f, &set), DIGEST_BIT(DIGEST_CRC32C));

	/* After the last read it is removed; whoever is killed before that has
	   not made it one that may be read without end. */
	assert_false(file_take_read(f));
	assert_true(file_take_read(f));
	assert_false(file_take_read(f));
	store_note(f);
	file_unref(f);
	kept_restart(k, false);
	kept_expect(k, "x", 100);
	f = store_get(k->store, "x", 1);
	assert_int_equal(atomic_load(&f->reads_left), 2);
	file_unref(f);
}

static void test_only_so_many_are_open(void **state)
{
	struct kept *k = *state;
	struct spw_dir_stats stats;
	char id[8];

	for (int i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "f%d", i);
		file_unref(kept_file(k, id, 1000));
	}
	spw_dir_stats(k->dir, &stats);
	assert_true(stats.files <= 17);
	/* What is closed counts against the quota as before. */
	assert_int_equal(stats.charged, 100000);
	struct file *f = store_get(k->store, "f0", 2);
	assert_false(store_is_open(f));
	file_unref(f);
	for (int i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "f%d", i);
		kept_expect(k, id, 1000);
	}
	spw_dir_stats(k->dir, &stats);
	assert_true(stats.files <= 17);
	assert_int_equal(stats.charged, 100000);

	/* Who is in use stays open. */
	struct file *held;
	assert_ok(store_load(k->store, "f0", 2, &held));
	for (int i = 1; i < 100; i++) {
		snprintf(id, sizeof(id), "f%d", i);
		kept_expect(k, id, 1000);
		assert_true(store_is_open(held));
	}
	assert_int_equal(store_drop(k->store, held), 1);
	file_unref(held);
	spw_dir_stats(k->dir, &stats);
	assert_int_equal(stats.charged, 99000);
}

static void test_expired_meanwhile(void **state)
{
	struct kept *k = *state;
	struct file *f = stored_file(k->store, "x");

	assert_ok(spw_spool_seal(f->spool));
	f->expires_ms = clock_unix_ms() - 1;
	assert_int_equal(store_keep_replace(k->store, f, NULL, NULL), 0);
	file_unref(f);
	f = kept_file(k, "later", 1);
	store_set_expiry(k->store, f, clock_unix_ms() + 1000);
	store_note(f);
	file_unref(f);
	kept_restart(k, false);
	kept_restore(k);
	kept_expect_none(k, "x");
	assert_int_equal(kept_count(k, "files"), 1);
	/* What is restored expires as everything. */
	assert_int_equal(
	    store_expire(k->store, clock_unix_ms() + 5000), 1);
	kept_restart(k, false);
	assert_int_equal(kept_count(k, "files"), 0);
}

static void test_damage(void **state)
{
	struct kept *k = *state;
	char path[256];

	file_unref(kept_file(k, "short", 100));
	file_unref(kept_file(k, "none", 100));
	file_unref(kept_file(k, "bad", 100));
	file_unref(kept_file(k, "good", 100));
	path_of(k, "short", path);
	assert_int_equal(truncate(path, 99), 0);
	path_of(k, "none", path);
	assert_int_equal(removexattr(path, "user.spillway"), 0);
	path_of(k, "bad", path);
	assert_int_equal(setxattr(path, "user.spillway", "SPWF", 4, 0), 0);
	path_of(k, "link", path);
	assert_int_equal(symlink("good", path), 0);
	path_of(k, "folder", path);
	assert_int_equal(mkdir(path, 0700), 0);
	path_of(k, "no name", path);
	close(open(path, O_CREAT | O_WRONLY, 0600));

	kept_restart(k, false);
	kept_expect_none(k, "short");
	kept_expect_none(k, "none");
	kept_expect_none(k, "link");
	kept_expect_none(k, "folder");
	kept_restore(k);
	kept_expect(k, "good", 100);
	kept_expect_none(k, "bad");
	/* What nobody can tell anything of is left for who looks after it. */
	assert_int_equal(kept_count(k, "files"), 6);
}

/* What somebody wrote down of a file, `m`, in the place of what was. */
static void forge(struct kept *k, const char *id, const struct filemeta *m)
{
	uint8_t buf[FILEMETA_MAX];
	char path[256];

	size_t n = filemeta_write(m, buf, sizeof(buf));
	path_of(k, id, path);
	assert_int_equal(setxattr(path, "user.spillway", buf, n, 0), 0);
}

/* An attribute that names another file does nothing to that one. */
static void test_forged(void **state)
{
	struct kept *k = *state;
	struct filemeta path = {
	    .size = 999,
	    .id = str_from("evil"),
	    .etag = str_from("../files/abcdefghijklm"),
	};
	struct filemeta name = {
	    .size = 100,
	    .id = str_from("abcdefghijklm"),
	    .etag = str_from("0123456789abcdefghijkl"),
	};

	file_unref(kept_file(k, "evil", 100));
	file_unref(kept_file(k, "other", 100));
	file_unref(kept_file(k, "abcdefghijklm", 70));
	kept_restart(k, true);
	forge(k, "evil", &path);
	forge(k, "other", &name);
	int64_t damaged = metrics_get(METRIC_FILES_DAMAGED);
	kept_restore(k);
	assert_int_equal(metrics_get(METRIC_FILES_DAMAGED), damaged + 2);
	kept_expect(k, "abcdefghijklm", 70);
	kept_expect_none(k, "evil");
	kept_expect_none(k, "other");
	/* Left alone, for who looks after it. */
	assert_int_equal(kept_count(k, "files"), 3);
}

/* Somebody else is at the directory. */
static void test_taken_away(void **state)
{
	struct kept *k = *state;
	char path[256], id[8];
	struct file *f;

	for (int i = 0; i < 40; i++) {
		snprintf(id, sizeof(id), "f%d", i);
		file_unref(kept_file(k, id, 10));
	}
	path_of(k, "f0", path);
	assert_int_equal(unlink(path), 0);
	kept_expect_none(k, "f0");
	assert_null(store_get(k->store, "f0", 2));
	/* Replacing and deleting do not need it. */
	path_of(k, "f1", path);
	assert_int_equal(unlink(path), 0);
	f = stored_file(k->store, "f1");
	stored_append(f, 20);
	assert_ok(spw_spool_seal(f->spool));
	assert_int_equal(store_keep_replace(k->store, f, NULL, NULL), 1);
	file_unref(f);
	kept_expect(k, "f1", 20);
	path_of(k, "f2", path);
	assert_int_equal(unlink(path), 0);
	f = store_get(k->store, "f2", 2);
	assert_int_equal(store_drop(k->store, f), 1);
	file_unref(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    KEPT_TEST(test_everything_survives),
	    KEPT_TEST(test_before_it_is_restored),
	    KEPT_TEST(test_the_list),
	    KEPT_TEST(test_replacing),
	    KEPT_TEST(test_removing_behind),
	    KEPT_TEST(test_removed_while_it_is_restored),
	    KEPT_TEST(test_dropping),
	    KEPT_TEST(test_what_changes_later),
	    KEPT_TEST(test_only_so_many_are_open),
	    KEPT_TEST(test_expired_meanwhile),
	    KEPT_TEST(test_damage),
	    KEPT_TEST(test_forged),
	    KEPT_TEST(test_taken_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
