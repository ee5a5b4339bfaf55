/* SPDX-License-Identifier: MIT */
/* Resumable uploads of before the start, open ones and complete ones. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "ingest/resumable.h"

static bool is_sound(const struct filemeta *m)
{
	return m->upload >= 1 && m->upload <= RESUMABLE_FINAL + 1 &&
	       !(m->algs & ~(uint64_t)DIGEST_ALL) &&
	       !(m->told & ~(uint64_t)DIGEST_ALL);
}

static int new_upload(struct ingest *in, const struct filemeta *m,
    struct resumable **ret)
{
	const struct upload_params params = {.ttl_ms = m->ttl_ms};
	const struct resumable_opts opts = {
	    .kind = (enum resumable_kind)(m->upload - 1),
	    .params = &params,
	    .metadata = m->metadata,
	    .concat = m->concat,
	    .algs = (unsigned)m->algs & digest_able(),
	    .said = m->said,
	    .told = (unsigned)m->told,
	};

	*ret = resumable_alloc(in, &opts);
	return *ret ? 0 : -ENOMEM;
}

int resumable_revive(void *ctx, struct file *f, const struct filemeta *m)
{
	struct resumable *r;

	if (!is_sound(m))
		return -EBADMSG;
	int err = new_upload(ctx, m, &r);
	if (err < 0)
		return err;

	r->over = true;
	r->busy = false;
	r->file = f;
	resumable_attach(r, f);
	return 0;
}

/*
 * Was it finished, and killed before its journal was deleted? Then its content
 * is that of the file, in the same inode. Returns: 1; 0.
 */
static int is_finished(struct ingest *in, const struct filemeta *m)
{
	struct file *f;

	int err = store_load(in->store, m->id.p, m->id.n, &f);
	if (err < 0)
		return err == -ENOENT ? 0 : err;

	bool same = m->etag.n == ID_LEN &&
		    memcmp(f->made_id, m->etag.p, ID_LEN) == 0;
	file_unref(f);
	return same;
}

/* Where its content goes on, as that of any upload. */
static int adopt(struct resumable *r, const char *name)
{
	struct spw_spool_opts o;

	resumable_spool_opts(r, FILE_SIZE_UNKNOWN, &o);
	o.dir = NULL;
	return spw_kept_adopt(r->in->keep, name, &o, &r->kept);
}

/* All is known: from here on it is in the store. */
static int enter(struct resumable *r)
{
	struct file *f = r->file;

	resumable_attach(r, f);
	/* Of what came before the start nothing was added to it. */
	r->anew = r->digest != NULL;
	r->noted = r->journaled = true;
	atomic_store(&r->safe, resumable_offset(r));
	bool in = store_add_restored(r->in->store, f);
	if (in) {
		metrics_add(METRIC_UPLOADS_OPEN, 1);
		metrics_add(METRIC_UPLOADS_RESTORED, 1);
		resumable_settle(r);
	}
	file_unref(f);
	return in ? 0 : -EEXIST;
}

/* Returns: 0 it goes on; 1 it is of no use. */
static int resume(struct ingest *in, const char *name,
    const struct filemeta *m)
{
	struct resumable *r;

	if (!is_sound(m) || !id_valid(m->id.p, m->id.n))
		return -EBADMSG;
	if (m->expires_ms && m->expires_ms <= clock_unix_ms())
		return 1;
	int err = is_finished(in, m);
	if (err == 0)
		err = new_upload(in, m, &r);
	if (err != 0)
		return err;

	err = adopt(r, name);
	if (err == 0)
		err = file_resume(
		    in->store, m, spw_kept_spool(r->kept), &r->file);
	if (err < 0) {
		r->base.free(&r->base);
		return err;
	}
	return enter(r);
}

/* What the journal says it is. */
static int read_meta(struct ingest *in, const char *name,
    uint8_t buf[FILEMETA_MAX], struct filemeta *ret)
{
	ssize_t n = spw_keep_meta(in->keep, name, buf, FILEMETA_MAX);
	if (n < 0)
		return n == -EMSGSIZE ? -EBADMSG : (int)n;

	int err = filemeta_read(buf, (size_t)n, ret);
	return err == -ENOTSUP ? -EBADMSG : err;
}

static int restore_one(const char *name, void *ctx)
{
	uint8_t buf[FILEMETA_MAX];
	struct ingest *in = ctx;
	struct filemeta m;

	int err = read_meta(in, name, buf, &m);
	if (err == 0)
		err = resume(in, name, &m);
	if (err == -ESTALE || err == -EBADMSG) {
		log_warn("the upload %s did not survive: %s", name,
		    err == -ESTALE ? "the machine was down" : "damaged");
		metrics_add(METRIC_FILES_DAMAGED, 1);
		err = 1;
	}
	/* Without content: it was killed while it made, or deleted, it. */
	if (err == 1 || err == -ENOENT)
		err = spw_keep_reap(in->keep, name);
	if (err < 0)
		log_error("the upload %s cannot go on: %s", name,
		    strerror(-err));
	/* One of them does not keep the others from it. */
	return 0;
}

int resumable_restore(struct ingest *in)
{
	return in->keep ? spw_keep_list(in->keep, restore_one, in) : 0;
}
