/* SPDX-License-Identifier: MIT */
/* Resumable uploads: how they begin and how they end. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "ingest/resumable.h"

#define RESUMABLE_MAGIC 0x4e5abu
/* A client that was told no URL cannot come back. */
#define ORPHAN_MS 60000
#define BLOCK ((size_t)64 * 1024)

static struct resumable *from_base(struct file_upload *u)
{
	struct resumable *r = (struct resumable *)(void *)u;

	assert(r->magic == RESUMABLE_MAGIC);
	return r;
}

struct resumable *resumable_of(const struct file *f)
{
	return f->upload ? from_base(f->upload) : NULL;
}

/* ---- its life ----------------------------------------------------------- */

static int64_t expiry(const struct resumable *r)
{
	uint64_t ms = r->in->conf->upload.expire;

	return ms ? clock_unix_ms() + (int64_t)ms : 0;
}

void resumable_touch(struct resumable *r)
{
	int64_t next = expiry(r), now = atomic_load(&r->file->expires_ms);
	int64_t step = (int64_t)(r->in->conf->upload.expire / 64);

	if (!resumable_complete(r) && next && (next - now > step || !now))
		store_set_expiry(r->in->store, r->file, next);
}

void resumable_orphan(struct resumable *r)
{
	int64_t soon = clock_unix_ms() + ORPHAN_MS;
	int64_t now = atomic_load(&r->file->expires_ms);

	if (!now || now > soon)
		store_set_expiry(r->in->store, r->file, soon);
}

/* It is open no longer. Locked; the ticket is the caller's to give back. */
static struct clients_ticket *close_it(struct resumable *r)
{
	struct clients_ticket *ticket = r->ticket;

	metrics_add(METRIC_UPLOADS_OPEN, -1);
	r->ticket = NULL;
	return ticket;
}

/* Nobody asked for that, and so nothing else tells of it. */
static void tell_expired(struct file *f)
{
	int64_t end = atomic_load(&f->expires_ms);

	if (end && end <= clock_unix_ms())
		log_info("upload %s expired before it was complete", f->id);
}

static void on_removed(struct file_upload *u)
{
	struct resumable *r = from_base(u);
	struct clients_ticket *ticket = NULL;
	struct failure e = upload_error(PROBLEM_UPLOAD_ENDED,
	    "It was deleted, or nothing came for too long.");

	pthread_mutex_lock(&r->lock);
	bool open = !r->over;
	r->gone = true;
	resumable_put_out(r);
	if (open)
		ticket = close_it(r);
	resumable_wake_all(r);
	pthread_mutex_unlock(&r->lock);
	clients_leave(ticket);
	resumable_concat_cancel(r);
	if (open) {
		tell_expired(r->file);
		metrics_add(METRIC_UPLOADS_FAILED_ABORTED, 1);
		file_fail(r->file, &e);
	}
}

static void on_free(struct file_upload *u)
{
	struct resumable *r = from_base(u);

	clients_leave(r->ticket);
	resumable_concat_free(r->parts);
	digest_free(r->digest);
	/* Only at the end of the process is there one. */
	spw_kept_close(r->kept);
	pthread_mutex_destroy(&r->kept_lock);
	pthread_mutex_destroy(&r->lock);
	pthread_mutex_destroy(&r->wake_lock);
	free(r->metadata);
	free(r->concat);
	r->magic = 0;
	free(r);
}

static int copy(struct str s, char **ret)
{
	if (!s.p)
		return 0;

	*ret = strndup(s.p, s.n);
	return *ret ? 0 : -ENOMEM;
}

static void describe(const struct file_upload *u, struct filemeta *ret)
{
	const struct resumable *r = (const void *)u;

	ret->upload = 1 + (uint64_t)r->kind;
	ret->ttl_ms = r->ttl_ms;
	ret->algs = r->digest ? digest_algs(r->digest) : 0;
	ret->told = r->told;
	ret->said = r->said;
	ret->metadata = str_from(r->metadata);
	ret->concat = str_from(r->concat);
}

struct resumable *resumable_alloc(
    struct ingest *in, const struct resumable_opts *o)
{
	struct resumable *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;

	r->base = (struct file_upload){
	    on_removed, on_free, describe, resumable_purge};
	r->magic = RESUMABLE_MAGIC;
	r->in = in;
	r->kind = o->kind;
	r->said = o->said;
	r->told = o->told;
	r->ttl_ms = o->params->ttl_ms == UINT64_MAX ? in->conf->store.ttl
						    : o->params->ttl_ms;
	/* Only resumable_concat() fills it. */
	r->busy = o->kind == RESUMABLE_FINAL;
	pthread_mutex_init(&r->lock, NULL);
	pthread_mutex_init(&r->wake_lock, NULL);
	pthread_mutex_init(&r->kept_lock, NULL);
	if (copy(o->metadata, &r->metadata) < 0 ||
	    copy(o->concat, &r->concat) < 0 ||
	    (o->algs && digest_new(o->algs, &r->digest) < 0)) {
		on_free(&r->base);
		return NULL;
	}
	return r;
}

