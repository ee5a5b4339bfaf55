/* SPDX-License-Identifier: MIT */
/* What becomes of a kept spool. */
#include <spillway/keep.h>

#include <errno.h>
#include <fcntl.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <spillway/copy.h>
#include <spillway/discard.h>

#include "unit/lib/keeping.h"

static void test_going_on(void **state)
{
	struct place *p = *state;
	struct spw_kept *k = create(p, "upload");

	assert_int_equal(note_of(k).length, 0);
	append(k, 100000);
	assert_ok(spw_kept_commit(k, NOTE(.length = 70000, .state = "sum",
	    .state_len = 3)));
	assert_int_equal(note_of(k).length, 70000);
	append(k, 5000);
	spw_kept_close(k);

	/* Only what was committed, with what belongs to it. */
	k = adopt(p, "upload");
	struct spw_kept_note note = note_of(k);
	assert_int_equal(note.length, 70000);
	assert_int_equal(note.meta_len, 3);
	assert_memory_equal(note.meta, "who", 3);
	assert_int_equal(note.state_len, 3);
	assert_memory_equal(note.state, "sum", 3);
	expect_content(k, 70000);
	assert_int_equal(spw_spool_state(spw_kept_spool(k)), SPW_STATE_OPEN);
	append(k, 30000);
	assert_ok(spw_kept_commit(k, NULL));
	assert_int_equal(note_of(k).length, 100000);
	/* Other metadata; no state, for none was given. */
	assert_ok(spw_kept_commit(k, NOTE(ALL, .meta = "", .meta_len = 0)));
	assert_int_equal(note_of(k).state_len, 0);
	assert_int_equal(note_of(k).meta_len, 0);
	assert_ok(spw_spool_seal(spw_kept_spool(k)));
	assert_ok(spw_kept_commit(k, NULL));
	spw_kept_close(k);

	k = adopt(p, "upload");
	expect_content(k, 100000);
	assert_int_equal(spw_spool_state(spw_kept_spool(k)),
	    SPW_STATE_SEALED);
	struct spw_spool *s = spw_spool_ref(spw_kept_spool(k));
	finish(k);
	/* It goes on as one without a name. */
	uint8_t byte;
	assert_int_equal(spw_spool_pread(s, &byte, 1, 99999), 1);
	assert_ok(spw_spool_discard(s, 0, 10));
	spw_spool_unref(s);
}

static void test_sparse(void **state)
{
	struct place *p = *state;
	struct spw_kept *k;
	struct spw_spool_opts o = { .size = sizeof(o),
		.flags = SPW_SPOOL_SPARSE, .size_hint = 100000 };
	uint8_t bytes[100000];

	fill_content(bytes, sizeof(bytes), 0);
	assert_ok(spw_kept_create(p->keep, "s", &o, NULL, &k));
	assert_ok(spw_spool_pwrite(
	    spw_kept_spool(k), bytes + 50000, 20000, 50000));
	assert_ok(spw_spool_pwrite(spw_kept_spool(k), bytes, 100, 0));
	assert_ok(spw_kept_commit(k, NULL));
	assert_int_equal(note_of(k).length, 20100);
	assert_ok(spw_spool_pwrite(
	    spw_kept_spool(k), bytes + 200, 100, 200));
	spw_kept_close(k);

	k = adopt(p, "s");
	struct spw_spool *s = spw_kept_spool(k);
	assert_int_equal(spw_spool_size(s), 100000);
	assert_int_equal(spw_spool_committed(s), 100);
	assert_int_equal(spw_spool_present(s, 50000), 20000);
	assert_int_equal(spool_info(s).present, 20100);
	assert_err(spw_spool_pread(s, bytes, 1, 200), EAGAIN);
	assert_ok(spw_spool_pwrite(s, bytes + 100, 49900, 100));
	assert_ok(spw_spool_pwrite(s, bytes + 70000, 30000, 70000));
	assert_ok(spw_spool_seal(s));
	assert_ok(spw_kept_commit(k, NULL));
	spw_kept_close(k);
	k = adopt(p, "s");
	expect_content(k, 100000);
	assert_int_equal(spw_spool_state(spw_kept_spool(k)),
	    SPW_STATE_SEALED);
	finish(k);
}

