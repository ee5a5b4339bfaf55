/* SPDX-License-Identifier: MIT */
/* Files that were fetched, made to survive the process. */
#include <stddef.h>
#include <stdlib.h>

#include "base/incident.h"
#include "ingest/fetch_job.h"

struct fetched {
	struct spw_job job;
	struct store *store;
	struct file *file;
	struct log_request log;
};

static void fail(struct fetched *k, int err)
{
	struct file *file = k->file;
	enum fetch_cause cause = fetch_cause_of_errno(err);
	struct http_problem p = http_problem_errno(err);
	struct failure e;

	fetch_error_set(&e, cause, "%s", p.detail);
	file_fail(file, &e);
	incident(fetch_cause_metric(cause), LOG_LEVEL_WARN,
	    "fetch of %s as %s is not kept: %s", file->url, file->id,
	    p.detail);
}

static void run(struct spw_job *job)
{
	struct fetched *k = (struct fetched *)(void *)job;

	log_for(&k->log);
	int err = store_keep(k->store, k->file);

	if (err < 0) {
		fail(k, err);
	} else {
		file_ready(k->file);
		metrics_add(METRIC_FETCHES_COMPLETED, 1);
		log_debug("fetch of %s as %s is kept", k->file->url,
		    k->file->id);
	}
	log_for(NULL);
	file_unref(k->file);
	free(k);
}

bool fetch_keep(struct fetch_job *job)
{
	struct fetched *k = calloc(1, sizeof(*k));

	if (!k) {
		fetch_job_fail(job, FETCH_CAUSE_EXHAUSTED,
		    "There is no memory to keep the file.");
		return false;
	}
	k->job.run = run;
	k->job.share = job->file->share;
	k->store = job->store;
	k->file = file_ref(job->file);
	k->log = job->log;
	spw_pool_submit(store_keepers(job->store), &k->job);
	return true;
}
