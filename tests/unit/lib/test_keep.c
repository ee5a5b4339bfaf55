/* SPDX-License-Identifier: MIT */
/* Directories of kept spools: names, locks, what is left over. */
#include "keep.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <spillway/discard.h>

#include "unit/lib/keeping.h"

static void test_names(void **state)
{
	static const char *const bad[] = { "", ".", "..", ".a", "a/b", "a b",
		"a\n", "\xc3\xa4" };
	char longest[SPW_KEEP_NAME_MAX + 2];
	struct place *p = *state;
	struct spw_kept *k = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_err(spw_kept_create(p->keep, bad[i], NULL, NULL, &k),
		    EINVAL);
		assert_err(spw_kept_adopt(p->keep, bad[i], NULL, &k), EINVAL);
		assert_err(spw_keep_reap(p->keep, bad[i]), EINVAL);
	}
	assert_err(spw_kept_create(p->keep, NULL, NULL, NULL, &k), EINVAL);
	memset(longest, 'x', sizeof(longest));
	longest[SPW_KEEP_NAME_MAX + 1] = 0;
	assert_err(spw_kept_create(p->keep, longest, NULL, NULL, &k), EINVAL);
	assert_null(k);
	longest[SPW_KEEP_NAME_MAX] = 0;
	finish(create(p, longest));
	finish(create(p, "a.b-C_9"));

	assert_err(spw_kept_adopt(p->keep, "none", NULL, &k), ENOENT);
	assert_err(spw_keep_reap(p->keep, "none"), ENOENT);
}

/* Who only reads writes nothing, and takes nothing from anybody. */
static void test_reading(void **state)
{
	struct place *p = *state;
	struct spw_keep_opts o = { .size = sizeof(o), .path = p->path,
		.flags = SPW_KEEP_READ };
	const struct spw_kept_note note = { .meta = "abc", .meta_len = 3 };
	struct spw_keep *reader;
	struct spw_kept *k = NULL;
	struct stat before, after;
	char meta[8];

	assert_ok(spw_kept_create(p->keep, "a", NULL, &note, &k));
	assert_int_equal(stat(p->path, &before), 0);
	assert_ok(spw_keep_open(&o, &reader));
	assert_err(spw_keep_meta(reader, "a", meta, sizeof(meta)), EBUSY);
	spw_kept_close(k);
	assert_int_equal(spw_keep_meta(reader, "a", meta, sizeof(meta)), 3);
	assert_err(spw_kept_create(reader, "b", NULL, NULL, &k), EROFS);
	assert_err(spw_kept_adopt(reader, "a", NULL, &k), EROFS);
	assert_err(spw_keep_reap(reader, "a"), EROFS);
	spw_keep_unref(reader);
	assert_int_equal(stat(p->path, &after), 0);
	assert_memory_equal(
	    &before.st_ctim, &after.st_ctim, sizeof(after.st_ctim));
	assert_ok(spw_keep_reap(p->keep, "a"));
}

