/* SPDX-License-Identifier: MIT */
/*
 * The operations: how each is run on a thread, and which can be done at once
 * because nothing of it would wait for a disk.
 *
 * Whether a spool would stay in memory is a guess: another thread may send it
 * to disk between the look and the call. Then this one call is slower.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "aio.h"
#include "spool.h"
#include "sys.h"

/* A new block of `bytes` would not send another spool to disk. */
static bool has_room(struct spw_spool *s, uint64_t bytes)
{
	if (!s->opts.budget || !s->opts.dir)
		return true;

	return bytes <= SIZE_MAX &&
	    !spw__budget_short(s->opts.budget, (size_t)bytes);
}

/*
 * Is it in memory, and would it be with `size` bytes, at once? Or is that
 * many refused anyway?
 */
static bool stays(struct spw_spool *s, uint64_t size)
{
	uint64_t hint = s->opts.size_hint;
	uint64_t wanted = size < hint && hint <= s->opts.memory_max
	    ? hint
	    : size;

	pthread_mutex_lock(&s->lock);
	bool refused = spw__spool_check(s, 0, size) < 0;
	bool yes = !s->spilled && !s->busy && spw__spool_fits_memory(s, size);
	bool held = yes && (s->tail ? size <= s->tail->cap : !size);
	pthread_mutex_unlock(&s->lock);
	return refused || held ||
	    (yes && has_room(s, spw__block_cap(wanted)));
}

static uint64_t end_of(uint64_t off, size_t len)
{
	return len > UINT64_MAX - off ? UINT64_MAX : off + len;
}

static ssize_t run_append(struct spw_aio_op *op)
{
	return spw_spool_append(op->spool, op->buf.in, op->len);
}

static ssize_t try_append(struct spw_aio_op *op)
{
	struct spw_spool *s = op->spool;

	/* With a pool it never waits for the disk. */
	if (!s->opts.pool &&
	    !stays(s, end_of(spw_spool_committed(s), op->len)))
		return -EAGAIN;

	return spw_spool_try_append(s, op->buf.in, op->len);
}

static ssize_t run_pwrite(struct spw_aio_op *op)
{
	return spw_spool_pwrite(op->spool, op->buf.in, op->len, op->off);
}

static ssize_t try_pwrite(struct spw_aio_op *op)
{
	uint64_t size = spw_spool_size(op->spool);
	uint64_t end = end_of(op->off, op->len);

	if (size < end)
		size = end;
	return stays(op->spool, size) ? run_pwrite(op) : -EAGAIN;
}

static ssize_t run_pread(struct spw_aio_op *op)
{
	return spw_spool_pread(op->spool, op->buf.out, op->len, op->off);
}

/* The first `n` bytes are in the file: are they in the system's cache, too? */
static bool read_cached(struct spw_aio_op *op, size_t n)
{
	uint32_t discards = atomic_load(&op->spool->discards);
	ssize_t got =
	    spw_spool_try_pread(op->spool, op->buf.out, n, op->off);

	/* What is discarded meanwhile may be read as zeros. */
	return got == (ssize_t)n &&
	    atomic_load(&op->spool->discards) == discards;
}

static ssize_t try_pread(struct spw_aio_op *op)
{
	uint64_t disk = atomic_load(&op->spool->on_disk);
	size_t n = op->len > SSIZE_MAX ? SSIZE_MAX : op->len;

	if (!n || op->off >= disk)
		return run_pread(op);
	if (n > disk - op->off)
		n = (size_t)(disk - op->off);
	if (!read_cached(op, n))
		return -EAGAIN;

	/* The rest is in memory. */
	ssize_t more = spw_spool_pread(op->spool, (char *)op->buf.out + n,
	    op->len - n, op->off + n);
	return (ssize_t)n + (more > 0 ? more : 0);
}

static ssize_t run_truncate(struct spw_aio_op *op)
{
	return spw_spool_truncate(op->spool, op->off);
}

static ssize_t try_truncate(struct spw_aio_op *op)
{
	return stays(op->spool, op->off) ? run_truncate(op) : -EAGAIN;
}

