/* SPDX-License-Identifier: MIT */
#include "unit/lib/model.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <spillway/join.h>

#include "tempdir.h"

void (*model_spare)(bool begin);

void make_temp_dir(char *ret, size_t size)
{
	assert_true(temp_dir(ret, size));
}

void world_init(struct world *w, const struct world_opts *opts)
{
	*w = (struct world){ 0 };
	make_temp_dir(w->path, sizeof(w->path));
	if (opts->budget)
		assert_ok(spw_budget_new(opts->budget, &w->budget));
	if (opts->threads)
		assert_ok(spw_pool_new(opts->threads, &w->pool));
	if (opts->no_dir)
		return;

	const struct spw_dir_opts dir = {
		.size = sizeof(dir),
		.path = w->path,
		.quota_bytes = opts->quota,
		.keep_free_bytes = opts->keep_free,
	};
	assert_ok(spw_dir_open(&dir, &w->dir));
}

void world_settle(struct world *w)
{
	while (w->pool && spw_pool_pending(w->pool))
		sched_yield();
}

void world_fini(struct world *w)
{
	/* Files are closed by the pool. */
	spw_pool_free(w->pool);
	if (w->budget) {
		struct spw_budget_stats stats = budget_stats(w);

		assert_int_equal(stats.charged, 0);
		assert_int_equal(stats.spools, 0);
	}
	if (w->dir) {
		struct spw_dir_stats stats = dir_stats(w);

		assert_int_equal(stats.charged, 0);
		assert_int_equal(stats.files, 0);
	}
	spw_budget_unref(w->budget);
	spw_dir_unref(w->dir);
	/* Fails if anything is in it. */
	assert_int_equal(rmdir(w->path), 0);
}

struct spw_spool_info spool_info(struct spw_spool *s)
{
	struct spw_spool_info info;

	spw_spool_info(s, &info);
	return info;
}

struct spw_budget_stats budget_stats(const struct world *w)
{
	struct spw_budget_stats stats;

	spw_budget_stats(w->budget, &stats);
	return stats;
}

struct spw_dir_stats dir_stats(const struct world *w)
{
	struct spw_dir_stats stats;

	spw_dir_stats(w->dir, &stats);
	return stats;
}

uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x;
}

static void fill_random(uint8_t *p, size_t len, uint64_t *state)
{
	while (len) {
		uint64_t x = next_random(state);
		size_t n = len < sizeof(x) ? len : sizeof(x);

		memcpy(p, &x, n);
		p += n;
		len -= n;
	}
}

void model_init(struct model *m, size_t cap,
    const struct spw_spool_opts *opts)
{
	*m = (struct model){ .cap = cap, .random = 88172645463325252u };
	m->bytes = calloc(1, cap + 1);
	assert_non_null(m->bytes);
	if (opts && (opts->flags & SPW_SPOOL_SPARSE)) {
		m->there = calloc(cap + 1, sizeof(*m->there));
		assert_non_null(m->there);
		m->size = (size_t)opts->size_hint;
		assert_true(m->size <= cap);
	}
	assert_ok(spw_spool_new(opts, &m->spool));
}

void model_fini(struct model *m)
{
	spw_spool_unref(m->spool);
	free(m->bytes);
	free(m->there);
	*m = (struct model){ 0 };
}

/* How many bytes from `off` on are there, by the array. */
static size_t model_run(const struct model *m, size_t off)
{
	size_t end = off;

	if (!m->there)
		return off < m->size ? m->size - off : 0;
	while (end < m->size && m->there[end])
		end++;
	return end - off;
}

static size_t model_present(const struct model *m)
{
	size_t n = 0;

	if (!m->there)
		return m->size;
	for (size_t i = 0; i < m->size; i++)
		n += m->there[i];
	return n;
}

/* What a read at `off` answers where nothing is. */
static ssize_t answer_for_nothing(const struct model *m, size_t off)
{
	if (m->error)
		return m->error;

	return m->there && off < m->size ? -EAGAIN : 0;
}

static void check_read(struct model *m, size_t off, size_t len)
{
	size_t run = model_run(m, off), want = len < run ? len : run;
	/* Exactly as long as asked for, so that tools see one byte more. */
	uint8_t *buf = malloc(len);
	assert_non_null(buf);

	ssize_t n = spw_spool_pread(m->spool, buf, len, off);
	if (want) {
		assert_int_equal(n, want);
		assert_memory_equal(buf, m->bytes + off, want);
	} else {
		assert_int_equal(n, answer_for_nothing(m, off));
	}
	assert_int_equal(spw_spool_present(m->spool, off), run);
	free(buf);
}

/* If there is a file, it has them at `file_off`. */
static void check_file(struct model *m, size_t off, size_t len, int fd,
    uint64_t file_off)
{
	if (fd < 0) {
		assert_err(fd, EAGAIN);
		return;
	}
	uint8_t *buf = malloc(len);
	assert_non_null(buf);
	assert_true(len <= model_run(m, off));
	assert_int_equal(pread(fd, buf, len, (off_t)file_off), len);
	assert_memory_equal(buf, m->bytes + off, len);
	free(buf);
}

