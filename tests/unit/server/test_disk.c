/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "kept.h"

#define ETAG_A "aaaaaaaaaaaaaaaaaaaaaa"
#define ETAG_B "bbbbbbbbbbbbbbbbbbbbbb"

static int make_file(struct kept *k, const char *etag)
{
	struct filemeta m = {.size = 1, .etag = {etag, strlen(etag)}};
	int fd = open(k->path, O_TMPFILE | O_RDWR, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, etag, 1), 1);
	assert_ok(disk_seal(k->disk, fd, &m));
	return fd;
}

static void publish(struct kept *k, const char *id, const char *etag)
{
	int fd = make_file(k, etag);

	assert_ok(disk_publish(k->disk, fd, id, etag));
	close(fd);
}

static char content(struct kept *k, const char *id)
{
	int fd = disk_find(k->disk, id);
	char c;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &c, 1, 0), 1);
	close(fd);
	return c;
}

static void test_names(void **state)
{
	struct kept *k = *state;

	publish(k, "x", ETAG_A);
	assert_int_equal(content(k, "x"), 'a');
	publish(k, "x", ETAG_B);
	assert_int_equal(content(k, "x"), 'b');
	assert_int_equal(kept_count(k, "passing"), 0);
	assert_err(disk_unlink(k->disk, "x", ETAG_A), ENOENT);
	assert_int_equal(content(k, "x"), 'b');
	assert_ok(disk_unlink(k->disk, "x", ETAG_B));
	assert_err(disk_find(k->disk, "x"), ENOENT);
	assert_err(disk_unlink(k->disk, "x", ETAG_B), ENOENT);
}

/* A name that is a path leads to no other folder. */
static void test_paths(void **state)
{
	static const char *const paths[] = {
	    "", ".", "..", "../meta", "../files/x", "a/b", "/tmp"};
	struct kept *k = *state;

	publish(k, "x", ETAG_A);
	publish(k, "y", ETAG_B);
	int fd = make_file(k, ETAG_B);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_err(disk_unlink(k->disk, "y", paths[i]), EINVAL);
		assert_err(disk_unlink(k->disk, paths[i], ETAG_B), EINVAL);
		assert_err(disk_publish(k->disk, fd, "y", paths[i]), EINVAL);
		assert_err(
		    disk_publish(k->disk, fd, paths[i], ETAG_B), EINVAL);
	}
	close(fd);
	assert_int_equal(content(k, "x"), 'a');
	assert_int_equal(content(k, "y"), 'b');
}

static void test_meta(void **state)
{
	struct kept *k = *state;
	static char text[FILEMETA_MAX];
	struct filemeta m = {.etag = {ETAG_A, 22}, .url = {text, 1000}}, got;
	uint8_t buf[FILEMETA_MAX];

	memset(text, 'u', sizeof(text));
	int fd = open(k->path, O_TMPFILE | O_RDWR, 0600);
	assert_err(disk_get_meta(fd, buf, &got), EBADMSG);
	assert_ok(disk_set_meta(k->disk, fd, &m));
	assert_ok(disk_get_meta(fd, buf, &got));
	assert_int_equal(got.url.n, 1000);
	assert_int_equal(got.boot.n, 0);
	assert_ok(disk_seal(k->disk, fd, &m));
	assert_ok(disk_get_meta(fd, buf, &got));
	assert_int_equal(got.boot.n, STOREMETA_BOOT);
	assert_true(got.checkpoint > 0);
	/* What has no room is left out, if it can be. */
	m.url.n = sizeof(text);
	assert_ok(disk_set_meta(k->disk, fd, &m));
	m.name = (struct str){text, sizeof(text)};
	assert_err(disk_set_meta(k->disk, fd, &m), ENOSPC);
	close(fd);
}

