/* SPDX-License-Identifier: MIT */
/*
 * What docs/from-python.md shows for SpooledTemporaryFile and SpooledBytesIO.
 * Each function checks itself; the document shows them word for word.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <spillway/census.h>
#include <spillway/copy.h>
#include <spillway/cursor.h>
#include <spillway/spool.h>
#include <spillway/tempfile.h>

/* with SpooledTemporaryFile(1000) as f: write, seek, read */
static int write_and_read(struct spw_dir *dir)
{
	const struct spw_spool_opts opts = { .size = sizeof(opts),
		.dir = dir, .memory_max = 1000 };
	SPW_AUTO(spw_spool_unrefp) struct spw_spool *s = NULL;
	SPW_AUTO(spw_cursor_close) struct spw_cursor f = { 0 };
	char buf[100];

	int r = spw_spool_new(&opts, &s);
	if (r < 0)
		return r;

	r = spw_cursor_open(&f, s, 0);
	if (r < 0)
		return r;

	r = spw_cursor_write(&f, "hello", 5);
	if (r < 0)
		return r;

	if (spw_cursor_seek(&f, 1, SPW_SEEK_SET) != 1)
		return -EPROTO;

	ssize_t n = spw_cursor_read(&f, buf, sizeof(buf));
	if (n < 0)
		return (int)n;

	return n == 4 && memcmp(buf, "ello", 4) == 0 ? 0 : -EPROTO;
}

/* for line in f: */
static int count_lines(struct spw_spool *s, unsigned *ret)
{
	SPW_AUTO(spw_cursor_close) struct spw_cursor f = { 0 };
	char *line = NULL;
	size_t cap = 0;
	unsigned count = 0;
	ssize_t n;

	int r = spw_cursor_open(&f, s, SPW_CURSOR_RDONLY);
	if (r < 0)
		return r;

	while ((n = spw_cursor_getline(&f, &line, &cap, 1 << 20)) > 0)
		count++;
	spw_free(line);
	*ret = count;
	return (int)n;
}

/* f.writelines([...]); print(f._rolled); f.rollover(); f.fileno() */
static int roll_over(struct spw_spool *s)
{
	char one[] = "one\n", two[] = "two\n";
	const struct iovec lines[] = { { one, 4 }, { two, 4 } };
	struct spw_spool_info info;
	char buf[8];

	/* Both lines or none. */
	int r = spw_spool_appendv(s, lines, 2);
	if (r < 0)
		return r;

	/* In memory or on disk, and on disk why? */
	spw_spool_info(s, &info);
	if (info.spilled != SPW_SPILL_NONE)
		return -EPROTO;

	/* A failed one loses nothing and may be tried again. */
	r = spw_spool_rollover(s);
	if (r < 0)
		return r;

	/* Ours to close, valid also after the spool. */
	int fd = spw_spool_fd(s);
	if (fd < 0)
		return fd;

	ssize_t n = pread(fd, buf, sizeof(buf), 0);
	close(fd);
	return n == 8 && memcmp(buf, "one\ntwo\n", 8) == 0 ? 0 : -EPROTO;
}

/* f.truncate(100): zeros, in memory as on disk; f.tell() stays */
static int truncate_both_ways(struct spw_cursor *f)
{
	char last;

	int r = spw_cursor_truncate_to(f, 100);
	if (r < 0)
		return r;

	if (spw_cursor_pread(f, &last, 1, 99) != 1 || last != 0)
		return -EPROTO;

	if (spw_cursor_seek(f, -98, SPW_SEEK_END) != 2)
		return -EPROTO;

	/* Before the beginning is an error and moves nothing. */
	if (spw_cursor_seek(f, -3, SPW_SEEK_CUR) != -EINVAL)
		return -EPROTO;

	r = spw_cursor_truncate(f);
	if (r < 0)
		return r;

	return spw_cursor_size(f) == 2 ? 0 : -EPROTO;
}

