/* SPDX-License-Identifier: MIT */
#include "ingest/fetch_job.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clients.h"
#include "base/clock.h"
#include "base/incident.h"
#include "common/text.h"
#include "guard/guard.h"

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
	struct guard_reason why;
	struct str url = {r->url, r->url_len};
	struct url_parts parts;

	switch (guard_url(job->conf, url, &parts, &why)) {
	case GUARD_OK:
		break;
	case GUARD_FORBIDDEN:
		*reterr =
		    http_problem(PROBLEM_ADDRESS_FORBIDDEN, "%s", why.text);
		reterr->error = "destination_ip_prohibited";
		return -EACCES;
	case GUARD_BAD:
		*reterr = http_problem(PROBLEM_BAD_URL, "%s", why.text);
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

static int add_line(
    struct curl_slist **list, const char *name, const char *value)
{
	size_t size = strlen(name) + strlen(value) + 3;
	char *line = malloc(size);
	if (!line)
		return -ENOMEM;

	snprintf(line, size, "%s: %s", name, value);
	struct curl_slist *longer = curl_slist_append(*list, line);
	free(line);
	if (!longer)
		return -ENOMEM;
	*list = longer;
	return 0;
}

/* The request that asks is the parent of what is asked of the origin. */
static int take_trace(struct fetch_job *job, const struct log_request *log)
{
	char text[TRACEPARENT_SIZE];

	if (!log || !log->trace_id[0])
		return 0;

	traceparent_format(
	    log->trace_id, log->span_id, log->trace_flags, text);
	return add_line(&job->fields, "traceparent", text);
}

static int take_fields(struct fetch_job *job, const struct fetch_request *r)
{
	int e = take_trace(job, r->log);

	for (size_t i = 0; i < r->field_count && e == 0; i++)
		e = add_line(
		    &job->fields, r->fields[i].name, r->fields[i].value);
	return e;
}

static int take_unless(struct fetch_job *job, const struct fetch_unless *u)
{
	int e = 0;

	if (!u)
		return 0;

	job->unless_url = strdup(u->url);
	if (!job->unless_url)
		return -ENOMEM;
	if (u->etag[0] != '\0')
		e = add_line(&job->unless, "If-None-Match", u->etag);
	if (e == 0 && u->modified[0] != '\0')
		e = add_line(&job->unless, "If-Modified-Since", u->modified);
	return e;
}

static int take_digest(struct fetch_job *job, const struct fetch_request *r)
{
	if (!r->sha256)
		return 0;

	job->said.have = DIGEST_BIT(DIGEST_SHA256);
	memcpy(job->said.value[DIGEST_SHA256], r->sha256, FETCH_SHA256_SIZE);
	return digest_new(job->said.have, &job->digest);
}

/* What a check sees goes with its file, which its request has as well. */
struct seen {
	struct file_extra extra;
	struct guard_seen seen;
};

static void free_seen(struct file_extra *x)
{
	free(x);
}

static int make_seen(struct fetch_job *job)
{
	struct seen *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;

	s->extra.free = free_seen;
	file_extra_set(job->file, &s->extra);
	job->seen = &s->seen;
	return 0;
}

const struct guard_seen *fetch_seen(struct file *f)
{
	struct seen *s = (struct seen *)(void *)file_extra(f);

	return s ? &s->seen : NULL;
}

static int make_file(struct fetch_job *job, const struct conf *conf,
    const struct fetch_request *r)
{
	const struct file_opts opts = {
	    .size = FILE_SIZE_UNKNOWN,
	    .size_max = job->size_max,
	    .owner = r->owner,
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

	char *url = fetch_url_public(str_from(job->url), &job->parts);
	if (!url)
		return -ENOMEM;

	file_take_url(file, url);
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
	if (r->log)
		job->log = *r->log;
	job->idle = true;
	job->went_on = UINT64_MAX;
	job->connections = r->connections > 0 ? r->connections
					      : conf->fetch.connections;
	if (job->connections > conf->fetch.max_connections)
		job->connections = conf->fetch.max_connections;

	job->apart = r->apart;
	job->max_retries = r->once ? 0 : conf->fetch.max_retries;

	int e = take_url(job, r, reterr);
	if (e < 0)
		return e;

	e = take_fields(job, r);
	if (e == 0)
		e = take_unless(job, r->unless);
	if (e == 0)
		e = take_digest(job, r);
	if (e == 0)
		e = make_file(job, conf, r);
	if (e == 0 && r->check)
		e = make_seen(job);
	if (e < 0) {
		*reterr = http_problem_limited(
		    e, r->owner.account, SPW_UNLIMITED);
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
	clients_leave(job->place);
	clients_leave(job->lazy_place);
	curl_slist_free_all(job->fields);
	curl_slist_free_all(job->unless);
	free(job->unless_url);
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

/* It did not become a file; for some that is how they end well. */
static void end_without(struct fetch_job *job, uint64_t ms)
{
	struct file *file = job->file;
	enum metric metric = fetch_cause_metric(job->cause);

	file_fail(file, &job->error);
	if (job->seen)
		return;
	/* It was asked whether there is something new. */
	if (job->cause == FETCH_CAUSE_UNCHANGED) {
		metrics_add(metric, 1);
		return;
	}
	incident(metric, LOG_LEVEL_INFO,
	    "fetch of %s as %s failed (%s) after %" PRIu64
	    " bytes, %u redirects, %" PRIu64 " ms: %s",
	    file->url, file->id,
	    job->error.word ? job->error.word : job->error.type,
	    job->received, job->redirects, ms, job->error.detail);
}

void fetch_job_end(struct fetch_job *job)
{
	struct file *file = job->file;
	uint64_t ms = job->started_ms > 0 ? clock_ms() - job->started_ms : 0;

	log_for(&job->log);
	atomic_store(&file->unverified, job->unverified);
	/* Then it is told how it ended when it survives. */
	bool keeps = job->cause == FETCH_CAUSE_NONE && !job->apart &&
		     store_keeps(job->store) && fetch_keep(job);
	if (job->cause == FETCH_CAUSE_NONE && !keeps) {
		file_ready(file);
		metrics_add(METRIC_FETCHES_COMPLETED, 1);
		log_debug("fetch of %s as %s: %" PRIu64 " bytes, %u redirects, "
			  "%" PRIu64 " ms",
		    file->url, file->id, job->received, job->redirects, ms);
	} else if (!keeps) {
		end_without(job, ms);
	}
	log_for(NULL);
	fetch_job_free(job);
}