static void test_options(void **state)
{
	struct place *p = *state;
	struct spw_kept *k = NULL;
	struct spw_keep *keep = NULL;
	struct spw_spool_opts o = { .size = sizeof(o) };
	char meta[SPW_KEEP_META_MAX + 1] = { 0 };

	assert_err(spw_keep_open(NULL, &keep), EINVAL);
	assert_err(spw_keep_open(&(struct spw_keep_opts){
	    .size = sizeof(struct spw_keep_opts) }, &keep), EINVAL);
	assert_err(spw_keep_open(&(struct spw_keep_opts){
	    .size = sizeof(struct spw_keep_opts), .path = p->path,
	    .flags = 8 }, &keep), EINVAL);
	assert_err(spw_keep_open(&(struct spw_keep_opts){
	    .size = sizeof(struct spw_keep_opts), .path = "/nowhere" },
	    &keep), ENOENT);
	assert_null(keep);
	spw_keep_unref(NULL);
	spw_kept_close(NULL);

	o.flags = SPW_SPOOL_ON_DISK;
	assert_err(spw_kept_create(p->keep, "a", &o, NULL, &k), EINVAL);
	o.flags = SPW_SPOOL_SPARSE;
	assert_err(spw_kept_create(p->keep, "a", &o, NULL, &k), EINVAL);
	assert_err(spw_kept_create(p->keep, "a", NULL, NOTE(.meta = meta,
	    .meta_len = sizeof(meta)), &k), EMSGSIZE);
	assert_null(k);

	k = create(p, "a");
	append(k, 10);
	assert_err(spw_kept_commit(k, NOTE(.length = 11)), EINVAL);
	assert_err(spw_kept_commit(k, NOTE(ALL, .meta = meta,
	    .meta_len = sizeof(meta))), EMSGSIZE);
	assert_err(spw_kept_commit(k, NOTE(ALL, .state = meta,
	    .state_len = SPW_KEEP_STATE_MAX + 1)), EMSGSIZE);
	assert_int_equal(note_of(k).length, 0);
	assert_err(spw_spool_discard(spw_kept_spool(k), 0, 1), EINVAL);
	char byte;
	assert_err(spw_spool_take(spw_kept_spool(k), &byte, 1), EINVAL);
	assert_ok(spw_kept_remove(k));
	assert_err(spw_kept_commit(k, NULL), EINVAL);
	spw_kept_close(k);
}

static void test_one_at_a_time(void **state)
{
	struct place *p = *state;
	struct spw_kept *k = create(p, "mine"), *other = NULL;
	struct spw_keep *second = open_keep(p->path, 0);

	assert_err(spw_kept_create(second, "mine", NULL, NULL, &other), EEXIST);
	assert_err(spw_kept_adopt(second, "mine", NULL, &other), EBUSY);
	assert_err(spw_kept_adopt(p->keep, "mine", NULL, &other), EBUSY);
	assert_err(spw_keep_reap(second, "mine"), EBUSY);
	assert_null(other);
	append(k, 10);
	assert_ok(spw_kept_commit(k, NULL));
	struct spw_spool *s = spw_spool_ref(spw_kept_spool(k));
	spw_kept_close(k);

	/* From now on it is another's: it can be read, but not written. */
	assert_err(spw_spool_append(s, "x", 1), ESTALE);
	char byte;
	assert_int_equal(spw_spool_pread(s, &byte, 1, 0), 1);
	assert_ok(spw_kept_adopt(second, "mine", NULL, &other));
	expect_content(other, 10);
	spw_spool_unref(s);
	finish(other);
	spw_keep_unref(second);
}

static uint64_t file_size(const struct place *p, const char *name)
{
	char path[512];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", p->path, name);
	assert_int_equal(stat(path, &st), 0);
	return (uint64_t)st.st_size;
}

/* What was written behind the last commit is there afterwards, too. */
static void test_looking_changes_nothing(void **state)
{
	struct place *p = *state;
	struct spw_kept *k = create(p, "a");
	char buf[8];

	assert_err((int)spw_keep_meta(p->keep, "b", buf, 8), ENOENT);
	assert_err((int)spw_keep_meta(p->keep, "/", buf, 8), EINVAL);
	assert_ok(spw_kept_commit(k, NOTE(ALL, .meta = "what", .meta_len = 4)));
	append(k, 100000);
	assert_ok(spw_spool_rollover(spw_kept_spool(k)));
	assert_err((int)spw_keep_meta(p->keep, "a", buf, 8), EBUSY);
	spw_kept_close(k);

	uint64_t size = file_size(p, "a.spool");
	assert_true(size > 0);
	assert_err((int)spw_keep_meta(p->keep, "a", buf, 3), EMSGSIZE);
	assert_int_equal(spw_keep_meta(p->keep, "a", buf, 4), 4);
	assert_memory_equal(buf, "what", 4);
	assert_int_equal(file_size(p, "a.spool"), size);
	k = adopt(p, "a");
	expect_content(k, 0);
	assert_int_equal(file_size(p, "a.spool"), 0);
	finish(k);
}

