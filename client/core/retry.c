/* SPDX-License-Identifier: MIT */
#include "core/retry.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>

#include "common/backoff.h"
#include "core/error.h"

#define PAUSE_FIRST_MS 250u
#define PAUSE_MAX_MS 30000u
/* Who is told to come back later than this is better told to the user. */
#define PATIENCE_S 120u
#define PROGRESS_EVERY_MS 500u

/* Nothing was sent: whatever it was, it can be sent again. */
static bool never_sent(const struct spwc_error *e)
{
	return strcmp(e->type, "connection_refused") == 0 ||
	       strcmp(e->type, "connection_failed") == 0 ||
	       strcmp(e->type, "connection_timeout") == 0 ||
	       strcmp(e->type, "dns_error") == 0;
}

bool spwc_transient(int err, const struct spwc_error *error)
{
	switch (error->status) {
	case 0:
		return never_sent(error) || err == -ECONNRESET ||
		       err == -ETIMEDOUT;
	case 429:
	case 503:
		return true;
	case 502:
	case 504:
		/* A spillwayd says what it is, and means an origin. */
		return error->type[0] == '\0';
	default:
		return false;
	}
}

uint64_t spwc_pause_ms(unsigned int tries, const struct spwc_error *error)
{
	uint32_t random = 0;

	if (error->retry_after_s > PATIENCE_S)
		return UINT64_MAX;

	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	return backoff_ms(tries, PAUSE_FIRST_MS, PAUSE_MAX_MS, random) +
	       error->retry_after_s * UINT64_C(1000);
}

static bool rewind_source(struct spwc__request *r)
{
	if (r->source.read == NULL || r->sent == 0)
		return true;
	if (r->source.seek == NULL || r->source.seek(r->source.arg, 0) < 0)
		return false;
	r->sent = 0;
	return true;
}

/* Whether nothing is done twice, and nobody has seen a part of an answer. */
static bool may_repeat(const struct spwc__request *r)
{
	bool shown = r->sink != NULL && r->begun && r->status < 300;

	/* An address where nobody ever answered is a wrong one. */
	if (never_sent(&r->error))
		return r->c->answered;
	return !shown && (r->error.status != 0 || r->repeatable);
}

static bool wait_for(struct spwc__request *r, uint64_t ms)
{
	struct spwc_client *c = r->c;

	while (ms > 0) {
		uint64_t step = ms < PROGRESS_EVERY_MS ? ms : PROGRESS_EVERY_MS;

		if (c->progress != NULL &&
		    c->progress(c->progress_arg, r->sent, r->source.size) != 0)
			return false;
		/* A signal ends it early, for the callback to say. */
		poll(NULL, 0, (int)step);
		ms -= step;
	}
	return true;
}

bool spwc__retry(struct spwc__request *r, unsigned int tries)
{
	if (r->once || tries > r->c->retries ||
	    !spwc_transient(r->failed, &r->error) || !may_repeat(r) ||
	    !rewind_source(r))
		return false;

	uint64_t pause = spwc_pause_ms(tries, &r->error);
	if (pause == UINT64_MAX)
		return false;
	if (!wait_for(r, pause)) {
		r->failed = spwc__error_set(
		    &r->error, -ECANCELED, "cancelled", "interrupted");
		return false;
	}
	r->failed = 0;
	r->begun = false;
	r->taken = 0;
	spwc__buf_fini(&r->body);
	return true;
}