/* A pin and the file must show the same bytes, where they can be had. */
static void check_zero_copy(struct model *m, size_t off, size_t len)
{
	size_t run = model_run(m, off);
	struct spw_pin pin;

	int r = spw_spool_pin(m->spool, off, len, &pin);
	if (r == 0) {
		assert_true(len <= run);
		assert_memory_equal(pin.data, m->bytes + off, len);
		spw_spool_unpin(&pin);
	} else {
		assert_err(r, EAGAIN);
	}

	uint64_t file_off = off;
	int fd = spw_spool_file(m->spool, off, len);
	check_file(m, off, len, fd, off);
	fd = spw_spool_file_at(m->spool, off, len, &file_off);
	check_file(m, off, len, fd, file_off);
}

static void check_figures(struct model *m)
{
	struct spw_spool_info info = spool_info(m->spool);
	size_t present = model_present(m);

	assert_int_equal(spw_spool_size(m->spool), m->size);
	assert_int_equal(spw_spool_committed(m->spool), model_run(m, 0));
	assert_int_equal(info.size, m->size);
	assert_int_equal(info.present, present);
	assert_int_equal(info.memory_bytes + info.disk_bytes, present);
	assert_int_equal(info.error, m->error);
	assert_int_equal(info.state, spw_spool_state(m->spool));
	enum spw_state state = m->sealed ? SPW_STATE_SEALED
	    : m->error ? SPW_STATE_FAILED : SPW_STATE_OPEN;
	assert_int_equal(info.state, state);
	if (info.disk_bytes)
		assert_int_not_equal(info.spilled, SPW_SPILL_NONE);
}

static void check_all(struct model *m)
{
	check_figures(m);
	if (m->size)
		check_read(m, 0, m->size);
	check_read(m, m->size, 1);
	check_read(m, m->size + 1000, 7);
	for (int i = 0; i < 4; i++) {
		size_t off = next_random(&m->random) % (m->size + 1);
		size_t len = next_random(&m->random) % (m->size + 1) + 1;

		check_read(m, off, len);
		check_zero_copy(m, off, len % 5000 + 1);
	}
}

void model_check(struct model *m)
{
	if (model_spare)
		model_spare(true);
	check_all(m);
	if (model_spare)
		model_spare(false);
}

static int append_with(struct model *m, size_t len,
    int (*append)(struct spw_spool *, const void *, size_t))
{
	/* From the heap, so that tools see what is read past it. */
	uint8_t *buf = malloc(len + !len);

	assert_non_null(buf);
	fill_random(buf, len, &m->random);
	int r = append(m->spool, buf, len);
	if (r == 0) {
		assert_true(len <= m->cap - m->size);
		memcpy(m->bytes + m->size, buf, len);
		m->size += len;
	}
	free(buf);
	model_check(m);
	return r;
}

int model_append(struct model *m, size_t len)
{
	return append_with(m, len, spw_spool_append);
}

int model_try_append(struct model *m, size_t len)
{
	return append_with(m, len, spw_spool_try_append);
}

/* The array's side of a write. */
static void apply_pwrite(struct model *m, const uint8_t *buf, size_t len,
    size_t off)
{
	if (!len)
		return;

	assert_true(off + len <= m->cap);
	memcpy(m->bytes + off, buf, len);
	if (m->there)
		memset(m->there + off, 1, len);
	else if (off + len > m->size)
		m->size = off + len;
}

int model_pwrite(struct model *m, size_t len, uint64_t off)
{
	uint8_t *buf = malloc(len + !len);

	assert_non_null(buf);
	fill_random(buf, len, &m->random);
	int r = spw_spool_pwrite(m->spool, buf, len, off);
	if (r == 0)
		apply_pwrite(m, buf, len, (size_t)off);
	free(buf);
	model_check(m);
	return r;
}

int model_truncate(struct model *m, uint64_t size)
{
	int r = spw_spool_truncate(m->spool, size);

	if (r == 0) {
		assert_true(size <= m->cap);
		/* Past the end the array is always zero. */
		if (size < m->size)
			memset(m->bytes + size, 0, m->size - (size_t)size);
		m->size = (size_t)size;
	}
	model_check(m);
	return r;
}

int model_rollover(struct model *m)
{
	int r = spw_spool_rollover(m->spool);

	if (r == 0)
		assert_int_equal(spool_info(m->spool).memory_bytes, 0);
	model_check(m);
	return r;
}

int model_seal(struct model *m)
{
	int r = spw_spool_seal(m->spool);

	if (r == 0)
		m->sealed = true;
	model_check(m);
	return r;
}

void model_fail(struct model *m, int error)
{
	spw_spool_fail(m->spool, error);
	if (!m->sealed && !m->error)
		m->error = error;
	model_check(m);
}