struct found {
	char names[8][SPW_KEEP_NAME_MAX + 1];
	int count;
	struct spw_keep *reap;
};

static int find(const char *name, void *user_data)
{
	struct found *f = user_data;

	assert_true(f->count < 8);
	strcpy(f->names[f->count++], name);
	return f->reap ? spw_keep_reap(f->reap, name) : 0;
}

static void put_file(const struct place *p, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", p->path, name);
	int fd = open(path, O_CREAT | O_WRONLY | O_EXCL, 0600);
	assert_ok(fd);
	close(fd);
}

static int stop(const char *name, void *user_data)
{
	(void)name;
	++*(int *)user_data;
	return 42;
}

static void test_listing_and_reaping(void **state)
{
	struct place *p = *state;
	struct found f = { 0 };
	int calls = 0;

	assert_ok(spw_keep_list(p->keep, find, &f));
	assert_int_equal(f.count, 0);
	struct spw_kept *busy = create(p, "busy");
	spw_kept_close(create(p, "dead"));
	/* Halves of what was, and what is none of ours. */
	put_file(p, "content.spool");
	put_file(p, "journal.keep");
	put_file(p, "README");
	put_file(p, ".keep");
	put_file(p, ".hidden.keep");
	assert_ok(spw_keep_list(p->keep, find, &f));
	assert_int_equal(f.count, 4);
	assert_string_equal(f.names[0], "busy");
	assert_string_equal(f.names[1], "content");
	assert_string_equal(f.names[2], "dead");
	assert_string_equal(f.names[3], "journal");
	assert_int_equal(spw_keep_list(p->keep, stop, &calls), 42);
	assert_int_equal(calls, 1);

	struct spw_kept *k = NULL;
	assert_err(spw_kept_adopt(p->keep, "journal", NULL, &k), EBADMSG);
	assert_err(spw_kept_adopt(p->keep, "content", NULL, &k), ENOENT);
	assert_err(spw_keep_reap(p->keep, "busy"), EBUSY);
	assert_ok(spw_keep_reap(p->keep, "content"));
	/* Whoever made it, or deleted it, was killed. */
	spw_kept_close(create(p, "half"));
	remove_file(p, "half.spool");
	assert_err(spw_kept_adopt(p->keep, "half", NULL, &k), ENOENT);
	f = (struct found){ .reap = p->keep };
	assert_err(spw_keep_list(p->keep, find, &f), EBUSY);
	finish(busy);
	f = (struct found){ .reap = p->keep };
	assert_ok(spw_keep_list(p->keep, find, &f));
	assert_int_equal(f.count, 3);
	remove_file(p, "README");
	remove_file(p, ".keep");
	remove_file(p, ".hidden.keep");
}

/* What a crash of the machine left may have the name of a new one. */
static void test_leftovers_make_room(void **state)
{
	struct place *p = *state;

	put_file(p, "a.spool");
	struct spw_kept *k = create(p, "a");
	append(k, 1000);
	assert_ok(spw_kept_commit(k, NULL));
	spw_kept_close(k);
	k = adopt(p, "a");
	expect_content(k, 1000);
	finish(k);
}

/* Journals of before the machine went down. */
static void test_another_start_of_the_machine(void **state)
{
	struct place *p = *state;
	struct spw_kept *k = create(p, "old"), *none = NULL;

	append(k, 1000);
	assert_ok(spw_kept_commit(k, NULL));
	spw_kept_close(k);
	p->keep->boot[0] ^= 1;
	assert_err(spw_kept_adopt(p->keep, "old", NULL, &none), ESTALE);
	assert_null(none);
	assert_ok(spw_keep_reap(p->keep, "old"));

	/* With every commit on the disk it does not matter. */
	struct spw_keep *synced = open_keep(p->path, SPW_KEEP_SYNC);
	assert_ok(spw_kept_create(synced, "old", NULL, NULL, &k));
	append(k, 1000);
	assert_ok(spw_kept_commit(k, NULL));
	spw_kept_close(k);
	spw_keep_unref(synced);
	k = adopt(p, "old");
	expect_content(k, 1000);
	finish(k);
	p->keep->boot[0] ^= 1;
}

