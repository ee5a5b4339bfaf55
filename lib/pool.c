/* SPDX-License-Identifier: MIT */
#include <spillway/pool.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "sys.h"

#define THREADS_MAX 64
#define LANE_BITS 6
#define LANES (1u << LANE_BITS)

/* Jobs of some shares, in order. */
struct lane {
	struct spw_job *first, **last;
	struct lane *next;	/* in turn, while there are any */
};

struct spw_pool {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct lane lanes[LANES];
	struct lane *turn, **turn_last; /* those with jobs */
	size_t pending;		/* queued and running */
	unsigned idle;		/* threads asleep */
	bool stop;
	pid_t owner;		/* whose the threads are */
	unsigned threads;
	pthread_t ids[THREADS_MAX];
};

/* Clients have their addresses, and so their shares, in rows, which differ in
 * low bits or in high ones: on the highest of the product all count. */
static struct lane *lane_of(struct spw_pool *p, uint64_t share)
{
	uint64_t hash = (share ^ share >> 32) * UINT64_C(0x9e3779b97f4a7c15);

	return &p->lanes[hash >> (64 - LANE_BITS)];
}

/* Locked, as what follows. */
static void append_turn(struct spw_pool *p, struct lane *lane)
{
	lane->next = NULL;
	*p->turn_last = lane;
	p->turn_last = &lane->next;
}

static void append(struct spw_pool *p, struct spw_job *job)
{
	struct lane *lane = lane_of(p, job->share);

	if (!lane->first) {
		lane->last = &lane->first;
		append_turn(p, lane);
	}
	job->next = NULL;
	*lane->last = job;
	lane->last = &job->next;
}

/* The first of whose turn it is; then the others have theirs. */
static struct spw_job *take(struct spw_pool *p)
{
	struct lane *lane = p->turn;
	struct spw_job *job = lane->first;

	p->turn = lane->next;
	if (!p->turn)
		p->turn_last = &p->turn;
	lane->first = job->next;
	if (lane->first)
		append_turn(p, lane);
	return job;
}

static void *work(void *arg)
{
	struct spw_pool *p = arg;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (!p->turn && !p->stop) {
			p->idle++;
			pthread_cond_wait(&p->more, &p->lock);
			p->idle--;
		}
		if (!p->turn)
			break;

		struct spw_job *job = take(p);
		pthread_mutex_unlock(&p->lock);
		job->run(job);
		pthread_mutex_lock(&p->lock);
		p->pending--;
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int spw_pool_new(unsigned threads, struct spw_pool **ret)
{
	if (threads < 1 || threads > THREADS_MAX || !ret)
		return -EINVAL;

	struct spw_pool *p = spw__sys_alloc(sizeof(*p));
	if (!p)
		return -ENOMEM;

	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	p->turn_last = &p->turn;
	p->owner = getpid();
	for (; p->threads < threads; p->threads++) {
		int r = spw__sys_thread(&p->ids[p->threads], work, p);
		if (r < 0) {
			spw_pool_free(p);
			return r;
		}
	}
	*ret = p;
	return 0;
}

void spw_pool_submit(struct spw_pool *p, struct spw_job *job)
{
	pthread_mutex_lock(&p->lock);
	append(p, job);
	p->pending++;
	/* Under the lock: once the job ran, the pool may be freed. */
	if (p->idle)
		pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
}

size_t spw_pool_pending(struct spw_pool *p)
{
	pthread_mutex_lock(&p->lock);
	size_t n = p->pending;
	pthread_mutex_unlock(&p->lock);
	return n;
}

void spw_pool_free(struct spw_pool *p)
{
	if (!p)
		return;
	/* In a child that was forked off there is nobody to wait for, and who
	   held the lock may be missing. */
	if (p->owner != getpid()) {
		spw__sys_free(p);
		return;
	}

	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_mutex_unlock(&p->lock);
	pthread_cond_broadcast(&p->more);
	for (unsigned i = 0; i < p->threads; i++)
		pthread_join(p->ids[i], NULL);
	pthread_cond_destroy(&p->more);
	pthread_mutex_destroy(&p->lock);
	spw__sys_free(p);
}
