/* SPDX-License-Identifier: MIT */
/* How a fetch goes on: what is asked for next, what is tried again, and when
   it is complete. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/incident.h"
#include "ingest/fetch_job.h"
#include "ingest/fetch_loop.h"
#include "ingest/fetch_retry.h"

/* ---- transfers ----------------------------------------------------------- */

static void unlink_transfer(struct fetch_transfer *t)
{
	struct fetch_transfer **link = &t->job->transfers;

	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
	t->job->transfer_count--;
}

void fetch_job_drop(struct fetch_transfer *t)
{
	fetch_loop_remove(t);
	unlink_transfer(t);
	fetch_transfer_free(t);
}

void fetch_job_drop_all(struct fetch_job *job)
{
	while (job->transfers)
		fetch_job_drop(job->transfers);
}

/* Redirects need not be gone through again for each part. */
static const char *url_of(const struct fetch_job *job)
{
	return job->last_url ? job->last_url : job->url;
}

struct fetch_transfer *fetch_job_open(
    struct fetch_job *job, const struct fetch_asked *asked)
{
	struct fetch_transfer *t =
	    fetch_transfer_new(job, url_of(job), asked);

	if (!t) {
		fetch_job_fail(job, FETCH_CAUSE_EXHAUSTED,
		    "The transfer could not be prepared.");
		return NULL;
	}
	t->strayed = job->last_url && job->strayed;
	t->next = job->transfers;
	job->transfers = t;
	job->transfer_count++;
	fetch_loop_add(t);
	return t;
}

void fetch_job_resume(struct fetch_transfer *t)
{
	t->pause = FETCH_FLOWS;
	t->moved_ms = clock_ms();
	CURLcode code = curl_easy_pause(t->easy, CURLPAUSE_CONT);
	if (code != CURLE_OK)
		fetch_loop_conclude(t, code);
}

/* ---- asking for more ----------------------------------------------------- */

/* Go on with what broke, in one piece. */
static void ask_for_rest(struct fetch_job *job)
{
	struct fetch_asked asked = {0};

	if (job->transfers || job->complete ||
	    !fetch_loop_may_open(job))
		return;
	/* A sparse one has learnt that there are no parts to be had. */
	if (!job->sparse && job->received > 0) {
		asked.part = true;
		asked.first = job->received;
		asked.last = UINT64_MAX;
	} else if (!job->id.known && job->lazy) {
		asked.part = asked.suffix = true;
		asked.last = job->conf->probe_size;
	}
	fetch_job_open(job, &asked);
}

static void ask_for_more(struct fetch_job *job)
{
	if (job->retry_at_ms > clock_ms())
		return;

	job->retry_at_ms = 0;
	if (!job->sparse || !job->id.ranges) {
		ask_for_rest(job);
		return;
	}
	fetch_job_ask(job);
}

/* ---- the end ------------------------------------------------------------- */

/* Every byte has come: is it what was asked for? */
static void verify(struct fetch_job *job)
{
	struct digest_set got = {0};
	char text[2 * FETCH_SHA256_SIZE + 1], said[2 * FETCH_SHA256_SIZE + 1];
	int e = 0;

	if (job->size != FETCH_SIZE_UNKNOWN && !job->sparse &&
	    job->received != job->size)
		fetch_job_fail(job, FETCH_CAUSE_SIZE,
		    "The content has %" PRIu64 " bytes, not %" PRIu64 ".",
		    job->received, job->size);
	if (job->said.have == 0 || job->cause != FETCH_CAUSE_NONE)
		return;

	e = job->sparse ? fetch_writer_digests(job->writer, &got)
			: digest_finish(job->digest, &got);
	if (e < 0) {
		fetch_job_fail(job, FETCH_CAUSE_INTERNAL,
		    "The digest could not be computed.");
		return;
	}
	if (!digest_differs(&got, &job->said)) {
		/* Without memory it is not known, and can be asked for. */
		(void)!file_add_digests(job->file, &got);
		return;
	}
	hex_encode(got.value[DIGEST_SHA256], FETCH_SHA256_SIZE, text);
	hex_encode(job->said.value[DIGEST_SHA256], FETCH_SHA256_SIZE, said);
	fetch_job_fail(job, FETCH_CAUSE_DIGEST,
	    "The content's sha-256 is %s, not %s as was asked for.", text,
	    said);
}

static void fail_errno(struct fetch_job *job, int err)
{
	struct http_problem p = http_problem_limited(
	    err, job->file->account, job->size_max);

	fetch_job_fail(job, fetch_cause_of_errno(err), "%s", p.detail);
}

/* Returns: whether the job has come to its end. */
static bool seal(struct fetch_job *job)
{
	if (!job->sealing)
		verify(job);
	job->sealing = true;
	if (job->cause != FETCH_CAUSE_NONE)
		return true;

	int e = spw_spool_try_seal(job->file->spool);
	if (e == -EAGAIN)
		return false;
	if (e < 0)
		fail_errno(job, e);
	return true;
}