static ssize_t run_seal(struct spw_aio_op *op)
{
	return spw_spool_seal(op->spool);
}

static ssize_t try_seal(struct spw_aio_op *op)
{
	struct spw_spool *s = op->spool;

	if (!s->opts.pool && !stays(s, spw_spool_size(s)))
		return -EAGAIN;

	return spw_spool_try_seal(s);
}

static ssize_t run_rollover(struct spw_aio_op *op)
{
	return spw_spool_rollover(op->spool);
}

static ssize_t run_fd(struct spw_aio_op *op)
{
	return spw_spool_fd(op->spool);
}

static ssize_t try_wait(struct spw_aio_op *op)
{
	int r = spw__aio_look(op);

	if (r != -ETIMEDOUT)
		return r;
	if (op->deadline_ms == SPW_NO_DEADLINE)
		return -EAGAIN;

	return op->deadline_ms > spw__sys_now_ms() ? -EAGAIN : -ETIMEDOUT;
}

static ssize_t run_call(struct spw_aio_op *op)
{
	return op->fn(op->arg);
}

static ssize_t try_call(struct spw_aio_op *op)
{
	return op->try_fn(op->arg);
}

/* All but `user_data`. */
static void clear(struct spw_aio_op *op)
{
	const size_t own = offsetof(struct spw_aio_op, result);

	memset((char *)op + own, 0, sizeof(*op) - own);
}

static void prepare(struct spw_aio_op *op, struct spw_spool *s,
    ssize_t (*run)(struct spw_aio_op *op),
    ssize_t (*try_run)(struct spw_aio_op *op))
{
	clear(op);
	op->spool = s;
	op->order = s;
	op->run = run;
	op->try_run = try_run;
}

void spw_aio_prep_append(struct spw_aio_op *op, struct spw_spool *s,
    const void *buf, size_t len)
{
	prepare(op, s, run_append, try_append);
	op->buf.in = buf;
	op->len = len;
}

void spw_aio_prep_pwrite(struct spw_aio_op *op, struct spw_spool *s,
    const void *buf, size_t len, uint64_t off)
{
	prepare(op, s, run_pwrite, try_pwrite);
	op->buf.in = buf;
	op->len = len;
	op->off = off;
}

void spw_aio_prep_pread(struct spw_aio_op *op, struct spw_spool *s, void *buf,
    size_t len, uint64_t off)
{
	prepare(op, s, run_pread, try_pread);
	op->buf.out = buf;
	op->len = len;
	op->off = off;
	op->shared = true;
}

void spw_aio_prep_truncate(struct spw_aio_op *op, struct spw_spool *s,
    uint64_t size)
{
	prepare(op, s, run_truncate, try_truncate);
	op->off = size;
}

void spw_aio_prep_seal(struct spw_aio_op *op, struct spw_spool *s)
{
	prepare(op, s, run_seal, try_seal);
}

void spw_aio_prep_rollover(struct spw_aio_op *op, struct spw_spool *s)
{
	prepare(op, s, run_rollover, NULL);
}

void spw_aio_prep_fd(struct spw_aio_op *op, struct spw_spool *s)
{
	prepare(op, s, run_fd, NULL);
}

void spw_aio_prep_wait(struct spw_aio_op *op, struct spw_spool *s,
    uint64_t off, uint64_t deadline_ms)
{
	prepare(op, s, NULL, try_wait);
	op->order = NULL;
	op->off = off;
	op->deadline_ms = deadline_ms;
}

void spw_aio_prep_call(struct spw_aio_op *op, spw_aio_fn fn, void *arg)
{
	prepare(op, NULL, run_call, NULL);
	op->fn = fn;
	op->arg = arg;
}

void spw_aio_set_order(struct spw_aio_op *op, const void *key, bool shared)
{
	op->order = key;
	op->shared = shared;
}

void spw_aio_set_try(struct spw_aio_op *op, spw_aio_fn try_fn)
{
	op->try_fn = try_fn;
	op->try_run = try_call;
}
