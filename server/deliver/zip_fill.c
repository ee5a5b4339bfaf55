/* SPDX-License-Identifier: MIT */
#include "deliver/zip_fill.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/digest.h"
#include "base/metrics.h"
#include "deliver/zip_service.h"
#include "http/problem.h"
#include "store/store.h"

#define BLOCK_SIZE ((size_t)64 * 1024)

struct zip_fill {
	struct zip_pull *pull;
	struct file *file;
	struct digest *digest; /* or NULL */
	bool known;
	bool over;
	struct zip_fault fault;
	char block[BLOCK_SIZE];
};

int zip_fill_new(struct zip_pull *p, struct file *f, bool known, unsigned algs,
    struct zip_fill **ret)
{
	struct zip_fill *fl = malloc(sizeof *fl);
	if (!fl)
		return -ENOMEM;

	fl->digest = NULL;
	int err = algs ? digest_new(algs, &fl->digest) : 0;
	if (err < 0) {
		free(fl);
		return err;
	}
	fl->pull = p;
	fl->file = file_ref(f);
	fl->known = known;
	fl->over = false;
	fl->fault = (struct zip_fault){0};
	*ret = fl;
	return 0;
}

/** It broke: whoever reads the file is told. */
static enum zip_flow_state fail(struct zip_fill *fl)
{
	struct failure e = {.status = 0};

	/* Of others only their request is told, by itself. */
	if (fl->known) {
		struct http_problem p = zip_problem(
		    &fl->fault, fl->file->account, SPW_UNLIMITED);

		const struct http_problem_type *type =
		    http_problem_type(p.kind);

		e.status = type->status;
		e.type = type->name;
		e.title = type->title;
		snprintf(e.detail, sizeof e.detail, "%s", p.detail);
	}
	fl->over = true;
	file_fail(fl->file, &e);
	return ZIP_FLOW_DONE;
}

/** Note the digests of what was made. */
static int note_digests(struct zip_fill *fl)
{
	struct digest_set set;

	if (!fl->digest)
		return 0;

	int err = digest_finish(fl->digest, &set);
	if (err == 0)
		err = file_add_digests(fl->file, &set);
	if (err == 0)
		metrics_add(METRIC_DIGESTS_ARRIVING, 1);
	return err;
}

static enum zip_flow_state complete(struct zip_fill *fl)
{
	struct file *f = fl->file;

	int err = spw_spool_seal(f->spool);
	if (err == 0)
		err = note_digests(fl);
	if (err == 0 && fl->known && store_keeps(f->store))
		err = store_keep(f->store, f);
	if (err < 0) {
		zip_fault_errno(&fl->fault, err);
		return fail(fl);
	}

	fl->over = true;
	fl->fault = (struct zip_fault){0};
	file_ready(f);
	return ZIP_FLOW_DONE;
}

enum zip_flow_state zip_fill_turn(struct zip_fill *fl)
{
	for (size_t made = 0; made < ZIP_FLOW_TURN_BYTES;) {
		ssize_t n = zip_pull_read(
		    fl->pull, fl->block, sizeof fl->block, &fl->fault);
		if (n == -EAGAIN)
			return ZIP_FLOW_MISSING;
		if (n == -EINTR)
			return ZIP_FLOW_AGAIN;
		if (n < 0)
			return fail(fl);
		if (n == 0)
			return complete(fl);

		int err = file_grow(fl->file, (size_t)n);
		if (err == 0)
			err = spw_spool_append(
			    fl->file->spool, fl->block, (size_t)n);
		if (err < 0) {
			zip_fault_errno(&fl->fault, err);
			return fail(fl);
		}
		if (fl->digest)
			digest_add(fl->digest, fl->block, (size_t)n);
		made += (size_t)n;
	}
	return ZIP_FLOW_AGAIN;
}

const struct zip_fault *zip_fill_fault(const struct zip_fill *fl)
{
	return &fl->fault;
}

void zip_fill_abandon(struct zip_fill *fl)
{
	if (fl->over)
		return;

	zip_fault_errno(&fl->fault, -ECANCELED);
	fail(fl);
}

void zip_fill_free(struct zip_fill *fl)
{
	if (!fl)
		return;

	digest_free(fl->digest);
	zip_pull_free(fl->pull);
	file_unref(fl->file);
	free(fl);
}
