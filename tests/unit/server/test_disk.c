/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#include "base/clock.h"
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
	assert_err(disk_unlink_any(k->disk, "x"), ENOENT);
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
	assert_int_equal(got.boot.n, 36);
	assert_true(got.kept_ms > clock_unix_ms() - 60000);
	/* What has no room is left out, if it can be. */
	m.url.n = sizeof(text);
	assert_ok(disk_set_meta(k->disk, fd, &m));
	m.name = (struct str){text, sizeof(text)};
	assert_err(disk_set_meta(k->disk, fd, &m), ENOSPC);
	close(fd);
}

/* Of another start of the machine only what is known to be on the disk. */
static void test_trust(void **state)
{
	struct kept *k = *state;
	struct filemeta m = {.kept_ms = clock_unix_ms() - 60000}, got;
	uint8_t buf[FILEMETA_MAX];

	assert_true(disk_trusts(k->disk, &m));
	m.boot = (struct str){"another start of this very machine!!", 36};
	assert_false(disk_trusts(k->disk, &m));
	publish(k, "x", ETAG_A);
	assert_ok(disk_checkpoint(k->disk));
	assert_true(disk_trusts(k->disk, &m));
	m.kept_ms = clock_unix_ms() + 60000;
	assert_false(disk_trusts(k->disk, &m));

	/* That is known after a restart, too; what was synced needs none. */
	kept_restart(k, true);
	m.kept_ms = clock_unix_ms() - 60000;
	assert_true(disk_trusts(k->disk, &m));
	publish(k, "y", ETAG_B);
	int fd = disk_find(k->disk, "y");
	assert_ok(disk_get_meta(fd, buf, &got));
	assert_int_equal(got.boot.n, 0);
	close(fd);
	fd = disk_find(k->disk, "x");
	assert_ok(disk_get_meta(fd, buf, &got));
	assert_true(disk_trusts(k->disk, &got));
	close(fd);
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
	rewrite_format(k, "spillway-store 2\nflushed 0\n");
	expect_refused(k, ENOTSUP, "version");
	rewrite_format(k, "notes of mine\n");
	expect_refused(k, ENOTSUP, "version");
	rewrite_format(k, "spillway-store 1\nflushed x\n");
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
	    KEPT_TEST(test_meta),
	    KEPT_TEST(test_trust),
	    KEPT_TEST(test_opening),
	    KEPT_TEST(test_passing),
	    KEPT_TEST(test_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
