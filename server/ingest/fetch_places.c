/* SPDX-License-Identifier: MIT */
/* Sending the transfers of a sparse file where the plan has them: to places
   that are read, and to what is to be pulled. */
#include <stdint.h>

#include <spillway/sparse.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "ingest/fetch_job.h"
#include "ingest/fetch_loop.h"
#include "ingest/fetch_plan.h"

/* Connections of one job, and pieces on their way to its spool. */
#define RUNS_MAX (FETCH_CONNECTIONS_MAX + FETCH_BLOCKS_MAX)
/* Places that are looked after at a time; the others later. */
#define PLACES_MAX 64

/* A look around. */
struct view {
	struct fetch_plan plan;
	struct fetch_run runs[RUNS_MAX];
	struct fetch_transfer *transfers[RUNS_MAX]; /* NULL: it has come */
};

static void look(struct fetch_job *job, struct view *v)
{
	struct fetch_pending pending[FETCH_BLOCKS_MAX];
	uint64_t now = clock_ms();
	size_t count = 0;

	v->plan = (struct fetch_plan){
	    .spool = job->file->spool,
	    .block = job->conf->block_size,
	    .segment = job->conf->segment_size,
	    .latency_ms = job->latency_ms,
	    .runs = v->runs,
	};
	for (struct fetch_transfer *t = job->transfers; t; t = t->next) {
		uint64_t pos = t->flowing ? t->pos : t->asked.first;
		if (pos >= t->end)
			continue;
		v->transfers[count] = t;
		v->runs[count++] = (struct fetch_run){
		    .pos = pos,
		    .end = t->end,
		    .rate = fetch_transfer_rate(t, now),
		    /* Not one of which nobody knows yet what it brings. */
		    .fixed = !t->flowing,
		};
	}
	size_t n = fetch_writer_pending(job->writer, pending);
	for (size_t i = 0; i < n; i++) {
		v->transfers[count] = NULL;
		v->runs[count++] = (struct fetch_run){
		    .pos = pending[i].off,
		    .end = pending[i].end,
		    .fixed = true,
		};
	}
	v->plan.count = count;
}

/* What it was to bring from `end` on another one brings. */
static void cut_transfer(struct fetch_transfer *t, uint64_t end)
{
	t->end = end;
	if (t->flowing && t->pos >= end)
		fetch_job_drop(t);
}

/* Is there a connection to be had; if need be one that nobody waits for? */
static bool have_connection(struct fetch_job *job)
{
	struct fetch_transfer *t = job->transfers;

	if (!fetch_loop_may_open(job))
		return false;
	if (job->transfer_count < job->conf->max_connections)
		return true;

	while (t && (!t->place || t->wanted || !t->flowing))
		t = t->next;
	if (!t)
		return false;

	fetch_job_drop(t);
	return true;
}

static void open_step(struct fetch_job *job, struct view *v,
    const struct fetch_step *step, uint64_t place)
{
	const struct fetch_asked asked = {
	    .part = true,
	    .first = step->off,
	    .last = step->end - 1,
	};

	if (step->cut != FETCH_PLAN_NONE)
		cut_transfer(v->transfers[step->cut], step->off);
	struct fetch_transfer *t = fetch_job_open(job, &asked);
	if (!t)
		return;

	t->end = step->end;
	t->wanted = t->place = place != UINT64_MAX;
	if (!t->place)
		return;

	metrics_add(METRIC_FETCH_PLACES, 1);
	if (job->lazy)
		t->limit = place + job->conf->read_ahead;
}

/* How far to ask for, for who says only that byte `off` is wanted: further
 * each time that the same reader goes on. */
static uint64_t reading_on(struct fetch_job *job, uint64_t off)
{
	uint64_t most = job->conf->read_ahead;

	if (off != job->went_on) {
		job->ahead = job->conf->block_size;
		return off + 1;
	}
	job->ahead = 2 * job->ahead < most ? 2 * job->ahead : most;
	return off + job->ahead;
}

static uint64_t size_of(const struct fetch_job *job)
{
	return spw_spool_size(job->file->spool);
}

/* A transfer is going to bring byte `off`. */
static void expect(struct fetch_transfer *t, uint64_t off)
{
	uint64_t limit = off + t->job->conf->read_ahead;

	t->wanted = true;
	if (t->limit < limit)
		t->limit = limit;
	if (t->pause == FETCH_WAITS_READER)
		fetch_job_resume(t);
}

/* What to do for who waits for byte `off`, as things stand now. Returns:
 * whether there is anything to ask for. */
static bool decide(struct fetch_job *job, struct view *v, uint64_t off,
    uint64_t end, struct fetch_step *ret)
{
	uint64_t size = size_of(job);

	look(job, v);
	*ret = fetch_plan_place(
	    &v->plan, off, job->lazy && end < size ? end : size);
	return ret->wait == FETCH_PLAN_NONE && ret->off < ret->end;
}

/* A reader waits for byte `off`. Returns: whether it is looked after. */
static bool look_after(struct fetch_job *job, uint64_t off, uint64_t end)
{
	struct view v;
	struct fetch_step step;

	if (!decide(job, &v, off, end, &step)) {
		if (step.wait != FETCH_PLAN_NONE && v.transfers[step.wait])
			expect(v.transfers[step.wait], off);
		return true;
	}
	if (!have_connection(job))
		return false;

	if (job->lazy && end == off + 1)
		end = reading_on(job, off);
	/* Making room may have changed what there is to be seen. */
	if (decide(job, &v, off, end, &step)) {
		job->went_on = step.end;
		open_step(job, &v, &step, off);
	}
	return true;
}

/* What readers wait for. */
static void attend_readers(struct fetch_job *job)
{
	uint64_t off = 0, end;

	job->unmet = false;
	for (struct fetch_transfer *t = job->transfers; t; t = t->next)
		t->wanted = false;
	for (unsigned i = 0; i < PLACES_MAX; i++) {
		if (spw_spool_next_wanted(job->file->spool, off, &off, &end) <
			0 ||
		    job->cause != FETCH_CAUSE_NONE)
			return;
		if (!look_after(job, off, end)) {
			job->unmet = true;
			return;
		}
		off++;
	}
}

/* What is to come although nobody reads it. */
static void pull(struct fetch_job *job)
{
	struct view v;
	struct fetch_step step;

	while (job->transfer_count < job->connections &&
	       job->cause == FETCH_CAUSE_NONE &&
	       fetch_loop_may_open(job)) {
		look(job, &v);
		if (!fetch_plan_pull(&v.plan, &step))
			return;
		open_step(job, &v, &step, UINT64_MAX);
	}
}

void fetch_job_ask(struct fetch_job *job)
{
	attend_readers(job);
	if (!job->lazy)
		pull(job);
}
