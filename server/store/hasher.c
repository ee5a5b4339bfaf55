/* SPDX-License-Identifier: MIT */
#include "store/hasher.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clients.h"
#include "base/digest.h"
#include "base/metrics.h"

#define BUFFER ((size_t)64 * 1024)
/* What one turn reads before other jobs of the pool get theirs. */
#define TURN ((uint64_t)4 * 1024 * 1024)

/* A file that is being read, or waits for its turn. */
struct hash_job {
	struct hash_job *next;
	struct file *file;
	struct digest *digest;
	uint64_t pos;
	struct hash_watch *watches;
	uint64_t share;	 /* whose it is */
	uint64_t served; /* the last turn that its client had */
	struct clients_ticket *place;
};

struct hasher {
	struct spw_job turn; /* first: the pool gives it back */
	struct spw_pool *pool;
	struct clients *clients;
	unsigned jobs_max;
	pthread_mutex_t lock; /* of all that follows, and of the watches */
	/* In turn; the first may be at work, outside of the lock. Only who
	   does the work takes it off. */
	struct hash_job *first, **last;
	unsigned count;
	uint64_t turns; /* so far */
	bool running; /* `turn` is with the pool */
	bool stop;
};

static void run(struct spw_job *turn);

int hasher_new(struct spw_pool *pool, unsigned jobs_max, struct hasher **ret)
{
	struct hasher *h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	int r = clients_new(&h->clients);
	if (r < 0) {
		free(h);
		return r;
	}

	h->turn.run = run;
	h->pool = pool;
	h->jobs_max = jobs_max;
	h->last = &h->first;
	pthread_mutex_init(&h->lock, NULL);
	*ret = h;
	return 0;
}

void hasher_stop(struct hasher *h)
{
	if (!h)
		return;

	pthread_mutex_lock(&h->lock);
	h->stop = true;
	pthread_mutex_unlock(&h->lock);
}

void hasher_free(struct hasher *h)
{
	if (!h)
		return;

	pthread_mutex_destroy(&h->lock);
	clients_free(h->clients);
	free(h);
}

/* Locked. */
static struct hash_job *pop(struct hasher *h)
{
	struct hash_job *job = h->first;

	h->first = job->next;
	if (!h->first)
		h->last = &h->first;
	return job;
}

/* Locked. */
static void push(struct hasher *h, struct hash_job *job)
{
	job->next = NULL;
	*h->last = job;
	h->last = &job->next;
}

/* Locked: the client whose last turn is the longest ago is next, with the file
   of his that is. */
static struct hash_job *choose(struct hasher *h)
{
	struct hash_job **next = &h->first;

	for (struct hash_job **at = &h->first; *at; at = &(*at)->next)
		if ((*at)->served < (*next)->served)
			next = at;
	struct hash_job *job = *next;
	if (next == &h->first)
		return job;

	*next = job->next;
	if (!job->next)
		h->last = next;
	job->next = h->first;
	h->first = job;
	return job;
}

/* Locked: all of the client's have had this turn. */
static void note_turn(struct hasher *h, uint64_t share)
{
	h->turns++;
	for (struct hash_job *job = h->first; job; job = job->next)
		if (job->share == share)
			job->served = h->turns;
}

/* Locked: when a client had its last turn, or as if it was about to be served
   since it came. */
static uint64_t last_turn(const struct hasher *h, uint64_t share)
{
	uint64_t least = UINT64_MAX;

	for (const struct hash_job *job = h->first; job; job = job->next) {
		if (job->share == share)
			return job->served;
		if (job->served < least)
			least = job->served;
	}
	return h->first ? least : h->turns;
}

/* Locked: the first is over, and everybody who waits is told. */
static void tell(struct hasher *h, int error)
{
	struct hash_job *job = pop(h);
	struct hash_watch *w;

	h->count--;
	clients_leave(SPW_TAKE(job->place));
	metrics_add(METRIC_DIGEST_JOBS, -1);
	while ((w = job->watches)) {
		job->watches = w->next;
		if (w->next)
			w->next->prev = &job->watches;
		w->prev = NULL;
		w->error = error;
		w->fn(w);
	}
}

static void free_job(struct hash_job *job)
{
	digest_free(job->digest);
	file_unref(job->file);
	free(job);
}