void resumable_attach(struct resumable *r, struct file *f)
{
	f->upload = &r->base;
	file_hold_texts(f, (r->metadata ? strlen(r->metadata) : 0) +
			       (r->concat ? strlen(r->concat) : 0));
}

static struct str name_of(const struct resumable_opts *o)
{
	return o->params->name[0] ? str_from(o->params->name) : o->id;
}

static int set_up(struct file *f, const struct resumable_opts *o)
{
	const struct upload_params *p = o->params;
	int err = 0;

	f->source = o->source;
	f->unlisted = o->kind == RESUMABLE_PARTIAL;
	atomic_store(&f->reads_left, p->reads);
	if (o->id.n)
		err = file_set_id(f, o->id.p, o->id.n);
	struct str name = name_of(o);
	if (err == 0 && name.n)
		err = file_set_name(f, name.p, name.n);
	if (err == 0 && o->type.n)
		err = file_set_type(f, o->type.p, o->type.n);
	if (err == 0 && o->coding.n)
		err = file_set_coding(f, o->coding.p, o->coding.n);
	return err;
}

static struct file_opts file_opts_of(struct resumable *r, uint64_t length)
{
	return (struct file_opts){
	    .size = length,
	    .size_max = r->in->conf->store.max_file_size,
	    .on_writable = resumable_writable,
	    .user_data = r,
	};
}

void resumable_spool_opts(
    struct resumable *r, uint64_t length, struct spw_spool_opts *ret)
{
	struct file_opts fo = file_opts_of(r, length);

	file_spool_opts(r->in->store, &fo, ret);
}

/* Each of those that survive holds its content and its journal open. */
static bool are_enough(const struct ingest *in)
{
	return in->keep && in->open_most &&
	       metrics_get(METRIC_UPLOADS_OPEN) >= in->open_most;
}

/* What one that survives cannot be told of later is not taken. */
static bool says_too_much(
    const struct ingest *in, const struct resumable_opts *o)
{
	size_t id = o->id.n ? o->id.n : ID_LEN;

	return in->keep && id + name_of(o).n + o->type.n + o->coding.n +
				   o->metadata.n + o->concat.n >
			       RESUMABLE_TEXTS_MAX;
}

int resumable_new(
    struct ingest *in, const struct resumable_opts *opts, struct file **ret)
{
	if (are_enough(in))
		return -ENFILE;
	if (says_too_much(in, opts))
		return -EMSGSIZE;

	struct resumable *r = resumable_alloc(in, opts);
	if (!r)
		return -ENOMEM;

	struct file_opts fo = file_opts_of(r, opts->length);
	fo.owner = opts->params->owner;
	unsigned max = upload_client_max(in);
	int err = 0;
	if (max && in->clients)
		err = clients_enter(
		    in->clients, fo.owner.share, max, &r->ticket);
	if (err == 0)
		err = file_new(in->store, &fo, &r->file);
	if (err < 0) {
		on_free(&r->base);
		return err;
	}

	struct file *f = r->file;
	resumable_attach(r, f);
	atomic_store(&f->expires_ms, expiry(r));
	err = set_up(f, opts);
	if (err == 0)
		err = store_add(in->store, f);
	if (err < 0) {
		file_unref(f);
		return err;
	}
	metrics_add(METRIC_UPLOADS_OPEN, 1);
	metrics_add(METRIC_UPLOADS_STARTED, 1);
	*ret = f;
	return 0;
}

/* ---- the end ------------------------------------------------------------ */

/* A part lives on as an upload does, until it is of no more use. */
static void set_final_expiry(struct resumable *r)
{
	uint64_t ms = r->ttl_ms;

	if (r->kind == RESUMABLE_PARTIAL)
		ms = r->in->conf->upload.expire;
	store_set_expiry(r->in->store, r->file,
	    ms ? clock_unix_ms() + (int64_t)ms : 0);
}

/* What came before the start no digest was shown. */
static int digest_all(struct resumable *r)
{
	char block[BLOCK];
	uint64_t off = 0;
	ssize_t n;

	while ((n = spw_spool_pread(
		    r->file->spool, block, sizeof(block), off)) > 0) {
		digest_add(r->digest, block, (size_t)n);
		off += (uint64_t)n;
	}
	r->anew = false;
	return (int)n;
}

/* Sealed: is it what was said of it? `how` it differs is set with -EBADE. */
static int check_whole(
    struct resumable *r, char how[DIGEST_DIFFERENCE_SIZE])
{
	struct digest_set got;

	if (!r->digest)
		return 0;

	int err = r->anew ? digest_all(r) : 0;
	if (err == 0)
		err = digest_finish(r->digest, &got);
	if (err < 0)
		return err;
	if (digest_differs(&got, &r->said)) {
		digest_difference_write(&got, &r->said, how);
		return -EBADE;
	}

	/* Without memory for it, it is asked for again. */
	(void)!file_add_digests(r->file, &got);
	return 0;
}