static void test_cut_without_a_commit(void **state)
{
	struct place *p = *state;
	struct spw_kept *k = create(p, "cut");

	append(k, 1000);
	assert_ok(spw_kept_commit(k, NOTE(ALL, .state = "s", .state_len = 1)));
	assert_ok(spw_spool_truncate(spw_kept_spool(k), 400));
	spw_kept_close(k);
	k = adopt(p, "cut");
	expect_content(k, 400);
	assert_int_equal(note_of(k).length, 400);
	assert_int_equal(note_of(k).state_len, 0);
	assert_memory_equal(note_of(k).meta, "who", 3);
	append(k, 100);
	assert_ok(spw_kept_commit(k, NULL));
	spw_kept_close(k);
	k = adopt(p, "cut");
	expect_content(k, 500);
	finish(k);
}

/* What is sealed never changes: a shorter file is a damaged one. */
static void test_sealed_and_shorter(void **state)
{
	struct place *p = *state;
	char path[200];

	snprintf(path, sizeof(path), "%s/short.spool", p->path);
	for (unsigned flags = 0; flags <= SPW_KEEP_SYNC; flags++) {
		struct spw_keep *keep = open_keep(p->path, flags);
		struct spw_kept *k;

		assert_ok(spw_kept_create(keep, "short", NULL, NULL, &k));
		append(k, 1000);
		assert_ok(spw_spool_seal(spw_kept_spool(k)));
		assert_ok(spw_kept_commit(k, NULL));
		spw_kept_close(k);
		assert_int_equal(truncate(path, 999), 0);
		assert_err(spw_kept_adopt(keep, "short", NULL, &k), EBADMSG);
		assert_ok(spw_keep_reap(keep, "short"));
		spw_keep_unref(keep);
	}
}

static void test_limits_hold_for_the_adopted(void **state)
{
	struct place *p = *state;
	struct spw_kept *k = create(p, "big");
	struct spw_keep *small;
	struct spw_spool_opts o = { .size = sizeof(o), .size_max = 999 };

	append(k, 1000);
	assert_ok(spw_kept_commit(k, NULL));
	spw_kept_close(k);
	assert_err(spw_kept_adopt(p->keep, "big", &o, &k), EFBIG);
	assert_ok(spw_keep_open(&(struct spw_keep_opts){
	    .size = sizeof(struct spw_keep_opts), .path = p->path,
	    .quota_bytes = 999 }, &small));
	assert_err(spw_kept_adopt(small, "big", NULL, &k), EDQUOT);
	spw_keep_unref(small);
	k = adopt(p, "big");
	struct spw_dir_stats stats;
	spw_keep_stats(p->keep, &stats);
	assert_int_equal(stats.charged, 1000);
	assert_int_equal(stats.files, 1);
	expect_content(k, 1000);
	finish(k);
}

static void test_saving_needs_no_copy(void **state)
{
	struct place *p = *state;
	struct spw_kept *k = create(p, "done");
	char path[200];
	struct stat saved, own;

	append(k, 200000);
	assert_ok(spw_spool_seal(spw_kept_spool(k)));
	snprintf(path, sizeof(path), "%s/final", p->path);
	assert_ok(spw_spool_save(
	    spw_kept_spool(k), AT_FDCWD, path, 0644, 0));
	int fd = spw_spool_fd(spw_kept_spool(k));
	assert_int_equal(fstat(fd, &own), 0);
	close(fd);
	finish(k);
	assert_int_equal(stat(path, &saved), 0);
	assert_int_equal(saved.st_ino, own.st_ino);
	assert_int_equal(saved.st_nlink, 1);
	assert_int_equal(saved.st_size, 200000);
	remove_file(p, "final");
}

