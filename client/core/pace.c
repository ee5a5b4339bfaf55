/* SPDX-License-Identifier: MIT */
#include "core/pace.h"

#include <time.h>

#define SECOND_US UINT64_C(1000000)
/* Not a wake-up for each piece of a fast transfer. */
#define AHEAD_US 10000u
/* The least that libcurl reads, and what it gives at most at a time. */
#define PIECE_MIN_BYTES 1024u
#define PIECE_MAX_BYTES 16384u

uint64_t spwc__pace_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_US + (uint64_t)now.tv_nsec / 1000 +
	       1;
}

size_t spwc__pace_piece(const struct spwc__pace *p)
{
	uint64_t quarter = p->rate / 4;

	if (p->rate == 0 || quarter > PIECE_MAX_BYTES)
		return PIECE_MAX_BYTES;
	return quarter > PIECE_MIN_BYTES ? (size_t)quarter : PIECE_MIN_BYTES;
}

void spwc__pace_take(struct spwc__pace *p, uint64_t now_us, size_t bytes)
{
	if (p->rate == 0)
		return;
	if (p->paid_us < now_us)
		p->paid_us = now_us;
	p->paid_us += bytes * SECOND_US / p->rate;
}

uint64_t spwc__pace_rest_us(const struct spwc__pace *p, uint64_t now_us)
{
	if (p->rate == 0 || p->paid_us <= now_us + AHEAD_US)
		return 0;
	return p->paid_us - now_us;
}
