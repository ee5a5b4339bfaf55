/* SPDX-License-Identifier: MIT */
#include "ingest/fetch_job.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "common/text.h"

/* It can be written again, or somebody reads where nothing is. */
static void spool_news(struct spw_spool *s, void *user_data)
{
	struct fetch_job *job = user_data;

	(void)s;
	assert(job->magic == FETCH_JOB_MAGIC);
	fetch_nudge(job);
}

static int out_of_memory(struct http_problem *reterr)
{
	*reterr = http_problem_errno(-ENOMEM);
	return -ENOMEM;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Check the URL and keep it, without its fragment. */
static int take_url(struct fetch_job *job, const struct fetch_request *r,
    struct http_problem *reterr)
{
	char why[FETCH_URL_TEXT_SIZE];
	struct str url = {r->url, r->url_len};
	struct url_parts parts;

	switch (fetch_url_check(job->conf, url, &parts, why)) {
	case FETCH_URL_OK:
		break;
	case FETCH_URL_FORBIDDEN:
		*reterr = http_problem(PROBLEM_ADDRESS_FORBIDDEN, "%s", why);
		reterr->error = "destination_ip_prohibited";
		return -EACCES;
	case FETCH_URL_BAD:
		*reterr = http_problem(PROBLEM_BAD_URL, "%s", why);
		return -EINVAL;
	}

	const char *fragment = memchr(url.p, '#', url.n);
	if (fragment)
		url.n = (size_t)(fragment - url.p);
	job->url = strndup(url.p, url.n);
	if (!job->url)
		return out_of_memory(reterr);

	/* It passed a moment ago; now the parts point into our copy. */
	int e = url_check(job->url, url.n, &job->parts, &(const char *){NULL});
	assert(e == 0);
	(void)e;
	return 0;
}

static int take_fields(struct fetch_job *job, const struct fetch_request *r)
{
	for (size_t i = 0; i < r->field_count; i++) {
		const struct fetch_field *field = &r->fields[i];
		size_t size = strlen(field->name) + strlen(field->value) + 3;
		char *line = malloc(size);
		if (!line)
			return -ENOMEM;

		snprintf(line, size, "%s: %s", field->name, field->value);
		struct curl_slist *list = curl_slist_append(job->fields, line);
		free(line);
		if (!list)
			return -ENOMEM;
		job->fields = list;
	}
	return 0;
}

static int take_digest(struct fetch_job *job, const struct fetch_request *r)
{
	if (!r->sha256)
		return 0;

	job->said.have = DIGEST_BIT(DIGEST_SHA256);
	memcpy(job->said.value[DIGEST_SHA256], r->sha256, FETCH_SHA256_SIZE);
	return digest_new(job->said.have, &job->digest);
}

static int make_file(struct fetch_job *job, const struct conf *conf,
    const struct fetch_request *r)
{
	const struct file_opts opts = {
	    .size = FILE_SIZE_UNKNOWN,
	    .size_max = job->size_max,
	    .on_writable = spool_news,
	    .on_wanted = spool_news,
	    .user_data = job,
	};
	struct file *file;

	int e = file_new(job->store, &opts, &file);
	if (e < 0)
		return e;

	job->file = file;
	file->source = FILE_FROM_FETCH;
	uint64_t ttl_ms = r->has_ttl ? r->ttl_s * 1000 : conf->store.ttl;
	if (ttl_ms > 0)
		file->expires_ms = file->created_ms + (int64_t)ttl_ms;
	atomic_store(&file->reads_left, (int64_t)r->reads);

	file->url = fetch_url_public(str_from(job->url), &job->parts);
	if (!file->url)
		return -ENOMEM;
	job->named = r->name != NULL;
	return r->name ? file_set_name(file, r->name, strlen(r->name)) : 0;
}

int fetch_job_new(struct fetcher *f, const struct conf *conf,
    struct store *st, const struct fetch_request *r, struct fetch_job **ret,
    struct http_problem *reterr)
{
	SPW_AUTO(fetch_job_freep) struct fetch_job *job =
	    calloc(1, sizeof(*job));

	if (!job)
		return out_of_memory(reterr);

	job->magic = FETCH_JOB_MAGIC;
	job->fetcher = f;
	job->conf = &conf->fetch;
	job->store = st;
	job->size_max = least(conf->fetch.max_size, conf->store.max_file_size);
	if (r->size_max > 0)
		job->size_max = least(job->size_max, r->size_max);
	job->size = r->has_size ? r->size : FETCH_SIZE_UNKNOWN;
	job->lazy = r->lazy;
	job->idle = true;
	job->went_on = UINT64_MAX;
	job->connections = r->connections > 0 ? r->connections
					      : conf->fetch.connections;
	if (job->connections > conf->fetch.max_connections)
		job->connections = conf->fetch.max_connections;

	int e = take_url(job, r, reterr);
	if (e < 0)
		return e;

	e = take_fields(job, r);
	if (e == 0)
		e = take_digest(job, r);
	if (e == 0)
		e = make_file(job, conf, r);
	if (e < 0) {
		*reterr = http_problem_errno(e);
		return e;
	}
	*ret = SPW_TAKE(job);
	return 0;
}

void fetch_job_free(struct fetch_job *job)
{
	if (!job)
		return;

	assert(job->magic == FETCH_JOB_MAGIC && !job->nudged &&
	       !job->transfers);
	curl_slist_free_all(job->fields);
	digest_free(job->digest);
	fetch_writer_close(job->writer);
	if (job->file)
		spw_spool_detach(job->file->spool);
	file_unref(job->file);
	free(job->url);
	free(job->last_url);
	job->magic = 0;
	free(job);
}

void fetch_job_fail(
    struct fetch_job *job, enum fetch_cause cause, const char *fmt, ...)
{
	char text[sizeof(job->error.detail)];
	va_list ap;

	if (job->cause != FETCH_CAUSE_NONE)
		return;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	job->cause = cause;
	fetch_error_set(&job->error, cause, "%s", text);
}

void fetch_job_end(struct fetch_job *job)
{
	struct file *file = job->file;
	uint64_t ms = job->started_ms > 0 ? clock_ms() - job->started_ms : 0;

	atomic_store(&file->unverified, job->unverified);
	/* Then it is told how it ended when it survives. */
	bool keeps = job->cause == FETCH_CAUSE_NONE &&
		     store_keeps(job->store) && fetch_keep(job);
	if (job->cause == FETCH_CAUSE_NONE && !keeps) {
		file_ready(file);
		metrics_add(METRIC_FETCHES_COMPLETED, 1);
		log_debug("fetch of %s as %s: %" PRIu64 " bytes, %u redirects, "
			  "%" PRIu64 " ms",
		    file->url, file->id, job->received, job->redirects, ms);
	} else if (!keeps) {
		file_fail(file, &job->error);
		metrics_add(fetch_cause_metric(job->cause), 1);
		log_info("fetch of %s as %s failed (%s) after %" PRIu64
			 " bytes, %u redirects, %" PRIu64 " ms: %s",
		    file->url, file->id,
		    job->error.word ? job->error.word : job->error.type,
		    job->received, job->redirects, ms,
		    job->error.detail);
	}
	fetch_job_free(job);
}
