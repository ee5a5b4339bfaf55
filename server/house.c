/* SPDX-License-Identifier: MIT */
#include "house.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "base/troubles.h"
#include "descriptors.h"

#define ROUND_MS 500
#define PROBE_EVERY 10 /* rounds */
#define CHECKPOINT_EVERY 120
#define RESTORE_ROUNDS_MAX 512 /* between two tries */

struct house {
	struct house_opts opts;
	pthread_t keeper, restorer;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool keeping, restoring, stop;
	_Atomic bool stop_restoring;
};

/* Returns: false when it is time to stop. */
static bool nap(struct house *h)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_nsec += ROUND_MS * 1000000L;
	ts.tv_sec += ts.tv_nsec / 1000000000L;
	ts.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&h->lock);
	if (!h->stop)
		pthread_cond_timedwait(&h->wake, &h->lock, &ts);
	bool go_on = !h->stop;
	pthread_mutex_unlock(&h->lock);
	return go_on;
}

static void look_after_disk(struct house *h)
{
	int r = store_probe(h->opts.store);
	bool fails = r < 0;

	if (fails != atomic_exchange(h->opts.disk_fails, fails)) {
		if (fails)
			log_error("the spool directory cannot be written: %s",
			    strerror(-r));
		else
			log_warn("the spool directory can be written again");
	}
}

void house_checkpoint(struct disk *kept)
{
	int r = kept ? disk_checkpoint(kept) : 0;

	if (r < 0)
		log_error("kept files could not be written to the disk: %s; "
			  "those since the last time may not survive the "
			  "machine",
		    strerror(-r));
}

static void *keep_house(void *arg)
{
	struct house *h = arg;
	struct troubles troubles = {0};
	int64_t missed = 0;

	for (unsigned round = 1; nap(h); round++) {
		store_expire(h->opts.store, clock_unix_ms());
		through_tick(h->opts.through);
		process_look(h->opts.process);
		store_close_unused(h->opts.store);
		if (descriptors_short(&missed))
			store_close_all_unused(h->opts.store);
		troubles_tell(&troubles);
		if (round % PROBE_EVERY == 0)
			look_after_disk(h);
		if (round % CHECKPOINT_EVERY == 0)
			house_checkpoint(h->opts.kept);
	}
	return NULL;
}

static void *restore(void *arg)
{
	struct house *h = arg;
	unsigned rounds = 2;
	int r;

	/* A disk that fails now may work again. */
	while ((r = store_restore(h->opts.store, &h->stop_restoring)) < 0 &&
	       r != -ECANCELED) {
		log_error("not all files on the disk could be looked at: %s; "
			  "they are found by id, but not listed until a later "
			  "try succeeds",
		    strerror(-r));
		for (unsigned i = 0; i < rounds; i++) {
			if (!nap(h))
				return NULL;
		}
		if (rounds < RESTORE_ROUNDS_MAX)
			rounds *= 2;
	}
	if (r == 0)
		log_info("%lld files and uploads are there from before",
		    (long long)(metrics_get(METRIC_FILES_RESTORED) +
				metrics_get(METRIC_UPLOADS_RESTORED)));
	return NULL;
}

int house_new(const struct house_opts *opts, struct house **ret)
{
	struct house *h = calloc(1, sizeof(*h));
	pthread_condattr_t attr;

	if (!h)
		return -ENOMEM;

	h->opts = *opts;
	pthread_mutex_init(&h->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&h->wake, &attr);
	pthread_condattr_destroy(&attr);

	/* Whether it is ready is known from the start. */
	look_after_disk(h);
	int r = thread_start(&h->keeper, "house", keep_house, h);
	h->keeping = r == 0;
	if (r == 0 && opts->kept) {
		r = thread_start(&h->restorer, "restorer", restore, h);
		h->restoring = r == 0;
	}
	if (r < 0) {
		house_free(h);
		return r;
	}
	*ret = h;
	return 0;
}

void house_free(struct house *h)
{
	if (!h)
		return;

	if (h->keeping) {
		pthread_mutex_lock(&h->lock);
		h->stop = true;
		pthread_cond_broadcast(&h->wake);
		pthread_mutex_unlock(&h->lock);
		pthread_join(h->keeper, NULL);
	}
	if (h->restoring) {
		atomic_store(&h->stop_restoring, true);
		pthread_join(h->restorer, NULL);
	}
	pthread_cond_destroy(&h->wake);
	pthread_mutex_destroy(&h->lock);
	free(h);
}
