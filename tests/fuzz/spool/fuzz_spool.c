/* SPDX-License-Identifier: MIT */
/*
 * A byte string drives a spool through appends, overwrites, cuts, spills,
 * evictions, pins and reads, in memory, on disk, sparse, with and without a
 * pool, and compares it with an array after every step.
 *
 * The first four bytes choose the kind of spool, every five after them are a
 * step: what, how much (two bytes) and where (two bytes).
 */
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <spillway/join.h>
#include <spillway/spool.h>

#include "fuzz/fuzz.h"
#include "fuzz/spool/scaled.h"
#include "unit/lib/toy.h"

#define CAP (384u * 1024)
#define PINS 4u
#define QUOTA (150u * 1024)
#define STEP_BYTES 5u
#define SOURCE_ERROR (-ECONNRESET)

/* What all runs share: making it takes longer than a run. */
static struct {
	struct spw_budget *budgets[2];
	struct spw_dir *plain, *quota;
	struct spw_pool *pool;
} world;

struct held_pin {
	struct spw_pin pin;
	uint64_t hash;		/* of its bytes when it was taken */
};

struct run {
	struct spw_spool *spool, *other;
	struct spw_spool_opts opts;
	uint8_t *bytes;
	bool *there;		/* which bytes are there; sparse only */
	size_t size;
	bool quota, sealed, failed;
	struct held_pin pins[PINS];
	unsigned steps;
};

/* One step's arguments. */
struct step {
	uint8_t what;
	size_t len;
	uint64_t off;
};

static void setup(void)
{
	const char *base = getenv("TMPDIR");
	struct spw_dir_opts opts = { .size = sizeof(opts),
		.path = base ? base : "/var/tmp" };

	/* No directory of its own: the files have no names. */
	FUZZ_CHECK(spw_dir_open(&opts, &world.plain) == 0);
	opts.quota_bytes = QUOTA;
	FUZZ_CHECK(spw_dir_open(&opts, &world.quota) == 0);
	FUZZ_CHECK(spw_budget_new(64 * 1024, &world.budgets[0]) == 0);
	FUZZ_CHECK(spw_budget_new(1024 * 1024, &world.budgets[1]) == 0);
	FUZZ_CHECK(spw_pool_new(1, &world.pool) == 0);
}

static void settle(void)
{
	while (spw_pool_pending(world.pool))
		sched_yield();
}

static bool sparse(const struct run *run)
{
	return run->opts.flags & SPW_SPOOL_SPARSE;
}

static void start(struct run *run, const uint8_t *kind)
{
	static const uint64_t limits[] = { 0, 1, 1000, 5000, 66000, 200000,
		SPW_UNLIMITED, SPW_UNLIMITED };
	static const uint64_t hints[] = { 0, 0, 0, 100, 3000, 70000, 200000,
		300000 };

	run->opts = (struct spw_spool_opts){
		.size = sizeof(run->opts),
		.memory_max = limits[kind[0] & 7],
		.size_hint = hints[kind[0] >> 3 & 7],
		.pool = kind[1] & 1 ? world.pool : NULL,
		.budget = kind[1] & 2 ? world.budgets[kind[1] >> 2 & 1] : NULL,
		.size_max = kind[2] & 3 ? 0 : 1000u * (1u + (kind[2] >> 2)),
	};
	run->quota = kind[1] >> 3 & 1;
	if (kind[1] >> 4 & 7)
		run->opts.dir = run->quota ? world.quota : world.plain;
	if (kind[3] & 1 && run->opts.size_hint)
		run->opts.flags |= SPW_SPOOL_SPARSE;
	if ((kind[3] >> 1 & 7) == 0 && run->opts.dir)
		run->opts.flags |= SPW_SPOOL_ON_DISK;
	if ((kind[3] >> 4 & 3) == 0)
		run->opts.cipher = &toy_cipher;
	run->bytes = calloc(1, CAP);
	run->there = calloc(CAP, sizeof(*run->there));
	FUZZ_CHECK(run->bytes && run->there);
	FUZZ_CHECK(spw_spool_new(&run->opts, &run->spool) == 0);
	if (sparse(run))
		run->size = run->opts.size_hint;
}

