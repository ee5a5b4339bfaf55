/* SPDX-License-Identifier: MIT */
/* The queue with many threads that submit and reap. */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>

#include "sys.h"
#include "unit/lib/rig.h"

/*
 * Many threads on a few spools, each with operations of its own; others reap.
 * Each operation comes back exactly once.
 */
enum { CROWD = 3, SPOOLS = 2, OPS = 32, ROUNDS = 300 };

struct crowd {
	struct rig r;
	struct spw_spool *spools[SPOOLS];
	_Atomic unsigned submitted, reaped, stop;
	_Atomic uint64_t written[SPOOLS];
};

struct member {
	struct spw_aio_op op;
	struct crowd *c;
	unsigned spool;
	size_t written;
	_Atomic bool busy;
	uint8_t buf[700];
};

static void prepare(struct member *m, uint64_t *random)
{
	struct spw_spool *s = m->c->spools[m->spool];

	m->written = 0;
	switch (next_random(random) % 4) {
	case 0:
		spw_aio_prep_pread(&m->op, s, m->buf, sizeof(m->buf),
		    next_random(random) % 100000);
		break;
	case 1:
		spw_aio_prep_wait(&m->op, s, next_random(random) % 100000,
		    spw__sys_now_ms() + next_random(random) % 3);
		break;
	default:
		m->written = sizeof(m->buf);
		spw_aio_prep_append(&m->op, s, m->buf, sizeof(m->buf));
	}
	m->op.user_data = m;
}

/* It is the submitter's again. */
static void account(struct member *m)
{
	struct crowd *c = m->c;

	if (m->written && m->op.result == 0)
		atomic_fetch_add(&c->written[m->spool], m->written);
	require(m->op.result >= 0 || m->op.result == -ECANCELED ||
	    m->op.result == -ETIMEDOUT);
	atomic_fetch_add(&c->reaped, 1);
	atomic_store(&m->busy, false);
}

static void *submit_many(void *arg)
{
	struct crowd *c = arg;
	struct member *all = calloc(OPS, sizeof(*all));
	uint64_t random = (uintptr_t)&random | 1;

	require(all);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct member *m = &all[i % OPS];

		while (atomic_load(&m->busy))
			sched_yield();
		m->c = c;
		m->spool = i % SPOOLS;
		prepare(m, &random);
		atomic_store(&m->busy, true);
		atomic_fetch_add(&c->submitted, 1);
		int r;
		while ((r = spw_aio_submit(c->r.q, &m->op)) == -EAGAIN)
			sched_yield();
		if (r == 1)
			account(m);
	}
	for (unsigned i = 0; i < OPS; i++) {
		while (atomic_load(&all[i].busy))
			sched_yield();
	}
	free(all);
	return NULL;
}

static void *reap_many(void *arg)
{
	struct crowd *c = arg;
	struct spw_aio_op *op;

	while (!atomic_load(&c->stop)) {
		if (spw_aio_reap_wait(c->r.q, spw__sys_now_ms() + 1, &op) == 0)
			account(op->user_data);
	}
	return NULL;
}

static void run_crowd(unsigned threads, bool share)
{
	struct crowd c = { .submitted = 0 };
	pthread_t ids[CROWD], reapers[2];

	rig_init(&c.r, &(struct rig_opts){ .threads = 2, .depth = 20,
	    .share = share, .world = { .threads = threads, .budget = MIB } });
	for (unsigned i = 0; i < SPOOLS; i++)
		c.spools[i] = rig_spool(&c.r, .memory_max = 20000);
	for (unsigned i = 0; i < CROWD; i++)
		ids[i] = start_thread(submit_many, &c);
	for (unsigned i = 0; i < 2; i++)
		reapers[i] = start_thread(reap_many, &c);
	for (unsigned i = 0; i < CROWD; i++)
		join_thread(ids[i]);
	atomic_store(&c.stop, 1);
	for (unsigned i = 0; i < 2; i++)
		join_thread(reapers[i]);
	assert_int_equal(atomic_load(&c.submitted), CROWD * ROUNDS);
	assert_int_equal(atomic_load(&c.reaped), CROWD * ROUNDS);
	for (unsigned i = 0; i < SPOOLS; i++) {
		assert_int_equal(spw_spool_size(c.spools[i]),
		    atomic_load(&c.written[i]));
		assert_int_not_equal(spool_info(c.spools[i]).spilled,
		    SPW_SPILL_NONE);
		spw_spool_unref(c.spools[i]);
	}
	rig_fini(&c.r);
}

static void test_a_crowd(void **state)
{
	(void)state;
	run_crowd(0, false);
	run_crowd(1, false);
	/* The queue's only thread is the one that writes behind. */
	run_crowd(1, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
