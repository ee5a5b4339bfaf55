/* SPDX-License-Identifier: MIT */
/* The fetch thread: what runs, what waits for its spool, what comes next. */
#include "ingest/fetch_loop.h"

#include <assert.h>

#include "base/clock.h"
#include "base/log.h"

/* How often transfers are looked at for time-outs and deleted files. */
#define TICK_MS 250
/* What came last waits so long for more while there is other work. */
#define FLUSH_MS 2
/* How long it sleeps with nothing to do. A call that wakes it goes through a
   socket, and can get lost when the system has no memory for that. */
#define IDLE_MS 1000

void fetch_list_append(struct fetch_list *list, struct fetch_job *job)
{
	job->next = NULL;
	job->prev = list->last;
	if (list->last)
		list->last->next = job;
	else
		list->first = job;
	list->last = job;
}

void fetch_list_remove(struct fetch_list *list, struct fetch_job *job)
{
	if (job->prev)
		job->prev->next = job->next;
	else
		list->first = job->next;
	if (job->next)
		job->next->prev = job->prev;
	else
		list->last = job->prev;
	job->next = job->prev = NULL;
}

void fetch_nudge(struct fetch_job *job)
{
	struct fetcher *f = job->fetcher;
	bool first = false;

	pthread_mutex_lock(&f->lock);
	if (!job->nudged) {
		first = f->nudged == NULL;
		job->nudged = true;
		job->nudge_next = NULL;
		*f->nudged_end = job;
		f->nudged_end = &job->nudge_next;
		f->nudged_count++;
	}
	pthread_mutex_unlock(&f->lock);
	if (first)
		curl_multi_wakeup(f->multi);
}

/* ---- transfers ----------------------------------------------------------- */

/* As in a pool (spw_job): two clients may count as one. */
static struct fetch_share *share_of(const struct fetch_job *job)
{
	struct fetcher *f = job->fetcher;
	uint64_t share = job->file->share;
	uint64_t hash = (share ^ share >> 32) * UINT64_C(0x9e3779b97f4a7c15);

	return &f->shares[hash >> (64 - FETCH_SHARE_BITS)];
}

bool fetch_loop_may_open(const struct fetch_job *job)
{
	struct fetcher *f = job->fetcher;
	unsigned max = f->conf->fetch.max_transfers;

	return f->transfer_count < max &&
	       share_of(job)->transfers < clients_part(max);
}

void fetch_loop_add(struct fetch_transfer *t)
{
	struct fetcher *f = t->job->fetcher;

	if (!fetch_transfer_begin(t)) {
		fetch_job_fail(t->job, t->cause, "%s", t->text);
		return;
	}
	if (curl_multi_add_handle(f->multi, t->easy) != CURLM_OK) {
		fetch_job_fail(t->job, FETCH_CAUSE_EXHAUSTED,
		    "The transfer could not be started.");
		return;
	}
	t->running = true;
	f->transfer_count++;
	share_of(t->job)->transfers++;
	metrics_add(METRIC_FETCH_TRANSFERS, 1);
	metrics_add(METRIC_FETCH_REQUESTS, 1);
}

void fetch_loop_remove(struct fetch_transfer *t)
{
	struct fetcher *f = t->job->fetcher;

	if (!t->running)
		return;

	curl_multi_remove_handle(f->multi, t->easy);
	/* Whoever waits for its last bytes need not wait for others'. */
	if (t->job->writer)
		fetch_writer_flush(t->job->writer);
	t->running = false;
	f->transfer_count--;
	share_of(t->job)->transfers--;
	metrics_add(METRIC_FETCH_TRANSFERS, -1);
}

void fetch_loop_conclude(struct fetch_transfer *t, CURLcode code)
{
	fetch_loop_remove(t);
	enum fetch_next next = fetch_transfer_end(t, code);
	if (next == FETCH_NEXT_AGAIN)
		fetch_loop_add(t);
	else
		fetch_job_over(t, next);
}

void fetch_loop_described(struct fetch_job *job)
{
	atomic_store(&job->file->described, true);
	fetch_alarm_ring_file(job->fetcher, job->file);
}

/* ---- writers ------------------------------------------------------------- */

void fetch_loop_flush_later(struct fetch_job *job)
{
	struct fetcher *f = job->fetcher;

	if (job->unflushed)
		return;

	job->unflushed = true;
	job->flush_next = f->unflushed;
	if (!f->unflushed)
		f->unflushed_ms = clock_ms();
	f->unflushed = job;
}

static void flush(struct fetcher *f)
{
	struct fetch_job *job;

	while ((job = f->unflushed)) {
		f->unflushed = job->flush_next;
		job->unflushed = false;
		fetch_writer_flush(job->writer);
	}
}