/* How many bytes are there from `off` on, by the array. */
static size_t present(const struct run *run, size_t off)
{
	size_t end = off;

	if (!sparse(run))
		return off < run->size ? run->size - off : 0;
	while (end < run->size && run->there[end])
		end++;
	return end - off;
}

static void check_read(struct run *run, size_t off, size_t len)
{
	static uint8_t buf[CAP];
	size_t there = present(run, off);
	ssize_t n = spw_spool_pread(run->spool, buf, len, off);

	FUZZ_CHECK(spw_spool_present(run->spool, off) == there);
	if (!len) {
		FUZZ_CHECK(n == 0);
	} else if (there) {
		FUZZ_CHECK(n == (ssize_t)(len < there ? len : there));
		FUZZ_CHECK(memcmp(buf, run->bytes + off, (size_t)n) == 0);
	} else if (run->failed) {
		FUZZ_CHECK(n == SOURCE_ERROR);
	} else {
		FUZZ_CHECK(n == (sparse(run) && off < run->size ? -EAGAIN : 0));
	}
}

static void check_figures(struct run *run)
{
	struct spw_spool_info info;

	spw_spool_info(run->spool, &info);
	FUZZ_CHECK(info.size == run->size);
	FUZZ_CHECK(spw_spool_size(run->spool) == run->size);
	FUZZ_CHECK(spw_spool_committed(run->spool) == present(run, 0));
	FUZZ_CHECK(info.memory_bytes + info.disk_bytes == info.present);
	FUZZ_CHECK(sparse(run) || info.present == run->size);
	FUZZ_CHECK((info.state == SPW_STATE_SEALED) == run->sealed);
	FUZZ_CHECK((info.state == SPW_STATE_FAILED) == run->failed);
	FUZZ_CHECK(!info.disk_bytes || info.spilled != SPW_SPILL_NONE);
}

/* What a change that ends at `end` must answer, or 1 if that depends. */
static int must(const struct run *run, uint64_t end)
{
	if (run->sealed)
		return -EPERM;
	if (run->failed)
		return SOURCE_ERROR;
	if (run->opts.size_max && end > run->opts.size_max)
		return -EFBIG;
	if (sparse(run) && end > run->size)
		return -EFBIG;

	return 1;
}

/* Is `r` what such a spool may answer? */
static bool may(const struct run *run, int r)
{
	bool bounded = run->opts.budget || run->opts.memory_max < CAP;

	return r == 0 || (r == -EDQUOT && run->quota && run->opts.dir) ||
	    (r == -ENOBUFS && !run->opts.dir && bounded);
}

static void check_answer(const struct run *run, uint64_t end, int r)
{
	int only = must(run, end);

	FUZZ_CHECK(only == 1 ? may(run, r) : r == only);
}

/* Bytes that differ from step to step. */
static const uint8_t *content(const struct run *run, size_t len)
{
	static uint8_t buf[CAP];
	uint64_t random = run->steps * UINT64_C(0x9e3779b97f4a7c15) + 1;

	for (size_t i = 0; i < len; i += sizeof(random)) {
		uint64_t x = fuzz_random(&random);

		memcpy(buf + i, &x, len - i < 8 ? len - i : 8);
	}
	return buf;
}

/* A call would block: let the pool work. That must not go on for ever. */
static bool again(const struct run *run, unsigned *tries)
{
	FUZZ_CHECK(run->opts.pool && ++*tries < 20);
	settle();
	return true;
}

static int try_append(struct run *run, const uint8_t *buf, size_t len)
{
	unsigned tries = 0;
	int r;

	do {
		r = spw_spool_try_append(run->spool, buf, len);
	} while (r == -EAGAIN && again(run, &tries));
	return r;
}

static void step_append(struct run *run, const struct step *st)
{
	bool block = st->what & 32;

	if (st->len > CAP - run->size)
		return;

	const uint8_t *buf = content(run, st->len);
	int r = block ? spw_spool_append(run->spool, buf, st->len)
		      : try_append(run, buf, st->len);
	if (sparse(run)) {
		FUZZ_CHECK(r == -EINVAL);
		return;
	}
	check_answer(run, run->size + st->len, r);
	if (r == 0) {
		memcpy(run->bytes + run->size, buf, st->len);
		run->size += st->len;
	}
}

