/* SPDX-License-Identifier: MIT */
#include "deliver/zip.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "common/percent.h"
#include "deliver/internal.h"
#include "deliver/zip_arrival.h"
#include "deliver/zip_unpack.h"
#include "deliver/zip_visit.h"
#include "http/problem.h"

#define VISIT_MAGIC 0x219ca115u
#define NUMBER_SIZE 24

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
	zip_fill_free(v->fill);
	zip_listing_free(v->listing);
	if (v->saver)
		v->saver->free(v->saver_ctx);
	zip_service_leave(v->z, &v->place);
	zip_task_fini(&v->task);
	zip_index_unref(v->index);
	http_waker_unref(v->waker);
	file_unref(v->made);
	file_unref(v->file);
	free(v->title);
	free(v->name);
	v->magic = 0;
	free(v);
}

/**
 * Whether its directory is there, or can be brought. While a file arrives from
 * its first byte to its last, only what came can be looked at.
 */
static bool is_whole(struct file *f)
{
	uint64_t size = atomic_load(&f->size);

	return file_state(f) == FILE_READY ||
	       (size != FILE_SIZE_UNKNOWN && spw_spool_size(f->spool) == size);
}

/** Refuse what looks dangerous, if that is the policy. */
static bool refuse(
    struct http_request *req, const struct zip_service *z, uint32_t warnings)
{
	struct zip_fault fault;

	warnings &= ZIP_WARN_HAZARDS;
	if (!z->deny || !warnings)
		return false;

	zip_fault_set(&fault, ZIP_FAULT_UNSAFE,
	    "The archive is refused: %s. See zip.deny of the configuration.",
	    zip_warn_words[zip_warn_first(warnings)]);
	zip_reply_fault(req, &fault);
	return true;
}

void zip_visit_unseen(
    struct http_request *req, const struct zip_visit *v, const char *what)
{
	if (file_state(v->file) == FILE_FAILED)
		content_reply_broken(req, v->file);
	else
		http_reply_error(req, PROBLEM_CONFLICT,
		    "%s GET /files/{id}/info?wait=SECONDS waits for the file.",
		    what);
}

void zip_visit_fault(struct http_request *req, const struct zip_visit *v,
    const struct zip_fault *f)
{
	if (f->kind == ZIP_FAULT_BROKEN && v->file)
		content_reply_broken(req, v->file);
	else if (f->kind == ZIP_FAULT_NOT_ZIP && !v->index)
		/* Of what came so far; see look_into(). */
		zip_visit_unseen(req, v, f->detail);
	else
		zip_reply_fault(req, f);
}

static void advance(struct http_request *req, struct zip_visit *v)
{
	if (atomic_load_explicit(&v->busy, memory_order_acquire))
		return;
	if (v->fault.kind != ZIP_FAULT_NONE) {
		zip_visit_fault(req, v, &v->fault);
		return;
	}
	if (v->building) {
		zip_serve_built(req, v);
		return;
	}
	if (!v->index) {
		v->index = zip_cache_get(v->z->cache, v->file);
		if (!v->index) {
			zip_visit_submit(req, v, ZIP_STEP_INDEX);
			return;
		}
		metrics_add(METRIC_ZIP_INDEX_HITS, 1);
	}

	if (!v->index->dir)
		zip_reply_fault(req, &v->index->fault);
	else if (refuse(req, v->z, v->index->dir->warnings))
		return;
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
	if (zip_task_stop(&v->task))
		zip_visit_unref(v);
	zip_visit_unref(v);
}

/*
 * Tasks, on a worker. The run holds a reference, which it hands on when it
 * submits itself again.
 */

static int look_into(struct zip_visit *v)
{
	struct zip_service *z = v->z;

	if (is_whole(v->file))
		return zip_index_get(
		    z->cache, v->file, &z->limits, &v->index, &v->fault);

	struct zip_arrival *a = zip_cache_arrival(z->cache, v->file);
	if (!a)
		return zip_fault_errno(&v->fault, -ENOMEM);
	return zip_arrival_look(
	    a, z->cache, z->limits.max_entries, &v->index, &v->fault);
}

static int unpack_into_file(struct zip_visit *v)
{
	struct zip_pull *p = NULL;
	uint64_t first = 0;

	int err = zip_unpack_new(
	    v->file->spool, v->entry, &first, NULL, &p, &v->fault);
	if (err < 0)
		return err;
	err = zip_fill_new(p, v->made, false, v->digests, &v->fill);
	if (err < 0) {
		zip_pull_free(p);
		return zip_fault_errno(&v->fault, err);
	}
	return 0;
}

