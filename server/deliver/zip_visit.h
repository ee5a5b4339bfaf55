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
 * References: one for the request (from zip_handle() to the waiter's end), one
 * for each task that is queued or runs, one for a reply that reads from
 * `flow`. Whoever drops the last one frees everything.
 */
#ifndef DELIVER_ZIP_VISIT_H
#define DELIVER_ZIP_VISIT_H

#include <stdatomic.h>

#include "deliver/zip.h"
#include "deliver/zip_flow.h"
#include "deliver/zip_index.h"

struct zip_service {
	struct zip_limits limits;
	uint64_t max_entry_size;
	uint64_t max_ratio; /* 0: none */
	struct spw_pool *workers;
	_Atomic unsigned active; /* entries being unpacked */
};

enum zip_target {
	ZIP_TARGET_LIST,
	ZIP_TARGET_NUMBER, /* the entry `number` */
	ZIP_TARGET_NAME,   /* the entry called `name` */
};

enum zip_task {
	ZIP_TASK_INDEX,	  /* read the directory */
	ZIP_TASK_PREPARE, /* find the entry's bytes; check them if stored */
	ZIP_TASK_UNPACK,  /* find them and unpack [first, first + len) */
};

struct zip_visit {
	uint32_t magic;
	_Atomic unsigned refs;
	struct zip_service *z;
	struct file *file;
	enum zip_target target;
	uint64_t number;
	char *name;
	size_t name_len;

	struct http_waker *waker; /* with the first task */
	struct spw_job job;
	enum zip_task task;
	_Atomic bool busy;
	_Atomic bool gone;	/* the request is over */
	struct zip_fault fault; /* what went wrong in a task */

	struct zip_index *index;
	struct zip_entry *entry; /* of `index` */
	bool prepared;
	bool counted;	     /* in z->active */
	bool part;	     /* only a range was asked for */
	uint64_t first, len; /* what of the entry is unpacked */
	struct zip_flow *flow;
};

/**
 * Have a worker do a task; the request waits and is looked at again after it.
 * Without memory it is answered instead.
 */
void zip_visit_submit(
    struct http_request *req, struct zip_visit *v, enum zip_task task);

/** Have a worker go on with `flow`; any thread, when its ring asks for it. */
void zip_visit_resume(struct zip_visit *v);

struct zip_visit *zip_visit_ref(struct zip_visit *v);
void zip_visit_unref(struct zip_visit *v);

/** Answer with what is wrong, and count it. */
void zip_reply_fault(struct http_request *req, const struct zip_fault *f);

/** Answer that the system failed here. */
void zip_reply_errno(struct http_request *req, int err);

/** Answer with the listing, or with why not. */
void zip_serve_list(struct http_request *req, struct zip_visit *v);

/** Answer with the entry or with why not, or submit what is needed first. */
void zip_serve_entry(struct http_request *req, struct zip_visit *v);

#endif
