/* SPDX-License-Identifier: MIT */
/*
 * Read the first kilobyte of something that comes bit by bit and cannot go
 * back, then one far ahead, then the first one again.
 *
 *   kilobytes < FILE                  or: ... | kilobytes
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <spillway/spool.h>
#include <spillway/stream.h>

#define KILOBYTE 1024
#define FAR (1024 * 1024)

static ssize_t from_stdin(void *user_data, void *buf, size_t len)
{
	ssize_t n = read(STDIN_FILENO, buf, len);

	(void)user_data;
	return n < 0 ? -errno : n;
}

static ssize_t read_at(struct spw_stream *st, void *buf, uint64_t off)
{
	ssize_t n = spw_stream_pread(
	    st, buf, KILOBYTE, off, SPW_NO_DEADLINE, NULL);

	if (n < 0)
		fprintf(stderr, "kilobytes: %s\n", strerror((int)-n));
	else
		printf("%zd bytes at %llu; %llu came so far\n", n,
		    (unsigned long long)off,
		    (unsigned long long)spw_stream_cached(st, 0));
	return n;
}

static int run(struct spw_stream *st)
{
	char first[KILOBYTE], far[KILOBYTE], again[KILOBYTE];
	ssize_t n = read_at(st, first, 0);

	if (n < 0 || read_at(st, far, FAR) < 0 || read_at(st, again, 0) != n)
		return 1;

	return memcmp(first, again, (size_t)n) ? 1 : 0;
}

int main(void)
{
	const struct spw_dir_opts where = { .size = sizeof(where),
		.path = "/var/tmp" };
	struct spw_stream_opts source = { .size = sizeof(source),
		.read = from_stdin };
	struct spw_dir *dir = NULL;
	struct spw_stream *st = NULL;

	int r = spw_dir_open(&where, &dir);
	if (r == 0) {
		const struct spw_spool_opts opts = { .size = sizeof(opts),
			.dir = dir, .memory_max = 256 * 1024 };

		r = spw_spool_new(&opts, &source.spool);
	}
	if (r == 0)
		r = spw_stream_new(&source, &st);
	if (r < 0)
		fprintf(stderr, "kilobytes: %s\n", strerror(-r));
	else
		r = run(st);
	spw_stream_unref(st);
	spw_spool_unref(source.spool);
	spw_dir_unref(dir);
	return r ? 1 : 0;
}
