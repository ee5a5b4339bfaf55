/* SPDX-License-Identifier: MIT */
/*
 * What docs/from-python.md shows for anyio: its files and directories. In C
 * nothing awaits: an operation is submitted, and the loop hears when it is
 * done. aio_epoll.c and aio_loop.c do so under loops; here one step simply
 * waits for the one before.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <spillway/aio.h>
#include <spillway/cursor.h>
#include <spillway/tempfile.h>

/* result = await ...: what a loop does between two steps */
static ssize_t await(struct spw_aio *q, struct spw_aio_op *op)
{
	int r = spw_aio_submit(q, op);

	if (r < 0)
		return r;

	/* 1: in memory, so it was done at once. */
	while (r == 0) {
		struct pollfd p = { .fd = spw_aio_fd(q), .events = POLLIN };

		poll(&p, 1, spw_aio_timeout_ms(q));
		r = spw_aio_reap(q) == op;
	}
	return op->result;
}

/* await f.write(b'hello'); await f.rollover(); await f.read() */
static int write_and_read(struct spw_aio *q, struct spw_spool *s)
{
	struct spw_aio_op op = { .user_data = NULL };
	char buf[10];

	spw_aio_prep_append(&op, s, "hello", 5);
	ssize_t n = await(q, &op);
	if (n < 0)
		return (int)n;

	spw_aio_prep_rollover(&op, s);
	n = await(q, &op);
	if (n < 0)
		return (int)n;

	spw_aio_prep_pread(&op, s, buf, sizeof(buf), 0);
	n = await(q, &op);
	if (n < 0)
		return (int)n;

	return n == 5 && memcmp(buf, "hello", 5) == 0 ? 0 : -EPROTO;
}

struct line {
	struct spw_cursor f;
	char *text;
	size_t cap;
};

static ssize_t next_line(void *arg)
{
	struct line *l = arg;

	return spw_cursor_getline(&l->f, &l->text, &l->cap, 1 << 20);
}

/* async for line in f: any blocking call will do */
static int lines(struct spw_aio *q, struct spw_spool *s)
{
	struct spw_aio_op op = { .user_data = NULL };
	struct line l = { .text = NULL };
	ssize_t n;

	int r = spw_cursor_open(&l.f, s, SPW_CURSOR_RDONLY);
	if (r < 0)
		return r;

	do {
		spw_aio_prep_call(&op, next_line, &l);
		/* After what was written before, beside other reads. */
		spw_aio_set_order(&op, s, true);
		n = await(q, &op);
	} while (n > 0);
	spw_free(l.text);
	spw_cursor_close(&l.f);
	return (int)n;
}

/* with move_on_after(...): await event: cancelled, or it was too late */
static int cancel(struct spw_aio *q, struct spw_spool *s)
{
	struct spw_aio_op op = { .user_data = NULL };
	struct spw_aio_op *done;

	spw_aio_prep_wait(&op, s, 1000, SPW_NO_DEADLINE);
	int r = spw_aio_submit(q, &op);
	if (r != 0)
		return r < 0 ? r : -EPROTO;

	r = spw_aio_cancel(q, &op);
	if (r < 0)
		return r;

	/* It is handed back nevertheless, once. */
	r = spw_aio_reap_wait(q, SPW_NO_DEADLINE, &done);
	if (r < 0)
		return r;

	return done == &op && op.result == -ECANCELED ? 0 : -EPROTO;
}

static ssize_t make_directory(void *arg)
{
	return spw_tempdir_open(NULL, arg);
}

static ssize_t remove_directory(void *arg)
{
	return spw_tempdir_cleanup(arg);
}

/* async with TemporaryDirectory() as path: */
static int directory(struct spw_aio *q)
{
	SPW_AUTO(spw_tempdir_freep) struct spw_tempdir *d = NULL;
	struct spw_aio_op op = { .user_data = NULL };

	spw_aio_prep_call(&op, make_directory, &d);
	ssize_t r = await(q, &op);
	if (r < 0)
		return (int)r;

	printf("%s\n", spw_tempdir_path(d));
	spw_aio_prep_call(&op, remove_directory, d);
	return (int)await(q, &op);
}

static int run(struct spw_pool *pool, struct spw_spool *s)
{
	const struct spw_aio_opts opts = { .size = sizeof(opts),
		.pool = pool };
	SPW_AUTO(spw_aio_closep) struct spw_aio *q = NULL;

	int r = spw_aio_open(&opts, &q);
	if (r == 0)
		r = write_and_read(q, s);
	if (r == 0)
		r = lines(q, s);
	if (r == 0)
		r = cancel(q, s);
	if (r == 0)
		r = directory(q);
	return r;
}

int main(void)
{
	const struct spw_dir_opts where = { .size = sizeof(where),
		.path = "/var/tmp" };
	SPW_AUTO(spw_pool_freep) struct spw_pool *pool = NULL;
	SPW_AUTO(spw_dir_unrefp) struct spw_dir *dir = NULL;
	SPW_AUTO(spw_spool_unrefp) struct spw_spool *s = NULL;

	int r = spw_pool_new(2, &pool);
	if (r == 0)
		r = spw_dir_open(&where, &dir);
	const struct spw_spool_opts opts = { .size = sizeof(opts),
		.dir = dir, .memory_max = 1000 };
	if (r == 0)
		r = spw_spool_new(&opts, &s);
	if (r == 0)
		r = run(pool, s);
	if (r < 0)
		fprintf(stderr, "from_python_anyio: %s\n", strerror(-r));
	return r < 0 ? 1 : 0;
}
