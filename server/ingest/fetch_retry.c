/* SPDX-License-Identifier: MIT */
#include "ingest/fetch_retry.h"

#include "common/backoff.h"

static bool status_passes(int status)
{
	switch (status) {
	case 408:
	case 429:
	case 500:
	case 502:
	case 503:
	case 504:
		return true;
	default:
		return false;
	}
}

bool fetch_retry_worth(enum fetch_cause cause, int status)
{
	switch (cause) {
	case FETCH_CAUSE_DNS_TIMEOUT:
	case FETCH_CAUSE_REFUSED:
	case FETCH_CAUSE_TERMINATED:
	case FETCH_CAUSE_CONNECT_TIMEOUT:
	case FETCH_CAUSE_READ_TIMEOUT:
	case FETCH_CAUSE_RESPONSE_TIMEOUT:
	case FETCH_CAUSE_INCOMPLETE:
	case FETCH_CAUSE_TOO_SLOW:
		return true;
	case FETCH_CAUSE_STATUS:
		return status_passes(status);
	default:
		return false;
	}
}

enum metric fetch_retry_metric(enum fetch_cause cause)
{
	switch (fetch_cause_metric(cause)) {
	case METRIC_FETCHES_FAILED_STATUS:
		return METRIC_FETCH_RETRIES_STATUS;
	case METRIC_FETCHES_FAILED_TIMEOUT:
		return METRIC_FETCH_RETRIES_TIMEOUT;
	case METRIC_FETCHES_FAILED_CONNECT:
		return METRIC_FETCH_RETRIES_CONNECT;
	default:
		return METRIC_FETCH_RETRIES_INCOMPLETE;
	}
}

/* What the origin asks for, in milliseconds. */
static uint64_t asked_ms(const struct fetch_head *h, int64_t now_s)
{
	uint64_t s = h->retry_after_s;

	if (h->retry_at_s > now_s)
		s = (uint64_t)(h->retry_at_s - now_s);
	return s < FETCH_RETRY_MAX_MS / 1000 ? s * 1000 : FETCH_RETRY_MAX_MS;
}

uint64_t fetch_retry_pause(unsigned nth, uint64_t base_ms, uint32_t random,
    const struct fetch_head *h, int64_t now_s)
{
	uint64_t ms = backoff_ms(nth, base_ms, FETCH_RETRY_MAX_MS, random);
	uint64_t asked = asked_ms(h, now_s);

	return asked > ms ? asked : ms;
}