/* f.getvalue(), with a limit: what came may be larger than memory */
static int get_value(struct spw_spool *s)
{
	void *value;
	size_t len;

	int r = spw_spool_read_all(s, 1 << 20, &value, &len);
	if (r < 0)
		return r;

	printf("%zu bytes: %s\n", len, (char *)value);
	spw_free(value);
	return 0;
}

/* copy.deepcopy(f); f == g; shutil.copyfileobj(f, open(path, 'xb')) */
static int copy_and_save(struct spw_spool *s, const char *path)
{
	SPW_AUTO(spw_spool_unrefp) struct spw_spool *copy = NULL;
	bool same;

	int r = spw_spool_clone(s, NULL, &copy);
	if (r < 0)
		return r;

	r = spw_spool_equal(s, copy, &same);
	if (r < 0)
		return r;
	if (!same)
		return -EPROTO;

	/* The name appears with all of the content or not at all. */
	return spw_spool_save(s, AT_FDCWD, path, 0600, SPW_SAVE_EXCLUSIVE);
}

/* ResourceWarning: was something forgotten? */
static int find_leaks(void)
{
	SPW_AUTO(spw_census_unrefp) struct spw_census *census = NULL;
	struct spw_census_stats before, after;

	int r = spw_census_new(&census);
	if (r < 0)
		return r;

	const struct spw_spool_opts opts = { .size = sizeof(opts),
		.memory_max = SPW_UNLIMITED, .census = census };
	struct spw_spool *s;
	r = spw_spool_new(&opts, &s);
	if (r < 0)
		return r;

	spw_census_take(census, &before);
	spw_spool_unref(s);
	spw_census_take(census, &after);
	return before.live == 1 && after.live == 0 ? 0 : -EPROTO;
}

/* f.close(); f.read() -> ValueError: I/O operation on closed file */
static int use_after_close(struct spw_spool *s)
{
	struct spw_cursor f;
	char buf[10];

	int r = spw_cursor_open(&f, s, 0);
	if (r < 0)
		return r;

	spw_cursor_close(&f);
	spw_cursor_close(&f);
	return spw_cursor_read(&f, buf, sizeof(buf)) == -EBADF ? 0 : -EPROTO;
}

static int with_spool(struct spw_dir *dir, const char *path)
{
	const struct spw_spool_opts opts = { .size = sizeof(opts),
		.dir = dir, .memory_max = 1000 };
	SPW_AUTO(spw_spool_unrefp) struct spw_spool *s = NULL;
	SPW_AUTO(spw_cursor_close) struct spw_cursor f = { 0 };
	unsigned lines = 0;

	int r = spw_spool_new(&opts, &s);
	if (r == 0)
		r = roll_over(s);
	if (r == 0)
		r = count_lines(s, &lines);
	if (r == 0 && lines != 2)
		r = -EPROTO;
	if (r == 0)
		r = get_value(s);
	if (r == 0)
		r = copy_and_save(s, path);
	if (r == 0)
		r = use_after_close(s);
	if (r == 0)
		r = spw_cursor_open(&f, s, 0);
	if (r == 0)
		r = truncate_both_ways(&f);
	return r;
}

static int run(const char *folder)
{
	const struct spw_dir_opts where = { .size = sizeof(where),
		.path = folder };
	SPW_AUTO(spw_dir_unrefp) struct spw_dir *dir = NULL;
	char path[4096];

	int r = spw_dir_open(&where, &dir);
	if (r == 0)
		r = write_and_read(dir);
	if (r == 0)
		r = find_leaks();
	snprintf(path, sizeof(path), "%s/saved", folder);
	if (r == 0)
		r = with_spool(dir, path);
	return r;
}

int main(void)
{
	SPW_AUTO(spw_tempdir_freep) struct spw_tempdir *temp = NULL;

	int r = spw_tempdir_open(NULL, &temp);
	if (r == 0)
		r = run(spw_tempdir_path(temp));
	if (r < 0)
		fprintf(stderr, "from_python_spool: %s\n", strerror(-r));
	return r < 0 ? 1 : 0;
}