/* Has all come that a sparse one consists of, and is it written? */
static bool is_whole(struct fetch_job *job)
{
	uint64_t size = spw_spool_size(job->file->spool);

	int e = fetch_writer_error(job->writer);
	if (e < 0)
		fail_errno(job, e);
	return e == 0 && job->received >= size &&
	       fetch_writer_settled(job->writer) > 0 &&
	       spw_spool_committed(job->file->spool) == size;
}

static void resume_paused(struct fetch_job *job)
{
	struct fetch_transfer *t, *next;

	for (t = job->transfers; t; t = next) {
		next = t->next;
		if (t->pause == FETCH_WAITS_SPOOL)
			fetch_job_resume(t);
	}
}

bool fetch_job_attend(struct fetch_job *job)
{
	if (job->cause != FETCH_CAUSE_NONE)
		return true;
	if (job->sealing || (job->complete && !job->transfers))
		return seal(job);

	resume_paused(job);
	if (job->sparse && is_whole(job)) {
		job->complete = true;
		fetch_job_drop_all(job);
		return seal(job);
	}
	if (job->cause == FETCH_CAUSE_NONE)
		ask_for_more(job);
	return job->cause != FETCH_CAUSE_NONE;
}

void fetch_job_begin(struct fetch_job *job)
{
	job->started_ms = clock_ms();
	ask_for_rest(job);
}

/* ---- when one has ended -------------------------------------------------- */

/* Can what has come be gone on with, without putting two versions together? */
static bool may_go_on(const struct fetch_job *job)
{
	return !job->id.known || job->id.strong;
}

static void try_again(struct fetch_job *job, const struct fetch_transfer *t)
{
	uint32_t random = 0;

	if (!fetch_retry_worth(t->cause, t->head.status) || !may_go_on(job) ||
	    job->failures >= job->max_retries) {
		job->error.answered = t->head.status;
		fetch_job_fail(job, t->cause, "%s", t->text);
		return;
	}

	/* Where a redirect led may be gone, or no longer allow it. */
	free(job->last_url);
	job->last_url = NULL;
	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	job->failures++;
	job->failed_at = job->received;
	job->retry_at_ms = clock_ms() +
	    fetch_retry_pause(job->failures, job->conf->retry_delay, random,
		&t->head, clock_unix_ms() / 1000);
	log_for(&job->log);
	incident(fetch_retry_metric(t->cause), LOG_LEVEL_INFO,
	    "fetch of %s as %s: tried again (%u) after %" PRIu64 " bytes: %s",
	    job->file->url, job->file->id, job->failures, job->received,
	    t->text);
	log_for(NULL);
}

/* It ended well; if it brought nothing, it must not go on so for ever. */
static void take_stock(struct fetch_job *job, struct fetch_transfer *t)
{
	if (job->sparse) {
		if ((t->done && !t->shorter) ||
		    t->got >= job->conf->block_size)
			return;
		fetch_transfer_fail(t, FETCH_CAUSE_INCOMPLETE,
		    "The origin sent less than was asked for.");
		try_again(job, t);
		return;
	}
	job->complete = true;
	job->unverified = t->flowing && t->stop == FETCH_SIZE_UNKNOWN &&
			  !t->head.chunked && job->said.have == 0 &&
			  job->size == FETCH_SIZE_UNKNOWN;
}

/* A redirect that was remembered has led into nothing. */
static bool go_back(struct fetch_transfer *t)
{
	const struct fetch_job *job = t->job;

	return t->cause == FETCH_CAUSE_STATUS && t->head.status >= 400 &&
	       t->head.status < 500 && job->last_url &&
	       strcmp(job->last_url, job->url) != 0 &&
	       strcmp(t->url, job->last_url) == 0 && t->hops == 0;
}

void fetch_job_over(struct fetch_transfer *t, enum fetch_next next)
{
	struct fetch_job *job = t->job;

	if (next == FETCH_NEXT_OVER) {
		take_stock(job, t);
	} else if (go_back(t)) {
		free(job->last_url);
		job->last_url = NULL;
	} else {
		try_again(job, t);
	}
	fetch_job_drop(t);
}

bool fetch_job_check(struct fetch_job *job, uint64_t now_ms)
{
	struct fetch_transfer *t, *next;

	if (atomic_load(&job->file->removed))
		fetch_job_fail(job, FETCH_CAUSE_CANCELLED,
		    "The file was deleted or expired while it was fetched.");
	for (t = job->transfers; t; t = next) {
		next = t->next;
		if (fetch_transfer_check(t, now_ms))
			continue;
		if (t->done)
			fetch_job_drop(t);
		else
			fetch_job_over(t, FETCH_NEXT_FAILED);
	}
	return job->cause == FETCH_CAUSE_NONE;
}