static void step_pwrite(struct run *run, const struct step *st)
{
	uint64_t end = st->off + st->len;
	if (end > CAP && !sparse(run))
		return;

	const uint8_t *buf = content(run, st->len);
	int r = spw_spool_pwrite(run->spool, buf, st->len, st->off);
	check_answer(run, end, r);
	if (r < 0 || !st->len)
		return;

	memcpy(run->bytes + st->off, buf, st->len);
	memset(run->there + st->off, 1, st->len);
	if (end > run->size)
		run->size = (size_t)end;
}

static void step_truncate(struct run *run, const struct step *st)
{
	if (st->off > CAP)
		return;

	int r = spw_spool_truncate(run->spool, st->off);
	if (sparse(run)) {
		FUZZ_CHECK(r == -EINVAL);
		return;
	}
	check_answer(run, st->off, r);
	if (r < 0)
		return;

	if (st->off < run->size)
		memset(run->bytes + st->off, 0, run->size - st->off);
	run->size = (size_t)st->off;
}

static void step_rollover(struct run *run, const struct step *st)
{
	int r = spw_spool_rollover(run->spool);
	struct spw_spool_info info;

	(void)st;
	FUZZ_CHECK(run->opts.dir ? may(run, r) : r == -ENOBUFS);
	spw_spool_info(run->spool, &info);
	FUZZ_CHECK(r < 0 || info.memory_bytes == 0);
}

/* The file is the content, no longer and no shorter. */
static void step_fd(struct run *run, const struct step *step)
{
	static uint8_t buf[CAP];
	struct stat st;
	int fd = spw_spool_fd(run->spool);

	(void)step;
	if (run->opts.cipher)
		FUZZ_CHECK(fd == -EOPNOTSUPP);
	else
		FUZZ_CHECK(
		    run->opts.dir ? fd >= 0 || may(run, fd) : fd == -ENOBUFS);
	if (fd < 0)
		return;
	FUZZ_CHECK(fstat(fd, &st) == 0);
	if (!sparse(run)) {
		FUZZ_CHECK((size_t)st.st_size == run->size);
		FUZZ_CHECK(pread(fd, buf, CAP, 0) == (ssize_t)run->size);
		FUZZ_CHECK(memcmp(buf, run->bytes, run->size) == 0);
	}
	close(fd);
}

static void unpin(struct held_pin *held)
{
	if (!held->pin.block)
		return;

	FUZZ_CHECK(held->hash ==
	    fuzz_hash(FUZZ_HASH_START, held->pin.data, held->pin.len));
	spw_spool_unpin(&held->pin);
}

/* Pins outlive spills; but what they show may be overwritten in place. */
static void step_pin(struct run *run, const struct step *st)
{
	struct held_pin *held = &run->pins[run->steps % PINS];
	struct spw_pin pin;

	int r = spw_spool_pin(run->spool, st->off, st->len, &pin);
	if (r < 0) {
		FUZZ_CHECK(r == -EAGAIN);
		return;
	}
	FUZZ_CHECK(st->len <= present(run, (size_t)st->off));
	FUZZ_CHECK(memcmp(pin.data, run->bytes + st->off, st->len) == 0);
	if (!run->sealed) {
		spw_spool_unpin(&pin);
		return;
	}
	unpin(held);
	held->pin = pin;
	held->hash = fuzz_hash(FUZZ_HASH_START, pin.data, pin.len);
}

static void step_file(struct run *run, const struct step *st)
{
	static uint8_t buf[CAP];
	int fd = spw_spool_file(run->spool, st->off, st->len);

	if (fd < 0) {
		FUZZ_CHECK(fd == -EAGAIN);
		return;
	}
	FUZZ_CHECK(st->len <= present(run, (size_t)st->off));
	FUZZ_CHECK(
	    pread(fd, buf, st->len, (off_t)st->off) == (ssize_t)st->len);
	FUZZ_CHECK(memcmp(buf, run->bytes + st->off, st->len) == 0);
}

static int try_seal(struct run *run)
{
	bool holes = present(run, 0) != run->size;
	unsigned tries = 0;
	int r;

	do {
		r = spw_spool_try_seal(run->spool);
	} while (r == -EAGAIN && !holes && again(run, &tries));
	return r;
}