/* ---- jobs ---------------------------------------------------------------- */

/* Forget that something happened to a job that is about to go. */
static void forget_nudge(struct fetcher *f, struct fetch_job *job)
{
	pthread_mutex_lock(&f->lock);
	if (job->nudged) {
		struct fetch_job **link = &f->nudged;
		while (*link != job)
			link = &(*link)->nudge_next;
		*link = job->nudge_next;
		if (!*link)
			f->nudged_end = link;
		f->nudged_count--;
		job->nudged = false;
	}
	pthread_mutex_unlock(&f->lock);
}

static void count_lazy(struct fetcher *f, struct fetch_job *job)
{
	if (!job->counted_lazy)
		return;

	pthread_mutex_lock(&f->lock);
	f->lazy_count--;
	pthread_mutex_unlock(&f->lock);
	job->counted_lazy = false;
	clients_leave(SPW_TAKE(job->lazy_place));
	metrics_add(METRIC_FETCHES_LAZY, -1);
}

static void set_idle(struct fetcher *f, struct fetch_job *job, bool idle)
{
	if (job->idle == idle)
		return;

	job->idle = idle;
	f->busy_count += idle ? -1u : 1u;
	share_of(job)->busy += idle ? -1u : 1u;
	metrics_add(METRIC_FETCHES_ACTIVE, idle ? -1 : 1);
}

/* The job has come to its end; `cause` says to which. What is not written by
 * now is dropped. */
static void end(struct fetcher *f, struct fetch_job *job)
{
	fetch_job_drop_all(job);
	if (job->unflushed)
		flush(f);
	/* From here on nobody nudges it. */
	fetch_writer_close(job->writer);
	job->writer = NULL;
	spw_spool_detach(job->file->spool);
	forget_nudge(f, job);
	fetch_list_remove(&f->running, job);
	count_lazy(f, job);
	set_idle(f, job, true);
	fetch_job_end(job);
}

/* Is there nothing more to write that readers of it may want? */
static bool is_written(struct fetch_job *job)
{
	if (!job->writer || atomic_load(&job->file->removed))
		return true;

	fetch_writer_flush(job->writer);
	return fetch_writer_settled(job->writer) != 0;
}

/* Bring a job to its end: what came before it broke stays, so it ends when that
 * is written. Until then it is nudged, and looked at now and then. */
static void finish(struct fetcher *f, struct fetch_job *job)
{
	fetch_job_drop_all(job);
	if (is_written(job))
		end(f, job);
}

static void attend(struct fetcher *f, struct fetch_job *job)
{
	if (fetch_job_attend(job)) {
		finish(f, job);
		return;
	}
	if (!job->lazy)
		count_lazy(f, job);
	/* Until it is known what it is, it has something to ask. */
	set_idle(f, job,
	    job->lazy && job->id.known && !job->transfers && !job->unmet &&
		job->retry_at_ms == 0);
}

static struct fetch_job *next_nudged(struct fetcher *f)
{
	pthread_mutex_lock(&f->lock);
	struct fetch_job *job = f->nudged;
	if (job) {
		f->nudged = job->nudge_next;
		if (!f->nudged)
			f->nudged_end = &f->nudged;
		f->nudged_count--;
		job->nudged = false;
	}
	pthread_mutex_unlock(&f->lock);
	return job;
}

/* Look after those that something happened to. Only those in line now: each
 * may come back. */
static void attend_nudged(struct fetcher *f)
{
	pthread_mutex_lock(&f->lock);
	unsigned n = f->nudged_count;
	pthread_mutex_unlock(&f->lock);

	while (n-- > 0) {
		struct fetch_job *job = next_nudged(f);
		if (!job)
			return;
		if (job->started_ms > 0)
			attend(f, job);
	}
}

/*
 * How many of the places are taken. What a client reads of files that are
 * fetched as they are read is not asked for room: what it has of that past its
 * part counts for none, so that there is room for others.
 */
static unsigned busy_places(const struct fetcher *f, unsigned most)
{
	unsigned n = 0;

	for (unsigned i = 0; i < FETCH_SHARES; i++) {
		unsigned busy = f->shares[i].busy;

		n += busy < most ? busy : most;
	}
	return n;
}

/* Whether it is rather the turn of `a`: fewer of its run, or it waits longer
   since the last. */
static bool before(const struct fetch_share *a, const struct fetch_share *b)
{
	return a->busy != b->busy ? a->busy < b->busy : a->turn < b->turn;
}

/* Locked. Returns: whose turn it is; NULL: who waits must wait on. */
static struct fetch_job *next_queued(struct fetcher *f)
{
	unsigned max = f->conf->fetch.max_active, most = clients_part(max);
	struct fetch_job *best = NULL;

