/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <spillway/keep.h>

#include "base/digest.h"
#include "kept.h"
#include "store/fsck.h"

/* What it says of the directory while nobody has it. */
static char *look(struct kept *k, bool repair, struct fsck_result *ret)
{
	char *text = NULL;
	size_t len;

	kept_stop(k);
	FILE *out = open_memstream(&text, &len);
	assert_ok(fsck_run(k->path, repair, out, ret));
	fclose(out);
	kept_start(k, false, 16);
	return text;
}

static void keep_upload(struct kept *k, const char *name)
{
	const struct spw_keep_opts o = {.size = sizeof(o), .dir = k->dir};
	struct spw_keep *keep;
	struct spw_kept *u;

	assert_ok(spw_keep_open(&o, &keep));
	assert_ok(spw_kept_create(keep, name, NULL, NULL, &u));
	spw_kept_close(u);
	spw_keep_unref(keep);
}

static void cut(struct kept *k, const char *name, off_t size)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", k->path, name);
	assert_int_equal(truncate(path, size), 0);
}

static void flip(struct kept *k, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", k->path, name);
	int fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "\xee", 1, 50), 1);
	close(fd);
}

static void test_well(void **state)
{
	struct kept *k = *state;
	struct fsck_result r;

	file_unref(kept_file(k, "a", 100));
	file_unref(kept_file(k, "b", 0));
	keep_upload(k, "u");
	char *text = look(k, true, &r);
	assert_string_equal(text, "");
	assert_int_equal(r.files, 2);
	assert_int_equal(r.uploads, 1);
	assert_int_equal(r.bad, 0);
	free(text);
}

static void test_damage(void **state)
{
	struct kept *k = *state;
	struct digest_set set;
	struct fsck_result r;
	uint8_t bytes[100];
	char from[256], to[256];

	file_unref(kept_file(k, "short", 100));
	file_unref(kept_file(k, "well", 100));
	file_unref(kept_file(k, "moved", 100));
	struct file *f = kept_file(k, "other", 100);
	fill_content(bytes, sizeof(bytes), 0);
	assert_ok(digest_once(
	    DIGEST_BIT(DIGEST_SHA256), bytes, sizeof(bytes), &set));
	assert_ok(file_add_digests(f, &set));
	file_unref(f);
	keep_upload(k, "u");
	kept_restart(k, false);
	cut(k, "files/short", 9);
	flip(k, "files/other");
	cut(k, "u.keep", 0);
	snprintf(from, sizeof(from), "%s/files/moved", k->path);
	snprintf(to, sizeof(to), "%s/files/elsewhere", k->path);
	assert_int_equal(rename(from, to), 0);
	snprintf(to, sizeof(to), "%s/files/notes", k->path);
	close(open(to, O_CREAT | O_WRONLY, 0600));

	char *text = look(k, false, &r);
	assert_non_null(strstr(text, "file short: not as long"));
	assert_non_null(strstr(text, "file other: its content"));
	assert_non_null(strstr(text, "file elsewhere: not under"));
	assert_non_null(strstr(text, "file notes: nothing says"));
	assert_non_null(strstr(text, "upload u: damaged"));
	assert_int_equal(r.files, 1);
	assert_int_equal(r.bad, 5);
	assert_int_equal(r.repaired, 0);
	free(text);

	text = look(k, true, &r);
	assert_non_null(strstr(text, "upload u: damaged; deleted"));
	assert_int_equal(r.repaired, 5);
	free(text);
	text = look(k, false, &r);
	assert_string_equal(text, "");
	assert_int_equal(r.files, 1);
	free(text);
}

/* What a daemon could neither read nor move, and can be read again. */
static void test_marks(void **state)
{
	struct kept *k = *state;
	struct fsck_result r;
	char path[256];

	file_unref(kept_file(k, "here", 100));
	file_unref(kept_file(k, "well", 100));
	assert_ok(disk_checkpoint(k->disk));
	kept_reboot(k, 'a');
	kept_path(k, "damaged", path);
	assert_int_equal(mkdir(path, 0700), 0);
	for (int i = 0; i < 2; i++) {
		kept_path(k, i ? "damaged/here" : "damaged/gone", path);
		close(open(path, O_CREAT | O_WRONLY, 0600));
	}
	char *text = look(k, true, &r);
	assert_non_null(strstr(text, "file here: perhaps not whole"));
	assert_int_equal(r.files, 1);
	assert_int_equal(r.bad, 3);
	assert_int_equal(r.repaired, 3);
	free(text);
	assert_int_equal(kept_count(k, "damaged"), 0);
	text = look(k, false, &r);
	assert_string_equal(text, "");
	assert_int_equal(r.files, 1);
	free(text);

	/* One of this start was not lost meanwhile. */
	file_unref(kept_file(k, "now", 100));
	kept_path(k, "damaged/now", path);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	text = look(k, false, &r);
	assert_null(strstr(text, "file now"));
	assert_int_equal(r.files, 2);
	free(text);
}

