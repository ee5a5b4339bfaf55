/* SPDX-License-Identifier: MIT */
/*
 * What tests of the asynchronous queue share: a world, a pool and a queue;
 * running one operation to its end; and a gate that keeps a thread, or all
 * that is in order behind a key, from going on.
 */
#ifndef TESTS_UNIT_LIB_RIG_H
#define TESTS_UNIT_LIB_RIG_H

#include <spillway/aio.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

struct rig_opts {
	struct world_opts world;
	unsigned threads, depth;
	bool share;		/* take the world's pool */
	void (*on_done)(struct spw_aio *q, void *user_data);
	void *user_data;
};

struct rig {
	struct world world;
	struct spw_pool *pool;	/* the queue's */
	bool share;
	struct spw_aio *q;
	unsigned hops;		/* operations that took a thread */
};

static inline void rig_init(struct rig *r, const struct rig_opts *o)
{
	*r = (struct rig){ .hops = 0 };
	world_init(&r->world, &o->world);
	r->share = o->share;
	r->pool = r->world.pool;
	if (!r->share)
		assert_ok(spw_pool_new(o->threads, &r->pool));
	const struct spw_aio_opts opts = { .size = sizeof(opts),
		.pool = r->pool, .depth = o->depth, .parallel = o->threads,
		.on_done = o->on_done, .user_data = o->user_data };
	assert_ok(spw_aio_open(&opts, &r->q));
}

/** Demands that everything was reaped. */
static inline void rig_fini(struct rig *r)
{
	assert_int_equal(spw_aio_pending(r->q), 0);
	spw_aio_close(r->q, SPW_AIO_FINISH, NULL);
	if (!r->share)
		spw_pool_free(r->pool);
	world_fini(&r->world);
}

static inline struct spw_spool *rig_make_spool(const struct spw_spool_opts *o)
{
	struct spw_spool *s;

	assert_ok(spw_spool_new(o, &s));
	return s;
}

#define rig_spool(r, ...) rig_make_spool(SPOOL_OPTS(&(r)->world, __VA_ARGS__))

static inline struct spw_aio_op *rig_reap(struct rig *r)
{
	struct spw_aio_op *op;

	assert_ok(spw_aio_reap_wait(r->q, SPW_NO_DEADLINE, &op));
	return op;
}

/** Run a prepared operation. Returns: its result. */
static inline ssize_t rig_run(struct rig *r, struct spw_aio_op *op)
{
	int done = spw_aio_submit(r->q, op);

	assert_ok(done);
	if (!done) {
		assert_ptr_equal(rig_reap(r), op);
		r->hops++;
	}
	return op->result;
}

#define RIG_RUN(r, call, ...)                                                  \
	do {                                                                   \
		struct spw_aio_op rig_op_;                                     \
		spw_aio_prep_##call(&rig_op_, __VA_ARGS__);                    \
		return rig_run(r, &rig_op_);                                   \
	} while (0)

static inline ssize_t rig_append(struct rig *r, struct spw_spool *s,
    const void *buf, size_t len)
{
	RIG_RUN(r, append, s, buf, len);
}

static inline ssize_t rig_pwrite(struct rig *r, struct spw_spool *s,
    const void *buf, size_t len, uint64_t off)
{
	RIG_RUN(r, pwrite, s, buf, len, off);
}

static inline ssize_t rig_pread(struct rig *r, struct spw_spool *s, void *buf,
    size_t len, uint64_t off)
{
	RIG_RUN(r, pread, s, buf, len, off);
}

static inline ssize_t rig_truncate(struct rig *r, struct spw_spool *s,
    uint64_t size)
{
	RIG_RUN(r, truncate, s, size);
}

static inline ssize_t rig_seal(struct rig *r, struct spw_spool *s)
{
	RIG_RUN(r, seal, s);
}

static inline ssize_t rig_rollover(struct rig *r, struct spw_spool *s)
{
	RIG_RUN(r, rollover, s);
}

static inline ssize_t rig_fd(struct rig *r, struct spw_spool *s)
{
	RIG_RUN(r, fd, s);
}

/* An operation that runs until the gate is opened. */
struct gate {
	struct spw_aio_op op;
	struct flag entered, open;
};

static inline ssize_t gate_pass(void *arg)
{
	struct gate *g = arg;

	flag_raise(&g->entered);
	flag_take(&g->open);
	return 0;
}

/** Close it for what is in order behind `key`; returns when it runs. */
static inline void gate_close_for(struct gate *g, struct rig *r,
    const void *key)
{
	flag_init(&g->entered);
	flag_init(&g->open);
	spw_aio_prep_call(&g->op, gate_pass, g);
	spw_aio_set_order(&g->op, key, false);
	assert_int_equal(spw_aio_submit(r->q, &g->op), 0);
	flag_take(&g->entered);
}

/** Close it for a thread. */
static inline void gate_close(struct gate *g, struct rig *r)
{
	gate_close_for(g, r, NULL);
}

/** Let it pass, without reaping it. */
static inline void gate_let(struct gate *g)
{
	flag_raise(&g->open);
}

static inline void gate_fini(struct gate *g)
{
	flag_fini(&g->entered);
	flag_fini(&g->open);
}

/** Open it and reap it. */
static inline void gate_open(struct gate *g, struct rig *r)
{
	gate_let(g);
	assert_ptr_equal(rig_reap(r), &g->op);
	gate_fini(g);
}

#endif
