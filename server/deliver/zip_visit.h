/* SPDX-License-Identifier: MIT */
/*
 * A request on its way through the zip service: shared by zip.c, which runs
 * it, and zip_serve.c, which answers it.
 *
 * The loop thread decides, a worker does what may block, in turns: while
 * `busy` a task is queued or runs and the visit is the worker's; otherwise it
 * is the loop's. Once the reply is under way the only thing both use is the
 * ring of `flow`.
 *
 * A task that finds bytes missing, of a file that is fetched as it is needed,
 * is queued again when they have come.
 *
 * References: one for the request (from zip_handle() to the waiter's end), one
 * for each task that is queued or runs, one for a reply that reads from
 * `flow`. Whoever drops the last one frees everything.
 */
#ifndef DELIVER_ZIP_VISIT_H
#define DELIVER_ZIP_VISIT_H

#include <stdatomic.h>

#include "deliver/zip_fill.h"
#include "deliver/zip_flow.h"
#include "deliver/zip_index.h"
#include "deliver/zip_service.h"
#include "deliver/zip_task.h"

enum zip_target {
	ZIP_TARGET_LIST,
	ZIP_TARGET_NUMBER, /* the entry `number` */
	ZIP_TARGET_NAME,   /* the entry called `name` */
};

enum zip_step {
	ZIP_STEP_INDEX,	  /* read the directory, or what can be seen of it */
	ZIP_STEP_PREPARE, /* find the entry's bytes; check them if few */
	ZIP_STEP_UNPACK,  /* find them and unpack [first, first + len) */
	ZIP_STEP_SAVE,	  /* find them and unpack them into `fill` */
	ZIP_STEP_SEND,	  /* go on with `flow`, which is there */
	ZIP_STEP_MEASURE, /* find how long `listing` is */
};

struct zip_visit {
	uint32_t magic;
	_Atomic unsigned refs;
	struct zip_service *z;
	struct file *file; /* NULL: see `building` */
	enum zip_target target;
	uint64_t number;
	char *name;
	size_t name_len;

	struct http_waker *waker; /* with the first task */
	struct zip_task task;	  /* stopped once the request is over */
	enum zip_step step;	  /* what it is to do */
	_Atomic bool busy;
	struct zip_fault fault; /* what went wrong in it */

	struct zip_index *index; /* with a reference */
	struct zip_entry *entry; /* of `index` */
	bool prepared;
	struct zip_place place;
	bool part;	     /* only a range was asked for */
	uint64_t first, len; /* what of the entry is unpacked */
	struct zip_flow *flow;

	/* Nothing but its length is to be told, or NULL. */
	struct zip_listing *listing;

	/* The entry becomes a file. */
	const struct zip_saver *saver; /* or NULL */
	void *saver_ctx;
	unsigned digests; /* that the file gets */
	struct file *made;
	struct zip_fill *fill;

	/* An archive is built, of files that are not this one. */
	bool building;
	char *title; /* what it is called, or NULL */
};

/** Returns: a visit with one reference; NULL without memory. */
struct zip_visit *zip_visit_new(struct zip_service *z, struct file *f);

/**
 * Have a worker do a task; the request waits and is looked at again after it.
 * Without memory it is answered instead.
 */
void zip_visit_submit(
    struct http_request *req, struct zip_visit *v, enum zip_step step);

/** Have a worker go on with `flow`; any thread, when its ring asks for it. */
void zip_visit_resume(struct zip_visit *v);

struct zip_visit *zip_visit_ref(struct zip_visit *v);
void zip_visit_unref(struct zip_visit *v);

/** Returns: a reply of `len` bytes (HTTP_LENGTH_UNKNOWN) from `flow`. */
struct http_reply zip_visit_stream(
    struct http_request *req, struct zip_visit *v, int status, uint64_t len);

/**
 * Answer that what is asked for is not among what came of the file so far:
 * that it is to be waited for, or, of a file that failed, why it never comes.
 */
void zip_visit_unseen(
    struct http_request *req, const struct zip_visit *v, const char *what);

/** Answer with what is wrong with the file of a visit. */
void zip_visit_fault(struct http_request *req, const struct zip_visit *v,
    const struct zip_fault *f);

/** Answer with the archive that is built (zip_make.c). */
void zip_serve_built(struct http_request *req, struct zip_visit *v);

/** Answer with the listing or with why not, or submit what is needed first. */
void zip_serve_list(struct http_request *req, struct zip_visit *v);
/** Measure the next piece of a listing; a worker's. Returns: whether more is to
    come. */
bool zip_listing_measure(struct zip_listing *l);
/** Free it; NULL is allowed. */
void zip_listing_free(struct zip_listing *l);

/** Whether an entry that goes out as it lies there is checked before. */
bool zip_serve_checks(const struct zip_entry *e);

/** Answer with the entry or with why not, or submit what is needed first. */
void zip_serve_entry(struct http_request *req, struct zip_visit *v);

#endif