	if (!f->queue.first ||
	    (f->busy_count >= max && busy_places(f, most) >= max))
		return NULL;

	for (struct fetch_job *job = f->queue.first; job; job = job->next) {
		const struct fetch_share *share = share_of(job);

		if (share->busy < most &&
		    (!best || before(share, share_of(best))))
			best = job;
	}
	return best;
}

/* Locked: from the queue to the running. */
static void take_out(struct fetcher *f, struct fetch_job *job)
{
	fetch_list_remove(&f->queue, job);
	fetch_list_append(&f->running, job);
	f->queue_count--;
	clients_leave(SPW_TAKE(job->place));
}

/* Move what there is room for from the queue to the running. */
static void start_queued(struct fetcher *f)
{
	for (;;) {
		pthread_mutex_lock(&f->lock);
		struct fetch_job *job = next_queued(f);
		if (job)
			take_out(f, job);
		pthread_mutex_unlock(&f->lock);
		if (!job)
			return;

		metrics_add(METRIC_FETCHES_QUEUED, -1);
		share_of(job)->turn = ++f->turns;
		set_idle(f, job, false);
		if (fetch_job_check(job, clock_ms()))
			fetch_job_begin(job);
		if (job->cause != FETCH_CAUSE_NONE)
			finish(f, job);
	}
}

static void reap(struct fetcher *f)
{
	const CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(f->multi, &left))) {
		struct fetch_transfer *t = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(
		    msg->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		assert(t && t->magic == FETCH_TRANSFER_MAGIC);

		struct fetch_job *job = t->job;
		fetch_loop_conclude(t, msg->data.result);
		attend(f, job);
	}
}

/* Take the deleted ones out of the queue, for finish(). */
static void drop_queued(struct fetcher *f, bool all)
{
	struct fetch_job *job, *next;
	unsigned n = 0;

	pthread_mutex_lock(&f->lock);
	for (job = f->queue.first; job; job = next) {
		next = job->next;
		if (!all && !atomic_load(&job->file->removed))
			continue;
		take_out(f, job);
		n++;
	}
	pthread_mutex_unlock(&f->lock);
	metrics_add(METRIC_FETCHES_QUEUED, -(int64_t)n);
}

static void tick(struct fetcher *f)
{
	uint64_t now = clock_ms();
	struct fetch_job *job, *next;

	if (now - f->ticked_ms < TICK_MS)
		return;

	f->ticked_ms = now;
	drop_queued(f, false);
	for (job = f->running.first; job; job = next) {
		next = job->next;
		if (!fetch_job_check(job, now))
			finish(f, job);
		else if (!job->idle)
			attend(f, job);
	}
	fetch_alarm_ring(f, now);
}

/* How long it may sleep; -1: it must stop. */
static int sleep_ms(struct fetcher *f)
{
	int ms = IDLE_MS;

	pthread_mutex_lock(&f->lock);
	if (f->stopping)
		ms = -1;
	else if (f->nudged || next_queued(f))
		ms = 0;
	else if (f->running.first || f->queue.first || f->alarms)
		ms = TICK_MS;
	pthread_mutex_unlock(&f->lock);
	return ms;
}

static void stop_all(struct fetcher *f)
{
	struct fetch_job *job;

	drop_queued(f, true);
	while ((job = f->running.first)) {
		fetch_job_fail(job, FETCH_CAUSE_STOPPED,
		    "The server is shutting down.");
		end(f, job);
	}
	fetch_alarm_ring(f, clock_ms());
}

/* Sleep until there is work; what is held back goes before that, or after a
 * while. */
static CURLMcode wait_for_work(struct fetcher *f, int ms)
{
	CURLMcode mc;
	int ready;

	if (f->unflushed) {
		mc = curl_multi_poll(f->multi, NULL, 0, 0, &ready);
		if (mc == CURLM_OK && ready > 0 &&
		    clock_ms() - f->unflushed_ms < FLUSH_MS)
			return mc;
		flush(f);
		/* It may have been woken just now, which is used up. */
		ms = sleep_ms(f);
		if (mc != CURLM_OK || ready > 0 || ms < 0)
			return mc;
	}
	return curl_multi_poll(f->multi, NULL, 0, ms, NULL);
}

void *fetch_loop_run(void *arg)
{
	struct fetcher *f = arg;
	int ms, left;

	while ((ms = sleep_ms(f)) >= 0) {
		CURLMcode mc = wait_for_work(f, ms);
		if (mc == CURLM_OK)
			mc = curl_multi_perform(f->multi, &left);
		if (mc != CURLM_OK)
			log_error("fetch: %s", curl_multi_strerror(mc));
		reap(f);
		attend_nudged(f);
		tick(f);
		start_queued(f);
	}
	stop_all(f);
	return NULL;
}
