/* SPDX-License-Identifier: MIT */
#include "deliver/zip.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "common/percent.h"
#include "deliver/zip_visit.h"
#include "http/problem.h"

#define VISIT_MAGIC 0x219ca115u
#define NUMBER_SIZE 24

int zip_new(
    const struct conf *conf, struct spw_pool *workers, struct zip_service **ret)
{
	struct zip_service *z = calloc(1, sizeof *z);
	if (!z)
		return -ENOMEM;

	z->limits.max_entries = conf->zip.max_entries;
	z->limits.max_directory = conf->zip.max_directory;
	z->max_entry_size = conf->zip.max_entry_size;
	z->max_ratio = conf->zip.max_ratio;
	z->workers = workers;
	*ret = z;
	return 0;
}

void zip_free(struct zip_service *z)
{
	free(z);
}

void zip_reply_fault(struct http_request *req, const struct zip_fault *f)
{
	static const struct {
		enum http_problem_kind problem;
		enum metric metric;
	} means[] = {
	    [ZIP_FAULT_NOT_ZIP] = {PROBLEM_NOT_A_ZIP,
		METRIC_ZIP_FAILED_NOT_ZIP},
	    [ZIP_FAULT_CORRUPT] = {PROBLEM_CORRUPT_ZIP,
		METRIC_ZIP_FAILED_CORRUPT},
	    [ZIP_FAULT_LIMIT] = {PROBLEM_ZIP_LIMIT, METRIC_ZIP_FAILED_LIMIT},
	    [ZIP_FAULT_ENCRYPTED] = {PROBLEM_ENCRYPTED_ENTRY,
		METRIC_ZIP_FAILED_ENCRYPTED},
	    [ZIP_FAULT_METHOD] = {PROBLEM_INVALID, METRIC_ZIP_FAILED_CORRUPT},
	};

	assert(f->kind != ZIP_FAULT_NONE);
	if (f->kind == ZIP_FAULT_SYSTEM) {
		zip_reply_errno(req, f->err);
		return;
	}

	struct http_problem p =
	    http_problem(means[f->kind].problem, "%s", f->detail);
	p.limit = f->limit;
	metrics_add(means[f->kind].metric, 1);
	http_reply_problem(req, &p);
}

void zip_reply_errno(struct http_request *req, int err)
{
	struct http_problem p = http_problem_errno(err);

	http_reply_problem(req, &p);
}

/*
 * The life of a visit.
 */

struct zip_visit *zip_visit_ref(struct zip_visit *v)
{
	atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
	return v;
}

void zip_visit_unref(struct zip_visit *v)
{
	assert(v->magic == VISIT_MAGIC);
	if (atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) != 1)
		return;

	zip_flow_free(v->flow);
	if (v->counted)
		atomic_fetch_sub(&v->z->active, 1);
	http_waker_unref(v->waker);
	file_unref(v->file);
	free(v->name);
	v->magic = 0;
	free(v);
}

static void advance(struct http_request *req, struct zip_visit *v)
{
	if (atomic_load_explicit(&v->busy, memory_order_acquire))
		return;
	if (v->fault.kind != ZIP_FAULT_NONE) {
		zip_reply_fault(req, &v->fault);
		return;
	}
	if (!v->index) {
		v->index = zip_index_of(v->file);
		if (!v->index) {
			zip_visit_submit(req, v, ZIP_TASK_INDEX);
			return;
		}
		metrics_add(METRIC_ZIP_INDEX_HITS, 1);
	}

	if (!v->index->dir)
		zip_reply_fault(req, &v->index->fault);
	else if (v->target == ZIP_TARGET_LIST)
		zip_serve_list(req, v);
	else
		zip_serve_entry(req, v);
}

static void woken(struct http_request *req, void *ctx)
{
	struct zip_visit *v = ctx;

	assert(v->magic == VISIT_MAGIC);
	advance(req, v);
}

static void request_over(struct http_request *req, void *ctx)
{
	struct zip_visit *v = ctx;

	(void)req;
	assert(v->magic == VISIT_MAGIC);
	atomic_store(&v->gone, true);
	zip_visit_unref(v);
}

/*
 * Tasks, on a worker. The run holds a reference, which it hands on when it
 * submits itself again.
 */

static int prepare(struct zip_visit *v)
{
	struct zip_entry *e = v->entry;
	struct spw_spool *s = v->file->spool;

	int err = zip_entry_locate(e, s, v->index->dir->data_end, &v->fault);
	if (err < 0)
		return err;
	if (v->task == ZIP_TASK_UNPACK)
		return zip_flow_new(
		    s, e, v->first, v->len, &v->flow, &v->fault);

	v->prepared = true;
	if (e->method == ZIP_METHOD_STORE && e->size <= ZIP_CHECK_MAX_BYTES)
		return zip_entry_check(e, s, &v->fault);
	return 0;
}

