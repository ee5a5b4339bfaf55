/* SPDX-License-Identifier: MIT */
#include "ingest/fetch_plan.h"

/* The run that will bring byte `off`. */
static size_t run_at(const struct fetch_plan *p, uint64_t off)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->runs[i].pos <= off && off < p->runs[i].end)
			return i;
	return FETCH_PLAN_NONE;
}

/* How far the hole reaches in which byte `off` lies. */
static uint64_t hole_end(const struct fetch_plan *p, uint64_t off)
{
	uint64_t end = spw_spool_size(p->spool), data;

	if (spw_spool_next_data(p->spool, off, &data) == 0)
		end = data;
	for (size_t i = 0; i < p->count; i++)
		if (p->runs[i].pos > off && p->runs[i].pos < end)
			end = p->runs[i].pos;
	return end;
}

/* Where that hole begins, but not before `least`. */
static uint64_t hole_begin(
    const struct fetch_plan *p, uint64_t off, uint64_t least)
{
	uint64_t begin = least, at = least, data;

	while (spw_spool_next_data(p->spool, at, &data) == 0 && data < off &&
	       spw_spool_next_hole(p->spool, data, &at) == 0)
		begin = at;
	for (size_t i = 0; i < p->count; i++)
		if (p->runs[i].end <= off && p->runs[i].end > begin)
			begin = p->runs[i].end;
	return begin;
}

static uint64_t block_down(const struct fetch_plan *p, uint64_t off)
{
	return off - off % p->block;
}

static uint64_t block_up(const struct fetch_plan *p, uint64_t off)
{
	uint64_t past = off % p->block;

	return past > 0 && off <= UINT64_MAX - p->block ? off - past + p->block
							: off;
}

static bool is_near(
    const struct fetch_plan *p, const struct fetch_run *run, uint64_t off)
{
	uint64_t gap = off - run->pos;
	uint64_t ms =
	    p->latency_ms * FETCH_PLAN_LATENCIES + FETCH_PLAN_SLACK_MS;

	return run->fixed || gap < p->block * FETCH_PLAN_NEAR_BLOCKS ||
	       gap / ms < run->rate / 1000;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

struct fetch_step fetch_plan_place(
    const struct fetch_plan *p, uint64_t off, uint64_t end)
{
	struct fetch_step step = {
	    .wait = FETCH_PLAN_NONE, .cut = FETCH_PLAN_NONE};
	size_t i = run_at(p, off);

	if (i == FETCH_PLAN_NONE) {
		step.off = hole_begin(p, off, block_down(p, off));
		step.end = least(block_up(p, end), hole_end(p, off));
		/* It has come meanwhile. */
		if (step.off > off || step.end <= off)
			step.end = step.off;
		return step;
	}

	const struct fetch_run *run = &p->runs[i];
	step.off = block_down(p, off);
	if (is_near(p, run, off) || step.off <= run->pos) {
		step.wait = i;
		return step;
	}
	step.cut = i;
	step.end = least(block_up(p, end), run->end);
	return step;
}

/* Cut the run with the most left. */
static bool split(const struct fetch_plan *p, struct fetch_step *ret)
{
	uint64_t most = 0;

	for (size_t i = 0; i < p->count; i++) {
		const struct fetch_run *run = &p->runs[i];
		uint64_t left = run->end - run->pos;

		if (run->fixed || left <= most)
			continue;
		most = left;
		ret->cut = i;
		ret->off = block_up(p, run->pos + left / 2);
		ret->end = run->end;
	}
	return most > 0 && most / 2 >= p->segment && ret->off < ret->end;
}

bool fetch_plan_pull(const struct fetch_plan *p, struct fetch_step *ret)
{
	uint64_t off = 0, size = spw_spool_size(p->spool);

	*ret = (struct fetch_step){
	    .wait = FETCH_PLAN_NONE, .cut = FETCH_PLAN_NONE};
	while (spw_spool_next_hole(p->spool, off, &off) == 0 && off < size) {
		size_t i = run_at(p, off);
		if (i == FETCH_PLAN_NONE) {
			ret->off = off;
			ret->end = hole_end(p, off);
			return true;
		}
		off = p->runs[i].end;
	}
	return split(p, ret);
}
