/* SPDX-License-Identifier: MIT */
#include "deliver/zip_index.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/metrics.h"

#define INDEX_MAGIC 0x219d12ecu

static struct zip_index *from_extra(struct file_extra *x)
{
	if (!x)
		return NULL;

	/* `extra` is the first member. */
	struct zip_index *ix = (struct zip_index *)x;
	assert(ix->magic == INDEX_MAGIC);
	return ix;
}

_Static_assert(offsetof(struct zip_index, extra) == 0, "see from_extra()");

static void index_free(struct file_extra *x)
{
	struct zip_index *ix = from_extra(x);

	if (ix->dir)
		metrics_add(METRIC_ZIP_INDEX_BYTES, -(int64_t)ix->dir->bytes);
	zip_dir_free(ix->dir);
	ix->magic = 0;
	free(ix);
}

struct zip_index *zip_index_of(struct file *f)
{
	return from_extra(file_extra(f));
}

int zip_index_get(
    struct file *f, const struct zip_limits *limits, struct zip_index **ret)
{
	struct zip_index *ix = zip_index_of(f);

	if (ix) {
		*ret = ix;
		return 0;
	}

	ix = calloc(1, sizeof *ix);
	if (!ix)
		return -ENOMEM;

	ix->extra.free = index_free;
	ix->magic = INDEX_MAGIC;
	int err = zip_dir_read(f->spool, limits, &ix->dir, &ix->fault);
	if (err < 0 && ix->fault.kind == ZIP_FAULT_SYSTEM) {
		free(ix);
		return err;
	}

	if (ix->dir)
		metrics_add(METRIC_ZIP_INDEX_BYTES, (int64_t)ix->dir->bytes);
	*ret = from_extra(file_extra_set(f, &ix->extra));
	return 0;
}