struct writer {
	struct spw_kept *kept;
	struct flag writable;
	_Atomic bool done;
};

static void raise_writable(struct spw_spool *s, void *user_data)
{
	struct writer *w = user_data;

	(void)s;
	flag_raise(&w->writable);
}

static void *write_much(void *arg)
{
	struct writer *w = arg;
	struct spw_spool *s = spw_kept_spool(w->kept);
	uint8_t piece[30000];
	uint64_t off = 0;

	while (off < 6 * MIB) {
		fill_content(piece, sizeof(piece), off);
		int r = spw_spool_try_append(s, piece, sizeof(piece));
		if (r == -EAGAIN) {
			flag_take(&w->writable);
			continue;
		}
		require(r == 0);
		off += sizeof(piece);
	}
	atomic_store(&w->done, true);
	return NULL;
}

/* Commits beside a writer whose bytes a pool writes. */
static void test_committing_while_it_grows(void **state)
{
	struct place *p = *state;
	struct writer w = { 0 };
	struct world world;
	uint64_t last = 0;

	flag_init(&w.writable);
	world_init(&world, &(struct world_opts){ .budget = MIB, .threads = 2,
	    .no_dir = true });
	assert_ok(spw_kept_create(p->keep, "grows", SPOOL_OPTS(&world,
	    .on_writable = raise_writable, .user_data = &w), NULL, &w.kept));
	pthread_t id = start_thread(write_much, &w);
	while (!atomic_load(&w.done)) {
		assert_ok(spw_kept_commit(w.kept, NULL));
		assert_true(note_of(w.kept).length >= last);
		last = note_of(w.kept).length;
	}
	join_thread(id);
	assert_ok(spw_kept_commit(w.kept, NULL));
	size_t size = (size_t)note_of(w.kept).length;
	assert_true(size >= 6 * MIB);
	spw_spool_detach(spw_kept_spool(w.kept));
	spw_kept_close(w.kept);
	world_settle(&world);
	struct spw_kept *k = adopt(p, "grows");
	expect_content(k, size);
	finish(k);
	world_fini(&world);
	flag_fini(&w.writable);
}

static struct spw_spool *new_spool(
    struct spw_dir *dir, const struct spw_cipher *cipher, size_t len)
{
	struct spw_spool_opts o = { .size = sizeof(o), .dir = dir,
		.cipher = cipher, .memory_max = SPW_UNLIMITED };
	struct spw_spool *s;
	uint8_t bytes[5000];

	assert_ok(spw_spool_new(&o, &s));
	fill_content(bytes, len, 0);
	assert_ok(spw_spool_append(s, bytes, len));
	return s;
}

static struct spw_keep *keep_in(struct spw_dir *dir)
{
	const struct spw_keep_opts o = { .size = sizeof(o), .dir = dir };
	struct spw_keep *keep;

	assert_ok(spw_keep_open(&o, &keep));
	return keep;
}

/* A spool that was in memory is kept from now on. */
static void test_taking(void **state)
{
	struct place *p = *state;
	const struct spw_dir_opts d = { .size = sizeof(d), .path = p->path };
	struct spw_kept *k, *other = NULL;
	struct spw_dir *dir;

	assert_ok(spw_dir_open(&d, &dir));
	struct spw_keep *keep = keep_in(dir);
	struct spw_spool *s = new_spool(dir, NULL, 3000);
	assert_ok(spw_kept_take(keep, "t", s, NOTE(.meta = "m", .meta_len = 1),
	    &k));
	assert_ptr_equal(spw_kept_spool(k), s);
	/* Nothing was committed yet. */
	assert_int_equal(note_of(k).length, 0);
	assert_int_equal(note_of(k).meta_len, 1);
	assert_err(spw_kept_take(keep, "u", s, NULL, &other), EINVAL);
	append(k, 2000);
	assert_ok(spw_kept_commit(k, NULL));
	append(k, 1000);
	spw_spool_unref(s);
	spw_kept_close(k);

	k = adopt(p, "t");
	expect_content(k, 5000);
	assert_ok(spw_kept_remove(k));
	spw_kept_close(k);
	spw_keep_unref(keep);
	spw_dir_unref(dir);
}

