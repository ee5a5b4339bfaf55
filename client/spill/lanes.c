/* SPDX-License-Identifier: MIT */
#include "spill/lanes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "spill/clock.h"

/* How long to sleep at most: progress is told meanwhile. */
#define TURN_MS 250u

static void fail(struct lanes *l, int err, const struct spwc_error *error)
{
	if (l->err != 0)
		return;
	l->err = err;
	l->error = *error;
}

/* Tries it again later, or gives up. */
static void broke(struct lane *lane, int err, const struct spwc_error *error)
{
	struct lanes *l = lane->all;

	/* Of an upload only the server knows what arrived. */
	lane->look = true;
	if (lane->sure > lane->tried_at) {
		lane->tried_at = lane->sure;
		lane->tries = 0;
	}
	lane->tries++;
	/* Another request is not over yet, or the place was wrong. */
	bool again = spwc_transient(err, error) || error->status == 409;
	uint64_t pause = spwc_pause_ms(lane->tries, error);
	if (!again || lane->tries > l->cli->retries || pause == UINT64_MAX) {
		fail(l, err, error);
		return;
	}
	lane->again_ms = clock_ms() + pause;
}

void lanes_done(void *arg, const struct spwc_result *result)
{
	struct lane *lane = arg;
	struct lanes *l = lane->all;
	struct spwc_error error = result->error;
	int r = result->err;

	lane->call = NULL;
	if (r == 0 && l->end != NULL)
		r = l->end(lane, result, &error);
	if (r < 0)
		broke(lane, r, &error);
}

static void begin_lanes(struct lanes *l, uint64_t now)
{
	for (size_t i = 0; i < l->count && l->err == 0; i++) {
		struct lane *lane = &l->lane[i];
		struct spwc_error error;

		if (lane->call != NULL ||
		    (lane->at == lane->end && !lane->look) ||
		    now < lane->again_ms)
			continue;
		int r = l->begin(lane, &error);
		if (r < 0)
			fail(l, r, &error);
	}
}

/* Until when there is nothing to begin; at most a turn. */
static unsigned int time_left(const struct lanes *l, uint64_t now)
{
	uint64_t next = now + TURN_MS;

	for (size_t i = 0; i < l->count; i++) {
		const struct lane *lane = &l->lane[i];

		if (lane->call == NULL && lane->again_ms > now &&
		    lane->again_ms < next)
			next = lane->again_ms;
	}
	return (unsigned int)(next - now);
}

static bool all_done(const struct lanes *l)
{
	for (size_t i = 0; i < l->count; i++) {
		if (l->lane[i].call != NULL || l->lane[i].look ||
		    l->lane[i].at < l->lane[i].end)
			return false;
	}
	return true;
}

uint64_t lanes_moved(const struct lanes *l)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < l->count; i++)
		sum += l->lane[i].at - l->lane[i].first;
	return sum;
}

static uint64_t size_of(const struct lanes *l)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < l->count; i++)
		sum += l->lane[i].end - l->lane[i].first;
	return sum;
}

static void interrupted(struct lanes *l)
{
	struct spwc_error error = {.type = "cancelled"};

	snprintf(error.detail, sizeof(error.detail), "interrupted");
	fail(l, -ECANCELED, &error);
}

int lanes_run(struct lanes *l, struct spwc_error *reterr_error)
{
	uint64_t size = size_of(l);

	int r = spwc_multi_new(&l->multi);
	if (r < 0) {
		*reterr_error = (struct spwc_error){.status = 0};
		snprintf(reterr_error->detail, sizeof(reterr_error->detail),
		    "%s", strerror(-r));
		return r;
	}

	for (size_t i = 0; i < l->count; i++) {
		l->lane[i].all = l;
		l->lane[i].sure = l->lane[i].at;
		l->lane[i].tried_at = l->lane[i].at;
	}
	while (l->err == 0 && !all_done(l)) {
		uint64_t now = clock_ms();

		begin_lanes(l, now);
		spwc_multi_wait(l->multi, (int)time_left(l, now));
		progress_show(&l->cli->progress, lanes_moved(l), size);
		if (cli_interrupted())
			interrupted(l);
	}
	spwc_multi_freep(&l->multi);
	if (l->err < 0)
		*reterr_error = l->error;
	return l->err;
}
