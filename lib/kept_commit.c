/* SPDX-License-Identifier: MIT */
/*
 * Committing: first the content, then the journal, each on the disk before
 * the next if that is wanted.
 */
#include "keep.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "spool.h"
#include "sys.h"

int spw__kept_encode(struct spw_kept *k, struct spw__journal *next,
    struct spw__kept_record *ret)
{
	ret->seq = next->seq = k->says.seq + 1;
	next->synced = k->keep->flags & SPW_KEEP_SYNC;
	memcpy(next->boot, k->keep->boot, sizeof(next->boot));
	return spw__journal_encode(next, &ret->bytes, &ret->len);
}

/* It is written: this is what it says. */
static void set_record(struct spw_kept *k, const struct spw__kept_record *rec)
{
	int r = spw__journal_decode(rec->bytes, rec->len, &k->says);

	assert(r == 0);
	spw__sys_free(k->record);
	k->record = rec->bytes;
}

int spw__kept_write(struct spw_kept *k, struct spw__kept_record *rec)
{
	int r = spw__journal_write(k->fd, rec->bytes, rec->len, rec->seq);
	if (r == 0) {
		r = spw__keep_sync(k->keep, k->fd);
		k->broken = r < 0;
	}
	if (r < 0) {
		spw__sys_free(rec->bytes);
		return spw__disk_error(r);
	}
	set_record(k, rec);
	return 0;
}

/* Everything is in the file, and nobody can take it away. Busy. */
static int write_down(struct spw_kept *k, struct spw__kept_record *rec)
{
	int r = spw__keep_sync(k->keep, atomic_load(&k->spool->fd));
	if (r < 0) {
		k->broken = true;
		spw__sys_free(rec->bytes);
		return spw__disk_error(r);
	}
	return spw__kept_write(k, rec);
}

/* Locked. Is there as much as is to be committed? */
static int check(struct spw_kept *k, const struct spw_kept_note *n)
{
	struct spw_spool *s = k->spool;

	if (k->broken)
		return -EIO;
	if (!spw__spool_sparse(s) && n->length != SPW_UNLIMITED &&
	    n->length > atomic_load(&s->committed))
		return -EINVAL;
	if (n->meta_len > SPW_KEEP_META_MAX ||
	    n->state_len > SPW_KEEP_STATE_MAX)
		return -EMSGSIZE;

	return k->removed ? -EINVAL : 0;
}

/* Locked and busy. What to say: `range` is for a spool that has only one. */
static void say(struct spw_kept *k, const struct spw_kept_note *n,
    struct spw__extent *range, struct spw__journal *next)
{
	struct spw_spool *s = k->spool;
	uint64_t there = atomic_load(&s->on_disk);
	bool sealed = atomic_load(&s->state) == SPW_STATE_SEALED;

	*range = (struct spw__extent){ 0,
		n->length < there ? n->length : there };
	*next = (struct spw__journal){
		.sealed = sealed && range->end == there,
		.ranges = range,
		.count = range->end > 0,
		.meta = n->meta ? n->meta : k->says.meta,
		.meta_len = n->meta ? n->meta_len : k->says.meta_len,
		.state = n->state,
		.state_len = n->state ? n->state_len : 0,
	};
	if (spw__spool_sparse(s)) {
		next->size = s->opts.size_hint;
		next->sealed = sealed;
		next->ranges = s->extents.items;
		next->count = s->extents.count;
	}
}

/* Locked and busy; drops the lock meanwhile. */
static int commit(struct spw_kept *k, const struct spw_kept_note *n)
{
	struct spw_spool *s = k->spool;
	struct spw__extent range;
	struct spw__journal next;
	struct spw__kept_record rec;

	int r = check(k, n);
	if (r == 0)
		r = spw__spool_flush(s);
	if (r < 0)
		return r;

	/* While it is locked, or the ranges might be elsewhere. */
	say(k, n, &range, &next);
	r = spw__kept_encode(k, &next, &rec);
	if (r < 0)
		return r;

	pthread_mutex_unlock(&s->lock);
	r = write_down(k, &rec);
	pthread_mutex_lock(&s->lock);
	return r;
}

int spw_kept_commit(struct spw_kept *k, const struct spw_kept_note *note)
{
	static const struct spw_kept_note all = { .length = SPW_UNLIMITED };
	struct spw_spool *s = k->spool;

	pthread_mutex_lock(&s->lock);
	spw__spool_busy_begin(s);
	int r = commit(k, note ? note : &all);
	spw__spool_busy_end(s);
	pthread_mutex_unlock(&s->lock);
	spw__spool_settle(s);
	return r;
}

void spw_kept_note(const struct spw_kept *k, struct spw_kept_note *ret)
{
	const struct spw__journal *j = &k->says;

	*ret = (struct spw_kept_note){
		.meta = j->meta,
		.meta_len = j->meta_len,
		.state = j->state,
		.state_len = j->state_len,
	};
	for (size_t i = 0; i < j->count; i++)
		ret->length += j->ranges[i].end - j->ranges[i].first;
}
