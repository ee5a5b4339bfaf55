/* SPDX-License-Identifier: MIT */
/*
 * A queue under each kind of loop: waiting in the library, poll, epoll, and a
 * callback; and running one operation to its end in it.
 */
#ifndef TESTS_SEEDS_LOOPS_H
#define TESTS_SEEDS_LOOPS_H

#include <poll.h>
#include <sys/epoll.h>

#include "unit/lib/rig.h"
#include "unit/lib/scratch.h"

enum loop { LOOP_WAIT, LOOP_POLL, LOOP_EPOLL, LOOP_CALLBACK, LOOPS };

struct scene {
	struct rig r;
	struct scratch files;
	enum loop loop;
	int epoll_fd;
	struct flag called;
};

static inline void call_flag(struct spw_aio *q, void *user_data)
{
	(void)q;
	flag_raise(user_data);
}

static inline void scene_init(struct scene *sc, enum loop loop)
{
	sc->loop = loop;
	flag_init(&sc->called);
	rig_init(&sc->r, &(struct rig_opts){ .threads = 2,
	    .on_done = loop == LOOP_CALLBACK ? call_flag : NULL,
	    .user_data = &sc->called });
	scratch_init(&sc->files);
	sc->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	assert_ok(sc->epoll_fd);
	struct epoll_event e = { .events = EPOLLIN };
	if (loop != LOOP_CALLBACK)
		assert_ok(epoll_ctl(sc->epoll_fd, EPOLL_CTL_ADD,
		    spw_aio_fd(sc->r.q), &e));
}

static inline void scene_fini(struct scene *sc)
{
	close(sc->epoll_fd);
	rig_fini(&sc->r);
	scratch_fini(&sc->files);
	flag_fini(&sc->called);
}

/* Sleep as this loop does. */
static inline void doze(struct scene *sc)
{
	int timeout = spw_aio_timeout_ms(sc->r.q);
	struct pollfd p = { .fd = spw_aio_fd(sc->r.q), .events = POLLIN };
	struct epoll_event e;

	if (sc->loop == LOOP_POLL)
		assert_ok(poll(&p, 1, timeout));
	else if (sc->loop == LOOP_EPOLL)
		assert_ok(epoll_wait(sc->epoll_fd, &e, 1, timeout));
	else
		flag_take(&sc->called);
}

static inline ssize_t run(struct scene *sc, struct spw_aio_op *op)
{
	struct spw_aio_op *done = NULL;
	int r = spw_aio_submit(sc->r.q, op);

	assert_ok(r);
	if (r == 1)
		return op->result;
	if (sc->loop == LOOP_WAIT) {
		assert_ptr_equal(rig_reap(&sc->r), op);
		return op->result;
	}
	while (!(done = spw_aio_reap(sc->r.q)))
		doze(sc);
	assert_ptr_equal(done, op);
	return op->result;
}

static inline ssize_t call(struct scene *sc, spw_aio_fn fn, void *arg)
{
	struct spw_aio_op op;

	spw_aio_prep_call(&op, fn, arg);
	return run(sc, &op);
}

#endif