/* Of another start of the machine only what is known to be on the disk. */
static void test_reboot(void **state)
{
	struct kept *k = *state;

	file_unref(kept_file(k, "sure", 70));
	assert_ok(disk_checkpoint(k->disk));
	file_unref(kept_file(k, "late", 70));
	kept_reboot(k, 'a');
	kept_expect(k, "sure", 70);
	kept_expect_none(k, "late");
	assert_int_equal(kept_count(k, "files"), 1);
	/* And of many, when each of them stopped in order. */
	for (char which = 'b'; which < 'f'; which++) {
		char id[] = {which, 0};

		kept_restore(k);
		file_unref(kept_file(k, id, 70));
		assert_ok(disk_checkpoint(k->disk));
		kept_reboot(k, which);
		kept_expect(k, "sure", 70);
		kept_expect(k, id, 70);
	}
	kept_restore(k);
	assert_int_equal(kept_count(k, "files"), 5);
}

/* What one has left that was killed is the next one's, of any kind. */
static void test_killed(void **state)
{
	struct kept *k = *state;

	for (int i = 0; i < 4; i++) {
		file_unref(kept_file(k, "x", 70));
		kept_restart(k, i & 1);
		kept_restore(k);
		assert_ok(disk_checkpoint(k->disk));
		kept_reboot(k, (char)('a' + i));
		kept_restore(k);
		struct file *f = store_get(k->store, "x", 1);
		assert_non_null(f);
		assert_int_equal(store_drop(k->store, f), 1);
		file_unref(f);
	}
}

/* Written anew, it is neither less safe than it was, nor more. */
static void test_rewritten(void **state)
{
	struct kept *k = *state;
	const struct digest_set set = {.have = DIGEST_BIT(DIGEST_CRC32C)};

	struct file *sure = kept_file(k, "sure", 70);
	assert_ok(disk_checkpoint(k->disk));
	struct file *late = kept_file(k, "late", 70);
	assert_ok(file_add_digests(sure, &set));
	assert_ok(file_add_digests(late, &set));
	store_note(sure);
	store_note(late);
	file_unref(sure);
	file_unref(late);
	/* Also by one who waits for each change. */
	kept_restart(k, true);
	kept_expect(k, "late", 70);
	late = store_get(k->store, "late", 4);
	store_note(late);
	file_unref(late);
	kept_reboot(k, 'a');
	kept_expect(k, "sure", 70);
	kept_expect_none(k, "late");
}

/* Numbers go on over starts, and are no promise for what had them before. */
static void test_never_trusted_later(void **state)
{
	struct kept *k = *state;

	file_unref(kept_file(k, "x", 70));
	kept_reboot(k, 'a');
	/* Nobody has looked at it when others are safe with its number. */
	file_unref(kept_file(k, "y", 80));
	for (int i = 0; i < 3; i++)
		assert_ok(disk_checkpoint(k->disk));
	kept_reboot(k, 'b');
	assert_int_equal(kept_count(k, "files"), 2);
	kept_expect(k, "y", 80);
	/* Twice is once more than can be noted, until it is gone. */
	file_unref(kept_file(k, "z", 90));
	assert_ok(disk_checkpoint(k->disk));
	kept_reboot(k, 'c');
	kept_expect(k, "y", 80);
	kept_expect_none(k, "z");
	assert_int_equal(kept_count(k, "files"), 2);
	file_unref(kept_file(k, "z", 90));
	assert_true(disk_unsettled(k->disk));
	store_settle(k->store);
	assert_false(disk_unsettled(k->disk));
	store_settle(k->store);
	assert_int_equal(kept_count(k, "files"), 2);
	assert_ok(disk_checkpoint(k->disk));
	kept_reboot(k, 'd');
	kept_expect(k, "y", 80);
	kept_expect(k, "z", 90);
}

/* What was waited for needs none of it. */
static void test_synced(void **state)
{
	struct kept *k = *state;
	uint8_t buf[FILEMETA_MAX];
	struct filemeta got;

	kept_restart(k, true);
	publish(k, "x", ETAG_A);
	int fd = disk_find(k->disk, "x");
	assert_ok(disk_get_meta(fd, buf, &got));
	close(fd);
	assert_int_equal(got.boot.n, 0);
	assert_int_equal(got.checkpoint, 0);
	kept_reboot(k, 'a');
	fd = disk_find(k->disk, "x");
	assert_ok(disk_get_meta(fd, buf, &got));
	close(fd);
	assert_int_equal(disk_trusts(k->disk, &got), 1);
}