static int prepare(struct zip_visit *v)
{
	struct zip_dir *d = v->index->dir;
	struct zip_entry *e = v->entry;
	struct spw_spool *s = v->file->spool;

	int err = zip_entry_locate(
	    e, zip_entry_name(d, e), s, d->data_end, &v->fault);
	if (err < 0)
		return err;
	if (v->step == ZIP_STEP_UNPACK)
		return zip_flow_new(s, e,
		    zip_index_points(v->index, (size_t)v->number), v->first,
		    v->len, &v->flow, &v->fault);
	if (v->step == ZIP_STEP_SAVE)
		return unpack_into_file(v);

	v->prepared = true;
	if (!zip_serve_checks(e))
		return 0;
	return e->method == ZIP_METHOD_STORE
		   ? zip_entry_check(e, s, &v->fault)
		   : zip_unpack_check(s, e, &v->fault);
}

/** The visit is the loop's again. */
static void finish(struct zip_visit *v)
{
	atomic_store_explicit(&v->busy, false, memory_order_release);
	http_waker_wake(v->waker);
	zip_visit_unref(v);
}

/** Go on when what a turn has come to says so. */
static void go_on(struct zip_visit *v, enum zip_flow_state state,
    const struct zip_fault *fault)
{
	if (state == ZIP_FLOW_MISSING) {
		struct zip_fault missing = *fault;
		if (!zip_task_wait(&v->task, &missing))
			zip_visit_unref(v);
	} else if (state == ZIP_FLOW_AGAIN && !zip_task_stopped(&v->task)) {
		zip_task_submit(&v->task);
	} else {
		zip_visit_unref(v);
	}
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
	go_on(v, state, zip_flow_fault(v->flow));
}

static void fill(struct zip_visit *v)
{
	enum zip_flow_state state = zip_fill_turn(v->fill);

	if (state == ZIP_FLOW_DONE) {
		v->fault = *zip_fill_fault(v->fill);
		finish(v);
		return;
	}
	go_on(v, state, zip_fill_fault(v->fill));
}

static void measure(struct zip_visit *v)
{
	if (zip_listing_measure(v->listing))
		go_on(v, ZIP_FLOW_AGAIN, NULL);
	else
		finish(v);
}

static void run(struct zip_task *t)
{
	struct zip_visit *v =
	    (struct zip_visit *)(void *)((char *)t -
					 offsetof(struct zip_visit, task));
	int err = 0;

	assert(v->magic == VISIT_MAGIC);
	if (zip_task_stopped(t)) {
		zip_visit_unref(v);
		return;
	}
	if (v->step == ZIP_STEP_MEASURE) {
		measure(v);
		return;
	}
	if (!v->flow && !v->fill)
		err = v->step == ZIP_STEP_INDEX ? look_into(v) : prepare(v);
	if (err == -EAGAIN) {
		struct zip_fault missing = v->fault;
		v->fault = (struct zip_fault){0};
		go_on(v, ZIP_FLOW_MISSING, &missing);
	} else if (err == 0 && v->flow) {
		unpack(v);
	} else if (err == 0 && v->fill) {
		fill(v);
	} else {
		finish(v);
	}
}

void zip_visit_resume(struct zip_visit *v)
{
	zip_task_submit(&zip_visit_ref(v)->task);
}

void zip_visit_submit(
    struct http_request *req, struct zip_visit *v, enum zip_step step)
{
	static const struct http_waiter waiter = {
	    .woken = woken, .free = request_over, .soon = true};

	if (!v->waker) {
		v->waker = http_waker_get(req);
		if (!v->waker) {
			zip_reply_errno(req, -ENOMEM);
			return;
		}
		v->task.job.share = http_client_share(req);
		http_wait(req, &waiter, zip_visit_ref(v));
	}
	v->step = step;
	atomic_store_explicit(&v->busy, true, memory_order_relaxed);
	zip_visit_resume(v);
}

struct zip_visit *zip_visit_new(struct zip_service *z, struct file *f)
{
	struct zip_visit *v = calloc(1, sizeof *v);
	if (!v)
		return NULL;

	v->magic = VISIT_MAGIC;
	v->z = z;
	v->file = f ? file_ref(f) : NULL;
	atomic_store(&v->refs, 1);
	zip_task_init(&v->task, z->workers, run);
	return v;
}

/*
 * The request.
 */

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

	struct zip_visit *v = zip_visit_new(z, f);
	if (!v) {
		zip_reply_errno(req, -ENOMEM);
		return true;
	}
	if (read_target(req, v, rest))
		advance(req, v);
	zip_visit_unref(v);
	return true;
}

void zip_save(struct http_request *req, struct zip_service *z, struct file *f,
    struct str rest, unsigned digests, const struct zip_saver *saver, void *ctx)
{
	struct zip_visit *v = zip_visit_new(z, f);
	if (!v) {
		saver->free(ctx);
		zip_reply_errno(req, -ENOMEM);
		return;
	}

	v->saver = saver;
	v->saver_ctx = ctx;
	v->digests = digests;
	if (!read_target(req, v, rest))
		;
	else if (v->target == ZIP_TARGET_LIST)
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    "Which entry is to become a file? Name it in the path, or "
		    "give its index.");
	else
		advance(req, v);
	zip_visit_unref(v);
}