static void test_what_is_not_taken(void **state)
{
	struct place *p = *state;
	const struct spw_dir_opts d = { .size = sizeof(d), .path = p->path };
	struct spw_kept *k = NULL;
	struct spw_dir *dir;

	assert_ok(spw_dir_open(&d, &dir));
	struct spw_keep *keep = keep_in(dir);
	struct spw_spool *s = new_spool(dir, NULL, 10);
	/* Of another directory, though it is the same folder. */
	assert_err(spw_kept_take(p->keep, "t", s, NULL, &k), EINVAL);
	assert_err(spw_kept_take(keep, ".t", s, NULL, &k), EINVAL);
	finish(create(p, "other"));
	struct spw_kept *there = create(p, "there");
	assert_err(spw_kept_take(keep, "there", s, NULL, &k), EEXIST);
	/* What failed leaves it as it was. */
	assert_ok(spw_kept_take(keep, "t", s, NULL, &k));
	finish(k);
	finish(there);
	spw_spool_unref(s);

	s = new_spool(NULL, NULL, 10);
	assert_err(spw_kept_take(keep, "t", s, NULL, &k), ENOBUFS);
	spw_spool_unref(s);
	s = new_spool(dir, NULL, 10);
	spw_spool_fail(s, -EIO);
	assert_err(spw_kept_take(keep, "t", s, NULL, &k), EINVAL);
	spw_spool_unref(s);
	spw_keep_unref(keep);
	spw_dir_unref(dir);
}

/* A file of ours as a spool again. */
static void test_loading(void **state)
{
	struct place *p = *state;
	const struct spw_dir_opts d = { .size = sizeof(d), .path = p->path };
	struct spw_spool_opts o = { .size = sizeof(o) };
	struct spw_spool *s, *again = NULL;
	struct spw_dir_stats stats;
	uint8_t bytes[3001];
	struct spw_dir *dir;

	assert_ok(spw_dir_open(&d, &dir));
	s = new_spool(dir, NULL, 3000);
	assert_ok(spw_spool_seal(s));
	int fd = spw_spool_fd(s);
	assert_true(fd >= 0);
	spw_spool_unref(s);

	assert_err(spw_spool_load(fd, NULL, &again), EINVAL);
	assert_err(spw_spool_load(fd, &o, &again), EINVAL);
	o.dir = dir;
	o.flags = SPW_SPOOL_ON_DISK;
	assert_err(spw_spool_load(fd, &o, &again), EINVAL);
	o.flags = 0;
	int folder = open(p->path, O_RDONLY | O_DIRECTORY);
	assert_err(spw_spool_load(folder, &o, &again), EINVAL);
	close(folder);
	assert_null(again);
	assert_ok(spw_spool_load(fd, &o, &again));
	assert_int_equal(spw_spool_state(again), SPW_STATE_SEALED);
	assert_int_equal(spw_spool_size(again), 3000);
	assert_int_equal(
	    spw_spool_pread(again, bytes, sizeof(bytes), 0), 3000);
	assert_true(is_content(bytes, 3000, 0));
	assert_int_equal(spw_spool_file(again, 0, 3000), fd);
	assert_err(spw_spool_append(again, "x", 1), EPERM);
	spw_dir_stats(dir, &stats);
	assert_int_equal(stats.charged, 0);
	spw_spool_unref(again);
	spw_dir_stats(dir, &stats);
	assert_int_equal(stats.files, 0);
	spw_dir_unref(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_going_on),
		TEST(test_sparse),
		TEST(test_cut_without_a_commit),
		TEST(test_sealed_and_shorter),
		TEST(test_limits_hold_for_the_adopted),
		TEST(test_saving_needs_no_copy),
		TEST(test_committing_while_it_grows),
		TEST(test_taking),
		TEST(test_what_is_not_taken),
		TEST(test_loading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