/* Somebody removes what says how far it was, and the daemon is killed. */
static void test_no_note(void **state)
{
	struct kept *k = *state;
	char path[256];

	for (int i = 0; i < 9; i++) {
		file_unref(kept_file(k, i ? "x" : "y", 70));
		assert_ok(disk_checkpoint(k->disk));
		struct file *f = store_get(k->store, "x", 1);
		if (f && i < 8)
			assert_int_equal(store_drop(k->store, f), 1);
		file_unref(f);
	}
	kept_path(k, "meta", path);
	assert_int_equal(unlink(path), 0);
	kept_restart(k, false);
	kept_restore(k);
	assert_ok(disk_checkpoint(k->disk));
	kept_reboot(k, 'a');
	kept_expect(k, "x", 70);
	kept_expect(k, "y", 70);
}

static void rewrite_format(struct kept *k, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/meta", k->path);
	FILE *f = fopen(path, "w");
	require(f != NULL);
	fputs(text, f);
	fclose(f);
}

/* Nothing says which of the files are whole, of which none is lost for it. */
static void test_no_note_after_reboot(void **state)
{
	struct kept *k = *state;
	char path[256], saved[256], why[DISK_WHY_SIZE] = "";

	file_unref(kept_file(k, "x", 70));
	assert_ok(disk_checkpoint(k->disk));
	kept_reboot(k, 'a');
	kept_path(k, "meta", path);
	kept_path(k, "saved", saved);
	disk_close(k->disk);
	assert_int_equal(rename(path, saved), 0);
	for (int empty = 0; empty < 2; empty++) {
		struct disk *d = NULL;

		assert_err(disk_open(k->path, false, &d, why), ENOTSUP);
		assert_non_null(strstr(why, "put it back"));
		assert_int_equal(kept_count(k, "files"), 1);
		rewrite_format(k, "");
	}
	assert_int_equal(rename(saved, path), 0);
	assert_ok(disk_open(k->path, false, &k->disk, why));
	kept_restart(k, false);
	kept_restore(k);
	kept_expect(k, "x", 70);

	/* What was waited for needs no note. */
	kept_restart(k, true);
	kept_restore(k);
	file_unref(kept_file(k, "y", 80));
	struct file *f = store_get(k->store, "x", 1);
	assert_int_equal(store_drop(k->store, f), 1);
	file_unref(f);
	kept_reboot(k, 'b');
	assert_int_equal(unlink(path), 0);
	kept_restart(k, false);
	kept_expect(k, "y", 80);
}

static void expect_refused(struct kept *k, int err, const char *word)
{
	char why[DISK_WHY_SIZE] = "";
	struct disk *d = NULL;

	assert_err(disk_open(k->path, false, &d, why), err);
	assert_non_null(strstr(why, word));
	assert_null(d);
}

static void test_opening(void **state)
{
	struct kept *k = *state;
	char why[DISK_WHY_SIZE] = "";
	struct disk *d = NULL;

	expect_refused(k, EBUSY, "another spillwayd");
	disk_close(k->disk);
	rewrite_format(k, "spillway-store 1\nflushed 00000001763700000000\n");
	expect_refused(k, ENOTSUP, "version");
	rewrite_format(k, "spillway-store 3\nboot x\n");
	expect_refused(k, ENOTSUP, "version");
	rewrite_format(k, "notes of mine\n");
	expect_refused(k, ENOTSUP, "version");
	rewrite_format(k, "spillway-store 4\nboot x\n");
	expect_refused(k, ENOTSUP, "damaged");
	/* A file system without all of that. */
	assert_true(disk_open("/proc", false, &d, why) < 0);
	assert_true(why[0]);
	assert_err(disk_open("/nowhere", false, &d, why), ENOENT);
	/* As of one who was killed before he wrote it. */
	rewrite_format(k, "");
	assert_ok(disk_open(k->path, false, &k->disk, why));
}

/* Whoever was killed in the midst of replacing leaves nothing. */
static void test_passing(void **state)
{
	struct kept *k = *state;
	char path[256];

	publish(k, "x", ETAG_A);
	snprintf(path, sizeof(path), "%s/passing/" ETAG_B, k->path);
	int fd = make_file(k, ETAG_B);
	char proc[64];
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	assert_int_equal(
	    linkat(AT_FDCWD, proc, AT_FDCWD, path, AT_SYMLINK_FOLLOW), 0);
	close(fd);
	assert_int_equal(kept_count(k, "passing"), 1);
	kept_restart(k, false);
	assert_int_equal(kept_count(k, "passing"), 0);
	assert_int_equal(content(k, "x"), 'a');
}

