/* SPDX-License-Identifier: MIT */
#include "deliver/zip_make.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "common/media.h"
#include "deliver/zip_visit.h"

#define MAKING_MAGIC 0x219bd11du
/** Room for a Content-Disposition. */
#define DISPOSITION_SIZE (FILE_NAME_SIZE * 4 + 64)

/*
 * An answer.
 */

void zip_serve_built(struct http_request *req, struct zip_visit *v)
{
	char value[DISPOSITION_SIZE];

	if (zip_ring_error(zip_flow_ring(v->flow)) != 0) {
		zip_reply_fault(req, zip_flow_fault(v->flow));
		return;
	}

	metrics_add(METRIC_ZIP_BUILT, 1);
	struct http_reply r = zip_visit_stream(req, v, 200, v->len);
	http_reply_header(&r, "Content-Type", "application/zip");
	http_reply_header(&r, "Cache-Control", "no-store");
	http_reply_header(&r, "X-Content-Type-Options", "nosniff");
	if (disposition_format(v->title, true, value, sizeof value) <
	    sizeof value)
		http_reply_header(&r, "Content-Disposition", value);
	http_reply(req, &r);
}

/** Errors: -ENOMEM. Takes `b` when it succeeds. */
static int new_visit(struct zip_service *z, struct zip_build *b,
    const char *name, struct zip_visit **ret)
{
	uint64_t size = zip_build_size(b);
	struct zip_visit *v = zip_visit_new(z, NULL);
	if (!v)
		return -ENOMEM;

	v->building = true;
	v->len = size == SPW_UNLIMITED ? HTTP_LENGTH_UNKNOWN : size;
	v->title = name ? strdup(name) : NULL;
	int err = name && !v->title
		      ? -ENOMEM
		      : zip_flow_of(zip_build_pull(b), size, &v->flow);
	if (err < 0) {
		zip_visit_unref(v);
		return err;
	}
	*ret = v;
	return 0;
}

void zip_make_reply(struct http_request *req, struct zip_service *z,
    struct zip_build *b, const char *name)
{
	struct zip_visit *v = NULL;
	struct zip_place place;

	if (!zip_service_enter(
		req, z, ZIP_RING_BYTES + ZIP_BUILD_MEMORY, &place)) {
		zip_build_free(b);
		return;
	}
	int err = new_visit(z, b, name, &v);
	if (err < 0) {
		zip_service_leave(z, &place);
		zip_build_free(b);
		zip_reply_errno(req, err);
		return;
	}
	v->place = place;
	zip_visit_submit(req, v, ZIP_STEP_SEND);
	zip_visit_unref(v);
}

/*
 * A file.
 */

/* It belongs to whoever runs it. */
struct making {
	uint32_t magic;
	struct zip_service *z;
	struct zip_place place;
	struct zip_task task;
	struct zip_fill *fill;
};

static void end_making(struct making *m)
{
	zip_fill_abandon(m->fill);
	zip_service_leave(m->z, &m->place);
	zip_task_fini(&m->task);
	zip_fill_free(m->fill);
	m->magic = 0;
	free(m);
}

static void run(struct zip_task *t)
{
	struct making *m =
	    (struct making *)(void *)((char *)t -
				      offsetof(struct making, task));

	assert(m->magic == MAKING_MAGIC);
	enum zip_flow_state state = atomic_load(&m->z->stopping)
					? ZIP_FLOW_DONE
					: zip_fill_turn(m->fill);
	if (state == ZIP_FLOW_MISSING) {
		if (!zip_task_wait(t, zip_fill_fault(m->fill)))
			end_making(m);
	} else if (state == ZIP_FLOW_AGAIN) {
		zip_task_submit(t);
	} else {
		end_making(m);
	}
}

bool zip_make_file(struct http_request *req, struct zip_service *z,
    struct zip_build *b, struct file *f, unsigned algs)
{
	struct making *m = calloc(1, sizeof *m);
	int err = -ENOMEM;

	if (m)
		err = zip_fill_new(zip_build_pull(b), f, true, algs, &m->fill);
	if (err < 0) {
		zip_build_free(b);
		free(m);
		zip_reply_errno(req, err);
		return false;
	}
	if (!zip_service_enter(req, z, ZIP_BUILD_MEMORY, &m->place)) {
		zip_fill_free(m->fill);
		free(m);
		return false;
	}

	m->magic = MAKING_MAGIC;
	m->z = z;
	zip_task_init(&m->task, z->workers, run);
	m->task.job.share = http_client_share(req);
	metrics_add(METRIC_ZIP_BUILT, 1);
	zip_task_submit(&m->task);
	return true;
}