static mode_t mode_of(struct kept *k, const char *name)
{
	struct stat st;
	char path[256];

	kept_path(k, name, path);
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

/* Also for root, who may read all: the daemon may not. */
static void test_modes(void **state)
{
	struct kept *k = *state;
	struct fsck_result r;
	char path[256];

	file_unref(kept_file(k, "well", 100));
	file_unref(kept_file(k, "denied", 100));
	file_unref(kept_file(k, "short", 100));
	kept_restart(k, false);
	cut(k, "files/short", 9);
	kept_path(k, "files/denied", path);
	assert_int_equal(chmod(path, 0), 0);
	kept_path(k, "files/short", path);
	assert_int_equal(chmod(path, 0400), 0);

	char *text = look(k, false, &r);
	assert_non_null(strstr(text, "file denied: its mode forbids"));
	assert_non_null(strstr(text, "file short: its mode forbids"));
	assert_int_equal(r.files, 1);
	assert_int_equal(r.bad, 2);
	assert_int_equal(mode_of(k, "files/denied"), 0);
	free(text);

	/* What it hid is seen then. */
	text = look(k, true, &r);
	assert_non_null(strstr(text, "write it; made readable\n"));
	assert_non_null(strstr(text, "file short: not as long as it was; del"));
	assert_int_equal(r.files, 2);
	assert_int_equal(r.bad, 3);
	assert_int_equal(r.repaired, 3);
	assert_int_equal(mode_of(k, "files/denied"), 0600);
	free(text);
	kept_expect(k, "denied", 100);
}

static off_t size_of(struct kept *k, const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", k->path, name);
	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

/* Only what cannot be well goes; and nothing for being looked at. */
static void test_repair_takes_no_more(void **state)
{
	static const char newer[] = "SPWF\2, which nobody knows so far";
	struct kept *k = *state;
	uint8_t bytes[200000] = {0};
	struct fsck_result r;
	char path[256];

	const struct spw_keep_opts o = {.size = sizeof(o), .dir = k->dir};
	struct spw_keep *keep;
	struct spw_kept *u;
	assert_ok(spw_keep_open(&o, &keep));
	assert_ok(spw_kept_create(keep, "u", NULL, NULL, &u));
	assert_ok(spw_spool_append(spw_kept_spool(u), bytes, sizeof(bytes)));
	spw_kept_close(u);
	spw_keep_unref(keep);
	off_t size = size_of(k, "u.spool");
	assert_true(size > 0);
	file_unref(kept_file(k, "later", 100));
	snprintf(path, sizeof(path), "%s/files/later", k->path);
	assert_ok(setxattr(path, "user.spillway", newer, sizeof(newer), 0));

	char *text = look(k, true, &r);
	assert_string_equal(text, "file later: of another version\n");
	assert_int_equal(r.uploads, 1);
	assert_int_equal(r.bad, 1);
	assert_int_equal(r.repaired, 0);
	free(text);
	assert_int_equal(size_of(k, "u.spool"), size);
	assert_int_equal(size_of(k, "files/later"), 100);
}

/* Names that are no files: links are not followed, directories go wholly. */
static void test_no_files(void **state)
{
	static const char *const dirs[] = {"files/d", "files/d/.e",
	    "files/d/.e/f", "passing/d", "u.spool", "v.keep", "v.keep/d"};
	struct kept *k = *state;
	struct fsck_result r;
	char path[256], to[256];

	file_unref(kept_file(k, "well", 100));
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		kept_path(k, dirs[i], path);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	kept_path(k, "files/well", to);
	kept_path(k, "files/link", path);
	assert_int_equal(symlink(to, path), 0);
	kept_path(k, "files/d/.e/link", path);
	assert_int_equal(symlink(to, path), 0);
	kept_path(k, "files/pipe", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	kept_path(k, "w.keep", path);
	assert_int_equal(mkfifo(path, 0600), 0);

	char *text = look(k, false, &r);
	assert_non_null(strstr(text, "file d: no plain file\n"));
	assert_non_null(strstr(text, "file link: no plain file\n"));
	assert_non_null(strstr(text, "file pipe: no plain file\n"));
	assert_non_null(strstr(text, "passing d: no plain file\n"));
	assert_non_null(strstr(text, "upload u: "));
	assert_non_null(strstr(text, "upload v: no plain file\n"));
	assert_non_null(strstr(text, "upload w: "));
	assert_int_equal(r.bad, 7);
	free(text);

	text = look(k, true, &r);
	assert_int_equal(r.repaired, 7);
	free(text);
	text = look(k, false, &r);
	assert_string_equal(text, "");
	assert_int_equal(r.files, 1);
	free(text);
	kept_expect(k, "well", 100);
}

/* Something else has the name of the folder: it marks nothing, and is told. */
static void test_no_folder(void **state)
{
	struct kept *k = *state;
	struct fsck_result r;
	char path[256];

	file_unref(kept_file(k, "well", 100));
	assert_ok(disk_checkpoint(k->disk));
	kept_reboot(k, 'a');
	kept_path(k, "damaged", path);
	for (int link = 0; link < 2; link++) {
		if (link)
			assert_int_equal(symlink("files", path), 0);
		else
			kept_touch(k, "damaged");
		char *text = look(k, false, &r);
		assert_string_equal(text, "folder damaged: no folder\n");
		assert_int_equal(r.files, 1);
		assert_int_equal(r.repaired, 0);
		free(text);
		text = look(k, true, &r);
		assert_non_null(strstr(text, "no folder; deleted\n"));
		free(text);
		text = look(k, false, &r);
		assert_string_equal(text, "");
		assert_int_equal(r.files, 1);
		free(text);
	}
}

/* What never was such a directory is nobody's to look through. */
static void test_not_ours(void **state)
{
	static const char *const names[] = {
	    "passing/mine", "files/mine", "mine.spool"};
	struct kept *k = *state;
	struct fsck_result r;
	char path[256], *text = NULL;
	size_t len;

	kept_stop(k);
	for (size_t i = 0; i < 3; i++)
		kept_touch(k, names[i]);
	kept_path(k, "meta", path);
	for (int repair = 0; repair < 2; repair++) {
		assert_int_equal(unlink(path), 0);
		FILE *out = open_memstream(&text, &len);
		assert_err(fsck_run(k->path, repair, out, &r), ENOENT);
		fclose(out);
		assert_non_null(strstr(text, "there is no meta"));
		free(text);
		assert_int_equal(access(path, F_OK), -1);
		/* Nor one that is empty. */
		kept_touch(k, "meta");
		out = open_memstream(&text, &len);
		assert_err(fsck_run(k->path, repair, out, &r), ENOENT);
		fclose(out);
		free(text);
		assert_int_equal(kept_count(k, "passing"), 1);
		assert_int_equal(kept_count(k, "files"), 1);
		kept_path(k, "meta", path);
	}
	kept_path(k, "mine.spool", path);
	assert_int_equal(unlink(path), 0);
	kept_start(k, false, 16);
}

/* Somebody has taken it away. */
static int rmdir_files(struct kept *k)
{
	char path[256];

	kept_path(k, "files/a", path);
	assert_int_equal(unlink(path), 0);
	kept_path(k, "files", path);
	return rmdir(path);
}

/* Whatever there is, it is the same to the last name and date. */
static void test_reads_only(void **state)
{
	struct kept *k = *state;
	struct fsck_result r;
	struct stat before, after;
	char path[256];

	file_unref(kept_file(k, "a", 100));
	keep_upload(k, "u");
	kept_touch(k, "passing/left");
	kept_stop(k);
	assert_int_equal(rmdir_files(k), 0);
	assert_int_equal(stat(k->path, &before), 0);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	assert_ok(fsck_run(k->path, false, out, &r));
	fclose(out);
	free(text);
	assert_int_equal(stat(k->path, &after), 0);
	assert_memory_equal(
	    &before.st_ctim, &after.st_ctim, sizeof(after.st_ctim));
	assert_int_equal(kept_count(k, "passing"), 1);
	assert_int_equal(r.uploads, 1);
	kept_path(k, "files", path);
	assert_int_equal(access(path, F_OK), -1);
	kept_start(k, false, 16);
}

static void test_in_use(void **state)
{
	struct kept *k = *state;
	struct fsck_result r;
	char *text = NULL;
	size_t len;

	FILE *out = open_memstream(&text, &len);
	assert_err(fsck_run(k->path, true, out, &r), EBUSY);
	fclose(out);
	assert_non_null(strstr(text, "another spillwayd"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    KEPT_TEST(test_well),
	    KEPT_TEST(test_damage),
	    KEPT_TEST(test_marks),
	    KEPT_TEST(test_modes),
	    KEPT_TEST(test_repair_takes_no_more),
	    KEPT_TEST(test_no_files),
	    KEPT_TEST(test_no_folder),
	    KEPT_TEST(test_not_ours),
	    KEPT_TEST(test_reads_only),
	    KEPT_TEST(test_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