/* Directories are somebody else's; no file takes the place of one. */
static void test_directories(void **state)
{
	struct kept *k = *state;
	char inner[256], outer[256];

	kept_path(k, "files/x", outer);
	kept_path(k, "files/x/y", inner);
	assert_int_equal(mkdir(outer, 0700), 0);
	assert_int_equal(mkdir(inner, 0700), 0);
	struct file *f = stored_file(k->store, "x");
	stored_append(f, 70);
	require(spw_spool_seal(f->spool) == 0);
	require(store_add(k->store, f) == 0);
	assert_err(store_keep(k->store, f), EIO);
	store_remove(k->store, f);
	file_unref(f);
	assert_int_equal(kept_count(k, "passing"), 0);
	assert_int_equal(kept_count(k, "files/x"), 1);

	kept_path(k, "passing/x", outer);
	assert_int_equal(mkdir(outer, 0700), 0);
	kept_restart(k, false);
	assert_int_equal(kept_count(k, "passing"), 1);
	kept_restore(k);
	kept_expect_none(k, "x");
}

/* Nor that of a link or a pipe, and none is followed. */
static void test_links(void **state)
{
	struct kept *k = *state;
	char link[256], pipe[256], passing[256], to[256];
	int fd = make_file(k, ETAG_A);

	kept_path(k, "files/x", link);
	kept_path(k, "files/y", pipe);
	kept_path(k, "passing/x", passing);
	kept_path(k, "meta", to);
	assert_int_equal(symlink(to, link), 0);
	assert_int_equal(symlink(to, passing), 0);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	assert_err(disk_publish(k->disk, fd, "x", ETAG_A), EISDIR);
	assert_err(disk_publish(k->disk, fd, "y", ETAG_A), EISDIR);
	close(fd);
	kept_restart(k, false);
	assert_int_equal(kept_count(k, "passing"), 0);
	assert_int_equal(kept_count(k, "files"), 2);
	kept_expect_none(k, "x");
	kept_expect_none(k, "y");
}

static void test_check_free(void **state)
{
	struct kept *k = *state;
	char why[DISK_WHY_SIZE] = "";

	assert_err(disk_check_free(k->path, why), EBUSY);
	assert_non_null(strstr(why, "another spillwayd"));
	disk_close(k->disk);
	assert_ok(disk_check_free(k->path, why));
	assert_err(disk_check_free("/nowhere", why), ENOENT);
	assert_ok(disk_open(k->path, false, &k->disk, why));
}

static void *publish_many(void *arg)
{
	struct kept *k = arg;
	char etag[23], id[24];
	static _Atomic int serial;
	int me = atomic_fetch_add(&serial, 1);

	for (int i = 0; i < 20; i++) {
		snprintf(etag, sizeof(etag), "%011d%011d", me, i);
		snprintf(id, sizeof(id), "f%d-%d", me, i);
		publish(k, id, etag);
	}
	return NULL;
}

static void test_together(void **state)
{
	struct kept *k = *state;
	pthread_t threads[8];

	kept_restart(k, true);
	for (int i = 0; i < 8; i++)
		require(pthread_create(
			    &threads[i], NULL, publish_many, k) == 0);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(kept_count(k, "files"), 160);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    KEPT_TEST(test_names),
	    KEPT_TEST(test_paths),
	    KEPT_TEST(test_meta),
	    KEPT_TEST(test_reboot),
	    KEPT_TEST(test_killed),
	    KEPT_TEST(test_rewritten),
	    KEPT_TEST(test_never_trusted_later),
	    KEPT_TEST(test_synced),
	    KEPT_TEST(test_no_note),
	    KEPT_TEST(test_no_note_after_reboot),
	    KEPT_TEST(test_opening),
	    KEPT_TEST(test_passing),
	    KEPT_TEST(test_directories),
	    KEPT_TEST(test_links),
	    KEPT_TEST(test_check_free),
	    KEPT_TEST(test_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
