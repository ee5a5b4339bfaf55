/* SPDX-License-Identifier: MIT */
/* Admission, and the life of the fetcher. */
#include "ingest/fetch.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clients.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "ingest/fetch_loop.h"

const struct conf_fetch *fetch_conf(const struct fetcher *f)
{
	return &f->conf->fetch;
}

static int draining(struct http_problem *reterr)
{
	*reterr = http_problem(
	    PROBLEM_DRAINING, PROBLEM_DRAINING_TEXT);
	return -ESHUTDOWN;
}

/* Is there room for one more? */
static int check_room(
    struct fetcher *f, bool lazy, struct http_problem *reterr)
{
	unsigned max_lazy = f->conf->fetch.max_lazy;

	pthread_mutex_lock(&f->lock);
	bool stopping = f->stopping;
	bool queue_full = f->queue_count >= FETCH_QUEUE_MAX;
	bool lazy_full = lazy && f->lazy_count >= max_lazy;
	pthread_mutex_unlock(&f->lock);
	if (stopping)
		return draining(reterr);
	if (!queue_full && !lazy_full)
		return 0;

	*reterr = queue_full ? http_problem(PROBLEM_UNAVAILABLE,
				   "%u fetches are waiting already; try "
				   "again later.",
				   (unsigned)FETCH_QUEUE_MAX)
			     : http_problem(PROBLEM_UNAVAILABLE,
				   "%u files are being fetched as they are "
				   "read already; try again later, or have "
				   "it fetched as a whole (mode full).",
				   max_lazy);
	return -EBUSY;
}

static int refuse(
    int e, unsigned max, const char *what, struct http_problem *reterr)
{
	*reterr = e == -EUSERS
	    ? http_problem(PROBLEM_TOO_MANY_REQUESTS,
		  "%u %s, as many as may; try again later.", max, what)
	    : http_problem_errno(e);
	return e;
}

/* One client does not take the place of all. */
static int take_places(
    struct fetcher *f, struct fetch_job *job, struct http_problem *reterr)
{
	uint64_t share = job->file->share;
	unsigned queued = f->conf->fetch.max_queued_per_client;
	unsigned lazy = f->conf->fetch.max_lazy_per_client;

	int e = queued
	    ? clients_enter(f->clients, share, queued, &job->place)
	    : 0;
	if (e < 0)
		return refuse(e, queued,
		    "fetches of this client are waiting already", reterr);

	e = job->lazy && lazy
	    ? clients_enter(f->lazy_clients, share, lazy, &job->lazy_place)
	    : 0;
	if (e < 0)
		return refuse(e, lazy,
		    "files of this client are being fetched as they are read "
		    "already",
		    reterr);
	return 0;
}

/* False when the thread takes no more; the queue may pass its limit by the
 * few that came at the same moment. */
static bool enqueue(struct fetcher *f, struct fetch_job *job)
{
	pthread_mutex_lock(&f->lock);
	bool taken = !f->stopping;
	if (taken) {
		fetch_list_append(&f->queue, job);
		f->queue_count++;
		f->lazy_count += job->lazy;
		job->counted_lazy = job->lazy;
		metrics_add(METRIC_FETCHES_LAZY, job->lazy);
	}
	pthread_mutex_unlock(&f->lock);
	if (!taken)
		return false;

	metrics_add(METRIC_FETCHES_STARTED, 1);
	metrics_add(METRIC_FETCHES_QUEUED, 1);
	curl_multi_wakeup(f->multi);
	return true;
}

int fetch_start(struct fetcher *f, const struct fetch_request *r,
    struct file **ret, struct http_problem *reterr)
{
	SPW_AUTO(fetch_job_freep) struct fetch_job *job = NULL;

	int e = check_room(f, r->lazy, reterr);
	if (e < 0)
		return e;

	e = fetch_job_new(f, f->conf, f->store, r, &job, reterr);
	if (e == 0)
		e = take_places(f, job, reterr);
	if (e < 0)
		return e;

	e = r->apart ? 0 : store_add(f->store, job->file);
	if (e < 0) {
		*reterr = http_problem_errno(e);
		return e;
	}

	SPW_AUTO(file_unrefp) struct file *file = file_ref(job->file);
	if (!enqueue(f, job)) {
		if (!r->apart)
			store_remove(f->store, file);
		return draining(reterr);
	}
	job = NULL;
	*ret = SPW_TAKE(file);
	return 0;
}

static void dispose(struct fetcher *f)
{
	curl_multi_cleanup(f->multi);
	clients_free(f->clients);
	clients_free(f->lazy_clients);
	pthread_mutex_destroy(&f->lock);
	free(f);
	curl_global_cleanup();
}

int fetcher_new(const struct conf *c, struct store *st, struct fetcher **ret)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;

	struct fetcher *f = calloc(1, sizeof(*f));
	if (!f) {
		curl_global_cleanup();
		return -ENOMEM;
	}

	f->conf = c;
	f->store = st;
	f->nudged_end = &f->nudged;
	pthread_mutex_init(&f->lock, NULL);
	f->multi = curl_multi_init();
	int e = f->multi ? clients_new(&f->clients) : -ENOMEM;
	if (e == 0)
		e = clients_new(&f->lazy_clients);
	if (e == 0)
		e = thread_start(&f->thread, "fetch", fetch_loop_run, f);
	if (e < 0) {
		dispose(f);
		return e;
	}
	*ret = f;
	return 0;
}

unsigned fetcher_active(struct fetcher *f)
{
	pthread_mutex_lock(&f->lock);
	unsigned n = f->queue_count + f->busy_count;
	pthread_mutex_unlock(&f->lock);
	return n;
}

void fetcher_stop(struct fetcher *f)
{
	if (f->joined)
		return;

	pthread_mutex_lock(&f->lock);
	f->stopping = true;
	pthread_mutex_unlock(&f->lock);
	curl_multi_wakeup(f->multi);
	pthread_join(f->thread, NULL);
	f->joined = true;
}

void fetcher_free(struct fetcher *f)
{
	if (!f)
		return;

	fetcher_stop(f);
	assert(!f->alarms);
	dispose(f);
}

int fetch_check_authorities(
    const struct conf_fetch *conf, struct conf_error *reterr)
{
	const char *path = conf->ca_file;
	FILE *file = *path ? fopen(path, "re") : NULL;
	bool found = false;
	char line[128];

	if (!*path)
		return 0;
	if (!file)
		return conf_error_set(reterr, -errno,
		    "fetch.ca_file: cannot read %s: %s", path,
		    strerror(errno));

	while (!found && fgets(line, sizeof(line), file))
		found = strncmp(line, "-----BEGIN ", 11) == 0;
	fclose(file);
	return found ? 0
		     : conf_error_set(reterr, -EINVAL,
			   "fetch.ca_file: there is no certificate in %s; "
			   "write the path of some in PEM",
			   path);
}

const char *fetch_library_versions(void)
{
	return curl_version();
}