/* Returns: 1 at the end of the content, 0 before it, or an errno. */
static int one_turn(struct hash_job *job)
{
	uint64_t until = job->pos + TURN;
	char buf[BUFFER];

	while (job->pos < until) {
		ssize_t n = spw_spool_pread(
		    job->file->spool, buf, sizeof(buf), job->pos);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return 1;

		digest_add(job->digest, buf, (size_t)n);
		job->pos += (uint64_t)n;
	}
	return 0;
}

static int keep(struct hash_job *job)
{
	struct digest_set set;
	int r = digest_finish(job->digest, &set);

	if (r < 0)
		return r;

	metrics_add(METRIC_DIGESTS_LATER, 1);
	return file_add_digests(job->file, &set);
}

/*
 * Nobody wants it any more. Looking and ending are one step, so that nobody
 * can join in between.
 */
static bool gave_up(struct hasher *h, struct hash_job *job)
{
	pthread_mutex_lock(&h->lock);
	bool over = !job->watches || h->stop;
	if (over)
		tell(h, -ECANCELED);
	pthread_mutex_unlock(&h->lock);
	return over;
}

/* Read a piece of the first. Returns: whether it is over. */
static bool work(struct hasher *h, struct hash_job *job)
{
	if (gave_up(h, job))
		return true;

	int r = one_turn(job);
	bool over = r != 0;
	if (r > 0)
		r = keep(job);
	pthread_mutex_lock(&h->lock);
	note_turn(h, job->share);
	if (over)
		tell(h, r);
	else
		push(h, pop(h));
	pthread_mutex_unlock(&h->lock);
	return over;
}

/*
 * One turn of one file, then the next one's, behind what else the pool has to
 * do: however many files there are, they take no more than one thread.
 */
static void run(struct spw_job *turn)
{
	struct hasher *h = (struct hasher *)(void *)turn;

	pthread_mutex_lock(&h->lock);
	struct hash_job *job = choose(h);
	pthread_mutex_unlock(&h->lock);

	if (work(h, job))
		free_job(job);
	pthread_mutex_lock(&h->lock);
	h->running = h->first;
	if (h->running)
		spw_pool_submit(h->pool, &h->turn);
	pthread_mutex_unlock(&h->lock);
}

static int new_job(struct hasher *h, struct file *f, unsigned algs,
    uint64_t share, struct hash_job **ret)
{
	struct hash_job *job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;

	int r = digest_new(algs, &job->digest);
	if (r == 0)
		r = clients_enter(
		    h->clients, share, clients_part(h->jobs_max), &job->place);
	if (r < 0) {
		digest_free(job->digest);
		free(job);
		return r;
	}
	job->file = file_ref(f);
	job->share = share;
	job->served = last_turn(h, share);
	push(h, job);
	h->count++;
	metrics_add(METRIC_DIGEST_JOBS, 1);
	if (!h->running)
		spw_pool_submit(h->pool, &h->turn);
	h->running = true;
	*ret = job;
	return 0;
}

/* Locked: the job that brings all of `algs`; one is made if there is none. */
static int find_job(struct hasher *h, struct file *f, unsigned algs,
    uint64_t share, struct hash_job **ret)
{
	for (struct hash_job *job = h->first; job; job = job->next) {
		if (job->file == f && !(algs & ~digest_algs(job->digest))) {
			*ret = job;
			return 0;
		}
	}
	if (h->stop || h->count >= h->jobs_max)
		return -EBUSY;

	return new_job(h, f, algs, share, ret);
}

int hasher_ask(struct hasher *h, struct file *f, unsigned algs, uint64_t share,
    struct hash_watch *w)
{
	struct digest_set known;
	struct hash_job *job;

	w->prev = NULL;
	w->error = 0;
	if (file_state(f) != FILE_READY)
		return -EAGAIN;

	pthread_mutex_lock(&h->lock);
	/* Under the lock: a job ends only after it has noted what it found. */
	algs &= ~file_digests(f, &known);
	int r = algs ? find_job(h, f, algs, share, &job) : 1;
	if (r == 0) {
		w->next = job->watches;
		w->prev = &job->watches;
		if (w->next)
			w->next->prev = &w->next;
		job->watches = w;
	}
	pthread_mutex_unlock(&h->lock);
	return r;
}

void hasher_forget(struct hasher *h, struct hash_watch *w)
{
	pthread_mutex_lock(&h->lock);
	if (w->prev) {
		*w->prev = w->next;
		if (w->next)
			w->next->prev = w->prev;
		w->prev = NULL;
	}
	pthread_mutex_unlock(&h->lock);
}
