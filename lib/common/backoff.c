/* SPDX-License-Identifier: MIT */
#include "common/backoff.h"

uint64_t backoff_ms(
    unsigned nth, uint64_t base_ms, uint64_t max_ms, uint32_t random)
{
	uint64_t ms = base_ms;

	while (nth-- > 1 && ms < max_ms)
		ms *= 2;
	if (ms > max_ms)
		ms = max_ms;
	return ms / 2 + ms / 2 * (random >> 16) / UINT16_MAX;
}