/* Seldom, as failing: it is the end of all change. */
static void step_end(struct run *run, const struct step *st)
{
	if (st->what < 100)
		return;
	if (st->what < 130) {
		spw_spool_fail(run->spool, SOURCE_ERROR);
		run->failed = run->failed || !run->sealed;
		return;
	}

	int r = st->len % 2 ? spw_spool_seal(run->spool) : try_seal(run);
	if (run->failed)
		FUZZ_CHECK(r == SOURCE_ERROR);
	else if (present(run, 0) != run->size)
		FUZZ_CHECK(r == -EAGAIN);
	else
		FUZZ_CHECK(may(run, r));
	run->sealed = run->sealed || r == 0;
}

/* Another spool takes memory, and may send this one to disk. */
static void step_press(struct run *run, const struct step *st)
{
	static const uint8_t zeros[CAP];
	struct spw_spool_opts opts = run->opts;

	opts.flags = 0;
	opts.size_hint = opts.size_max = 0;
	opts.memory_max = SPW_UNLIMITED;
	spw_spool_unref(run->other);
	FUZZ_CHECK(spw_spool_new(&opts, &run->other) == 0);
	int r = spw_spool_append(run->other, zeros, st->len);
	FUZZ_CHECK(r == 0 || may(run, r));
}

/* Some of it, as a part of another. */
static void step_join(struct run *run, const struct step *st)
{
	static uint8_t buf[CAP];
	bool there = st->off < CAP && st->len <= present(run, st->off);
	const struct spw_spool_opts opts = { .size = sizeof(opts),
		.memory_max = SPW_UNLIMITED, .cipher = run->opts.cipher };
	struct spw_spool *whole;

	FUZZ_CHECK(spw_spool_new(&opts, &whole) == 0);
	int r = spw_spool_join(whole, run->spool, st->off, st->len);
	FUZZ_CHECK(r == (there || !st->len ? 0 : -EAGAIN));
	ssize_t n = spw_spool_pread(whole, buf, CAP, 0);
	FUZZ_CHECK(n == (there ? (ssize_t)st->len : 0) &&
	    (!n || !memcmp(buf, run->bytes + st->off, (size_t)n)));
	spw_spool_unref(whole);
}

static void step_settle(struct run *run, const struct step *st)
{
	(void)run;
	(void)st;
	settle();
}

/* As often as it stands here. */
static void (*const steps[])(struct run *, const struct step *) = {
	step_append, step_append, step_append, step_append, step_append,
	step_append, step_pwrite, step_pwrite, step_pwrite, step_truncate,
	step_truncate, step_rollover, step_press, step_press, step_fd,
	step_pin, step_file, step_settle, step_join, step_end,
};

static void finish(struct run *run)
{
	struct spw_budget_stats stats;
	struct spw_dir_stats dir;

	check_read(run, 0, run->size);
	for (unsigned i = 0; i < PINS; i++)
		unpin(&run->pins[i]);
	spw_spool_unref(run->spool);
	spw_spool_unref(run->other);
	settle();
	for (int i = 0; i < 2; i++) {
		spw_budget_stats(world.budgets[i], &stats);
		FUZZ_CHECK(stats.charged == 0 && stats.spools == 0);
	}
	spw_dir_stats(run->quota ? world.quota : world.plain, &dir);
	FUZZ_CHECK(dir.charged == 0 && dir.files == 0);
	free(run->bytes);
	free(run->there);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = { .steps = 0 };

	if (!world.pool)
		setup();
	if (size < 4)
		return 0;

	start(&run, data);
	for (size_t at = 4; size - at >= STEP_BYTES; at += STEP_BYTES) {
		const struct step st = { data[at], scaled(data + at + 1),
			scaled(data + at + 3) };

		run.steps++;
		steps[st.what % (sizeof(steps) / sizeof(steps[0]))](&run, &st);
		check_figures(&run);
		check_read(&run, st.off < CAP ? (size_t)st.off : 0, 100);
		if (run.steps % 8 == 0)
			check_read(&run, 0, run.size);
	}
	finish(&run);
	return 0;
}