/* The directory of other spools, whose quota counts for all of them. */
static void test_one_directory(void **state)
{
	struct place *p = *state;
	const struct spw_dir_opts d = { .size = sizeof(d), .path = p->path,
		.quota_bytes = 1000 };
	struct spw_keep_opts o = { .size = sizeof(o) };
	struct spw_dir_stats stats;
	struct spw_keep *keep = NULL;
	struct spw_kept *k;
	struct spw_dir *dir;

	assert_ok(spw_dir_open(&d, &dir));
	assert_err(spw_keep_open(&o, &keep), EINVAL);
	o.dir = dir;
	o.path = p->path;
	assert_err(spw_keep_open(&o, &keep), EINVAL);
	o.path = NULL;
	o.quota_bytes = 1;
	assert_err(spw_keep_open(&o, &keep), EINVAL);
	o.quota_bytes = 0;
	assert_ok(spw_keep_open(&o, &keep));

	assert_ok(spw_kept_create(keep, "a", NULL, NULL, &k));
	append(k, 600);
	assert_ok(spw_kept_commit(k, NULL));
	spw_dir_stats(dir, &stats);
	assert_int_equal(stats.charged, 600);
	assert_err(spw_dir_check(dir, 401), EDQUOT);
	assert_ok(spw_kept_remove(k));
	spw_kept_close(k);

	/* What is there without a spool is never refused. */
	spw_dir_hold(dir, 5000);
	spw_dir_stats(dir, &stats);
	assert_int_equal(stats.charged, 5000);
	assert_err(spw_dir_check(dir, 1), EDQUOT);
	spw_dir_release(dir, 5000);
	assert_ok(spw_dir_check(dir, 1000));
	spw_keep_unref(keep);
	spw_dir_unref(dir);
}

/* In a directory that may be full what is there is not refused, and counts. */
static void test_past_the_quota(void **state)
{
	struct place *p = *state;
	const struct spw_dir_opts tight[] = {
		{ .size = sizeof(tight[0]), .path = p->path,
			.quota_bytes = 500, .flags = SPW_DIR_MAY_BE_FULL },
		{ .size = sizeof(tight[0]), .path = p->path,
			.keep_free_bytes = UINT64_MAX / 2,
			.flags = SPW_DIR_MAY_BE_FULL },
	};
	struct spw_dir_stats stats;
	struct spw_kept *k;

	assert_ok(spw_kept_create(p->keep, "a", NULL, NULL, &k));
	append(k, 600);
	assert_ok(spw_kept_commit(k, NULL));
	spw_kept_close(k);
	for (int i = 0; i < 2; i++) {
		struct spw_keep_opts o = { .size = sizeof(o) };
		struct spw_keep *keep;

		assert_ok(spw_dir_open(&tight[i], &o.dir));
		assert_ok(spw_keep_open(&o, &keep));
		assert_ok(spw_kept_adopt(keep, "a", NULL, &k));
		expect_content(k, 600);
		spw_dir_stats(o.dir, &stats);
		assert_int_equal(stats.charged, 600);
		assert_err(spw_dir_check(o.dir, 1), i ? ENOSPC : EDQUOT);
		spw_kept_close(k);
		spw_dir_stats(o.dir, &stats);
		assert_int_equal(stats.charged, 0);
		spw_keep_unref(keep);
		spw_dir_unref(o.dir);
	}
	finish(adopt(p, "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_names),
		TEST(test_reading),
		TEST(test_options),
		TEST(test_one_directory),
		TEST(test_past_the_quota),
		TEST(test_one_at_a_time),
		TEST(test_looking_changes_nothing),
		TEST(test_listing_and_reaping),
		TEST(test_leftovers_make_room),
		TEST(test_another_start_of_the_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
