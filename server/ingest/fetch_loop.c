/* SPDX-License-Identifier: MIT */
/* The fetch thread: what runs, what waits for its spool, what comes next. */
#include "ingest/fetch_loop.h"

#include <assert.h>

#include "base/clock.h"
#include "base/log.h"

/* How often transfers are looked at for time-outs and deleted files. */
#define TICK_MS 250
/* How long it sleeps with nothing to do. */
#define IDLE_MS 60000

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

/* The job has come to its end; `cause` says to which. */
static void finish(struct fetcher *f, struct fetch_job *job)
{
	if (job->easy)
		curl_multi_remove_handle(f->multi, job->easy);
	/* From here on nobody nudges it. */
	spw_spool_detach(job->file->spool);

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

	fetch_list_remove(&f->running, job);
	f->running_count--;
	metrics_add(METRIC_FETCHES_ACTIVE, -1);
	fetch_job_end(job);
}

static void request(struct fetcher *f, struct fetch_job *job)
{
	if (fetch_transfer_begin(job) &&
	    curl_multi_add_handle(f->multi, job->easy) != CURLM_OK)
		fetch_job_fail(job, FETCH_CAUSE_NO_MEMORY,
		    "The transfer could not be started.");
	if (job->cause != FETCH_CAUSE_NONE)
		finish(f, job);
}

/* A transfer is over. */
static void conclude(struct fetcher *f, struct fetch_job *job, CURLcode code)
{
	curl_multi_remove_handle(f->multi, job->easy);
	switch (fetch_transfer_end(job, code)) {
	case FETCH_NEXT_HOP:
		request(f, job);
		break;
	case FETCH_NEXT_SEAL:
		if (fetch_job_seal(job))
			finish(f, job);
		break;
	case FETCH_NEXT_FAIL:
		finish(f, job);
		break;
	}
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

/* Go on with those whose spool can be written again. Only those in line now:
 * each may come back. */
static void resume_nudged(struct fetcher *f)
{
	pthread_mutex_lock(&f->lock);
	unsigned n = f->nudged_count;
	pthread_mutex_unlock(&f->lock);

	while (n-- > 0) {
		struct fetch_job *job = next_nudged(f);
		if (!job)
			return;

		if (job->phase == FETCH_SEALING) {
			if (fetch_job_seal(job))
				finish(f, job);
		} else if (job->phase == FETCH_PAUSED) {
			job->phase = FETCH_RUNNING;
			job->moved_ms = clock_ms();
			CURLcode code =
			    curl_easy_pause(job->easy, CURLPAUSE_CONT);
			if (code != CURLE_OK)
				conclude(f, job, code);
		}
	}
}

static bool may_start(struct fetcher *f)
{
	return f->queue.first &&
	       f->running_count < f->conf->fetch.max_active;
}

/* Move what there is room for from the queue to the running. */
static void start_queued(struct fetcher *f)
{
	for (;;) {
		pthread_mutex_lock(&f->lock);
		struct fetch_job *job = may_start(f) ? f->queue.first : NULL;
		if (job) {
			fetch_list_remove(&f->queue, job);
			f->queue_count--;
		}
		pthread_mutex_unlock(&f->lock);
		if (!job)
			return;

		metrics_add(METRIC_FETCHES_QUEUED, -1);
		metrics_add(METRIC_FETCHES_ACTIVE, 1);
		fetch_list_append(&f->running, job);
		f->running_count++;
		if (fetch_transfer_check(job, clock_ms()))
			request(f, job);
		else
			finish(f, job);
	}
}

static void reap(struct fetcher *f)
{
	const CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(f->multi, &left))) {
		struct fetch_job *job = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(
		    msg->easy_handle, CURLINFO_PRIVATE, (char **)&job);
		assert(job && job->magic == FETCH_JOB_MAGIC);
		conclude(f, job, msg->data.result);
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
		fetch_list_remove(&f->queue, job);
		fetch_list_append(&f->running, job);
		f->queue_count--;
		n++;
	}
	pthread_mutex_unlock(&f->lock);
	f->running_count += n;
	metrics_add(METRIC_FETCHES_QUEUED, -(int64_t)n);
	metrics_add(METRIC_FETCHES_ACTIVE, (int64_t)n);
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
		if (!fetch_transfer_check(job, now))
			finish(f, job);
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
	else if (may_start(f) || f->nudged)
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
		finish(f, job);
	}
	fetch_alarm_ring(f, clock_ms());
}

void *fetch_loop_run(void *arg)
{
	struct fetcher *f = arg;
	int ms, left;

	while ((ms = sleep_ms(f)) >= 0) {
		CURLMcode mc = curl_multi_poll(f->multi, NULL, 0, ms, NULL);
		if (mc == CURLM_OK)
			mc = curl_multi_perform(f->multi, &left);
		if (mc != CURLM_OK)
			log_error("fetch: %s", curl_multi_strerror(mc));
		reap(f);
		resume_nudged(f);
		tick(f);
		start_queued(f);
	}
	stop_all(f);
	return NULL;
}