/* It is not what was announced. Who is told of that finds it gone. */
static void throw_away(struct resumable *r, const char *how)
{
	char text[256];

	snprintf(text, sizeof(text),
	    "The whole content's %s as was said; it was not kept.", how);
	struct failure e = upload_error(PROBLEM_DIGEST_MISMATCH, text);

	metrics_add(METRIC_UPLOADS_FAILED_DIGEST, 1);
	file_fail(r->file, &e);
	store_remove(r->in->store, r->file);
}

/*
 * Busy. `err` is what came of sealing; `later`: it is to be told to who asks
 * next.
 */
static int end_finish(struct resumable *r, int err, bool later)
{
	struct clients_ticket *ticket = NULL;
	char how[DIGEST_DIFFERENCE_SIZE] = "";

	if (err == 0)
		err = check_whole(r, how);
	if (err == 0) {
		set_final_expiry(r);
		err = resumable_keep_whole(r);
		if (err < 0)
			store_set_expiry(r->in->store, r->file, expiry(r));
	}
	if (err == -EIO && store_keeps(r->in->store)) {
		resumable_lose(r);
		return err;
	}
	pthread_mutex_lock(&r->lock);
	r->result = later ? err : 0;
	if (r->gone) {
		err = -ENOENT;
	} else if (err == 0 || err == -EBADE) {
		r->over = true;
		r->result = err;
		r->turn = NULL;
		ticket = close_it(r);
		if (err == 0)
			file_ready(r->file);
	}
	pthread_mutex_unlock(&r->lock);
	clients_leave(ticket);
	if (err == 0)
		metrics_add(METRIC_UPLOADS_COMPLETED, 1);
	if (err == -EBADE)
		throw_away(r, how);

	pthread_mutex_lock(&r->lock);
	r->busy = false;
	resumable_wake_all(r);
	pthread_mutex_unlock(&r->lock);
	return err;
}

static void seal(struct spw_job *job)
{
	struct resumable *r =
	    (struct resumable *)(void *)((char *)job -
					 offsetof(struct resumable, seal));
	struct file *f = r->file;

	end_finish(r, spw_spool_seal(f->spool), true);
	file_unref(f);
}

/*
 * Locked. Returns: 1 when the caller is to seal it now, and nobody else does
 * any more.
 */
static int begin_finish(struct resumable *r, struct resumable_turn *turn)
{
	int err = r->result;

	if (r->gone && !r->over)
		return -ENOENT;
	if (r->over)
		return err;
	if (r->busy) {
		if (turn)
			resumable_add_wait(r, &turn->wait);
		return -EAGAIN;
	}
	/* What a worker told while nobody listened. */
	r->result = 0;
	if (err < 0)
		return err;
	/* Who has the turn will see to it. */
	if (!turn && r->turn)
		return 0;
	if (turn && r->turn != turn)
		return -ECANCELED;

	r->busy = true;
	return 1;
}

int resumable_finish(struct resumable *r, struct resumable_turn *turn)
{
	pthread_mutex_lock(&r->lock);
	int err = begin_finish(r, turn);
	pthread_mutex_unlock(&r->lock);
	if (err != 1)
		return err;

	bool keeps = store_keeps(r->in->store);
	err = keeps ? -EAGAIN : spw_spool_try_seal(r->file->spool);
	if (err != -EAGAIN)
		return end_finish(r, err, false);

	pthread_mutex_lock(&r->lock);
	if (turn)
		resumable_add_wait(r, &turn->wait);
	pthread_mutex_unlock(&r->lock);
	file_ref(r->file);
	r->seal.run = seal;
	r->seal.share = r->file->share;
	spw_pool_submit(
	    keeps ? store_keepers(r->in->store) : r->in->workers, &r->seal);
	return -EAGAIN;
}

void resumable_settle(struct resumable *r)
{
	uint64_t length = resumable_length(r);

	if (r->file->source == FILE_FROM_TUS && length != FILE_SIZE_UNKNOWN &&
	    resumable_offset(r) == length && !resumable_complete(r))
		(void)!resumable_finish(r, NULL);
}

int resumable_seal(struct resumable *r)
{
	return end_finish(r, spw_spool_seal(r->file->spool), false);
}

void resumable_fail(struct resumable *r, int err, const char *why)
{
	struct clients_ticket *ticket = NULL;
	struct http_problem p =
	    http_problem_limited(err, r->file->account, SPW_UNLIMITED);
	struct failure e =
	    upload_error(PROBLEM_UPLOAD_FAILED, why ? why : p.detail);

	e.status = http_problem_status(&p);
	pthread_mutex_lock(&r->lock);
	bool open = !r->gone && !r->over;
	r->busy = false;
	r->over = true;
	r->result = err;
	if (open)
		ticket = close_it(r);
	resumable_wake_all(r);
	pthread_mutex_unlock(&r->lock);
	clients_leave(ticket);
	if (open) {
		metrics_add(METRIC_UPLOADS_FAILED_ERROR, 1);
		file_fail(r->file, &e);
	}
}
