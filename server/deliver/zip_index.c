/* SPDX-License-Identifier: MIT */
#include "deliver/zip_index.h"

#include <errno.h>
#include <stdlib.h>

struct zip_index *zip_index_new(void)
{
	struct zip_index *ix = calloc(1, sizeof *ix);
	if (!ix)
		return NULL;

	atomic_store(&ix->refs, 1);
	pthread_mutex_init(&ix->lock, NULL);
	return ix;
}

int zip_index_get(struct zip_cache *c, struct file *f,
    const struct zip_limits *limits, struct zip_index **ret,
    struct zip_fault *reterr)
{
	struct zip_index *ix = zip_cache_get(c, f);

	if (ix) {
		*ret = ix;
		return 0;
	}

	ix = zip_index_new();
	if (!ix)
		return zip_fault_errno(reterr, -ENOMEM);

	int err = zip_dir_read(f->spool, limits, &ix->dir, &ix->fault);
	/* What is wrong with the bytes will not change: it is kept as well. */
	if (err < 0 && err != -EBADMSG) {
		*reterr = ix->fault;
		zip_index_unref(ix);
		return err;
	}
	ix->bytes = sizeof *ix + (ix->dir ? ix->dir->bytes : 0);
	ix = zip_cache_put(c, f, ix);
	if (!ix)
		return zip_fault_errno(reterr, -EBUSY);

	*ret = ix;
	return 0;
}

struct zip_points *zip_index_points(struct zip_index *ix, size_t entry)
{
	pthread_mutex_lock(&ix->lock);
	struct zip_points *p = zip_points_find(ix->points, entry);
	if (!p) {
		p = zip_points_new(
		    ix, entry, ix->dir->entries[entry].size, ix->points);
		if (p)
			ix->points = p;
	}
	pthread_mutex_unlock(&ix->lock);
	return p;
}