/** The visit is the loop's again. */
static void finish(struct zip_visit *v)
{
	atomic_store_explicit(&v->busy, false, memory_order_release);
	http_waker_wake(v->waker);
	zip_visit_unref(v);
}

/**
 * One turn of unpacking. In the first ones the loop still waits for a first
 * block: until there is one, or an end, the visit stays with the worker.
 */
static void unpack(struct zip_visit *v)
{
	bool opening = atomic_load_explicit(&v->busy, memory_order_relaxed);
	bool wake;
	enum zip_flow_state state = zip_flow_turn(v->flow, &wake);

	if (opening && zip_ring_ready(zip_flow_ring(v->flow))) {
		atomic_store_explicit(&v->busy, false, memory_order_release);
		wake = true;
	}
	if (wake)
		http_waker_wake(v->waker);
	if (state == ZIP_FLOW_AGAIN && !atomic_load(&v->gone))
		spw_pool_submit(v->z->workers, &v->job);
	else
		zip_visit_unref(v);
}

static void run(struct spw_job *job)
{
	struct zip_visit *v =
	    (struct zip_visit *)(void *)((char *)job -
					 offsetof(struct zip_visit, job));

	assert(v->magic == VISIT_MAGIC);
	if (atomic_load(&v->gone)) {
		zip_visit_unref(v);
		return;
	}
	if (v->flow) {
		unpack(v);
		return;
	}

	int err = v->task == ZIP_TASK_INDEX
		      ? zip_index_get(v->file, &v->z->limits, &v->index)
		      : prepare(v);
	if (err < 0 && v->fault.kind == ZIP_FAULT_NONE)
		zip_fault_errno(&v->fault, err);
	if (err == 0 && v->flow)
		unpack(v);
	else
		finish(v);
}

void zip_visit_resume(struct zip_visit *v)
{
	spw_pool_submit(v->z->workers, &zip_visit_ref(v)->job);
}

void zip_visit_submit(
    struct http_request *req, struct zip_visit *v, enum zip_task task)
{
	static const struct http_waiter waiter = {
	    .woken = woken, .free = request_over, .soon = true};

	if (!v->waker) {
		v->waker = http_waker_get(req);
		if (!v->waker) {
			zip_reply_errno(req, -ENOMEM);
			return;
		}
		http_wait(req, &waiter, zip_visit_ref(v));
	}
	v->task = task;
	v->job.run = run;
	atomic_store_explicit(&v->busy, true, memory_order_relaxed);
	zip_visit_resume(v);
}

/*
 * The request.
 */

/** Say that there is nothing to look at (yet). */
static bool is_ready(struct http_request *req, struct file *f)
{
	switch (file_state(f)) {
	case FILE_READY:
		return true;
	case FILE_RECEIVING:
		http_reply_error(req, PROBLEM_CONFLICT,
		    "The file is not complete yet; an archive's directory is "
		    "at its end. GET /files/{id}/info?wait=SECONDS waits for "
		    "it.");
		return false;
	default:
		http_reply_error(req, PROBLEM_CONFLICT,
		    "The file is not complete: its source failed.");
		return false;
	}
}

/** Which of them the request is for. Returns: false when it was answered. */
static bool read_target(
    struct http_request *req, struct zip_visit *v, struct str rest)
{
	char number[NUMBER_SIZE];
	size_t len;

	if (rest.n > 1) {
		v->name = malloc(rest.n);
		if (!v->name) {
			zip_reply_errno(req, -ENOMEM);
			return false;
		}
		ssize_t n = percent_decode(rest.p + 1, rest.n - 1, v->name);
		if (n < 0) {
			http_reply_error(req, PROBLEM_BAD_REQUEST,
			    "The entry's name has a %% that two hexadecimal "
			    "digits do not follow.");
			return false;
		}
		v->name_len = (size_t)n;
		v->target = ZIP_TARGET_NAME;
	} else if (rest.n == 1 && http_query(req).n > 0 &&
		   http_query_get(req, "index", number, sizeof number, &len)) {
		if (len >= sizeof number ||
		    str_u64((struct str){number, len}, &v->number) < 0) {
			http_reply_error(req, PROBLEM_BAD_REQUEST,
			    "index is the number of an entry, as the listing "
			    "tells it.");
			return false;
		}
		v->target = ZIP_TARGET_NUMBER;
	}
	return true;
}

bool zip_handle(struct http_request *req, struct zip_service *z, struct file *f,
    struct str rest)
{
	if (rest.n > 0 && rest.p[0] != '/')
		return false;
	if (!is_ready(req, f))
		return true;

	struct zip_visit *v = calloc(1, sizeof *v);
	if (!v) {
		zip_reply_errno(req, -ENOMEM);
		return true;
	}
	v->magic = VISIT_MAGIC;
	v->z = z;
	v->file = file_ref(f);
	atomic_store(&v->refs, 1);
	if (read_target(req, v, rest))
		advance(req, v);
	zip_visit_unref(v);
	return true;
}
