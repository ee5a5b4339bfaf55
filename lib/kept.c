/* SPDX-License-Identifier: MIT */
/* Kept spools: how they begin, are found again, and end. */
#include "keep.h"

#include <errno.h>
#include <string.h>

#include "spool.h"
#include "sys.h"

/* A spool in the directory, on disk only. */
static int new_spool(struct spw_keep *k, const struct spw_spool_opts *opts,
    uint64_t sparse_size, struct spw_spool **ret)
{
	struct spw_spool_opts o = { .size = sizeof(o) };

	if (opts)
		o = *opts;
	if (o.dir || o.cipher || (o.flags & ~(unsigned)SPW_SPOOL_SPARSE))
		return -EINVAL;

	o.dir = k->dir;
	o.memory_max = 0;
	o.flags |= SPW_SPOOL_ON_DISK;
	if (sparse_size) {
		o.flags |= SPW_SPOOL_SPARSE;
		o.size_hint = sparse_size;
	}
	return spw_spool_new(&o, ret);
}

/* Nobody else has the spool yet, nor has it a file. */
static void set_file(struct spw_spool *s, int fd)
{
	spw__dir_take_file(s->dir);
	atomic_store(&s->fd, fd);
	s->spilled = s->kept = s->named = s->journaled = s->told = true;
	s->why = SPW_SPILL_FORCED;
}

/* Half-built ones, too; their names are left alone. */
static void free_kept(struct spw_kept *k)
{
	if (k->fd >= 0)
		(void)spw__sys_close(k->fd);
	spw_spool_unref(k->spool);
	spw__sys_free(k->record);
	spw_keep_unref(k->keep);
	spw__sys_free(k);
}

static struct spw_kept *new_kept(struct spw_keep *keep,
    const struct spw__keep_files *files)
{
	struct spw_kept *k = spw__sys_alloc(sizeof(*k));

	if (k) {
		k->keep = spw__keep_ref(keep);
		k->files = *files;
		k->fd = -1;
	}
	return k;
}

/* One of this name, without content and journal yet. */
static int prepare(
    struct spw_keep *keep, const char *name, struct spw_kept **ret)
{
	struct spw__keep_files files;

	int r = spw__keep_files(name, &files);
	if (r < 0)
		return r;

	*ret = new_kept(keep, &files);
	return *ret ? 0 : -ENOMEM;
}

static int begin(struct spw_keep *keep, const char *name, struct spw_kept **ret)
{
	return keep->flags & SPW_KEEP_READ ? -EROFS
					   : prepare(keep, name, ret);
}

static int make_content(struct spw_kept *k, const struct spw_spool_opts *opts)
{
	int r = new_spool(k->keep, opts, 0, &k->spool);
	if (r < 0)
		return r;
	int fd = spw__keep_file(k->keep);
	if (fd < 0)
		return fd;

	set_file(k->spool, fd);
	return 0;
}

static int make_journal(struct spw_kept *k, const struct spw_kept_note *note)
{
	struct spw_spool *s = k->spool;
	struct spw__journal first = {
		.size = spw__spool_sparse(s) ? s->opts.size_hint : 0,
		.meta = note ? note->meta : NULL,
		.meta_len = note && note->meta ? note->meta_len : 0,
	};

	struct spw__kept_record rec;
	k->fd = spw__keep_locked_file(k->keep);
	if (k->fd < 0)
		return k->fd;

	int r = spw__kept_encode(k, &first, &rec);
	return r < 0 ? r : spw__kept_write(k, &rec);
}

/* The journal first: who has its name has the other, too. */
static int take_names(struct spw_kept *k)
{
	int dir = spw__dir_fd(k->keep->dir);
	int fd = atomic_load(&k->spool->fd);

	int r = spw__sys_link(k->fd, dir, k->files.journal);
	if (r < 0)
		return r;

	r = spw__sys_link(fd, dir, k->files.content);
	/* Left over by a crash of the machine. */
	if (r == -EEXIST) {
		r = spw__sys_unlink(dir, k->files.content);
		if (r == 0)
			r = spw__sys_link(fd, dir, k->files.content);
	}
	if (r == 0)
		r = spw__keep_sync(k->keep, dir);
	if (r < 0)
		(void)spw__keep_unlink(k->keep, &k->files);
	return r;
}

int spw_kept_create(struct spw_keep *keep, const char *name,
    const struct spw_spool_opts *opts, const struct spw_kept_note *note,
    struct spw_kept **ret)
{
	struct spw_kept *k;

	int r = begin(keep, name, &k);
	if (r < 0)
		return r;

	r = make_content(k, opts);
	if (r == 0)
		r = make_journal(k, note);
	if (r == 0)
		r = take_names(k);
	if (r < 0) {
		free_kept(k);
		return r;
	}
	*ret = k;
	return 0;
}

/* Have the file, which has no name so far. */
static int take_content(struct spw_kept *k, struct spw_spool *s)
{
	if (s->opts.cipher || spw__spool_joined(s) ||
	    spw_spool_state(s) == SPW_STATE_FAILED)
		return -EINVAL;
	int r = spw_spool_rollover(s);
	if (r < 0)
		return r;

	pthread_mutex_lock(&s->lock);
	spw__spool_busy_begin(s);
	if (s->segment || s->dir != k->keep->dir || s->journaled ||
	    spw__spool_gone(s))
		r = -EINVAL;
	else
		s->named = s->journaled = true;
	spw__spool_busy_end(s);
	pthread_mutex_unlock(&s->lock);
	if (r == 0)
		k->spool = spw_spool_ref(s);
	return r;
}

static void no_journal(struct spw_spool *s)
{
	pthread_mutex_lock(&s->lock);
	s->journaled = false;
	pthread_mutex_unlock(&s->lock);
}

int spw_kept_take(struct spw_keep *keep, const char *name,
    struct spw_spool *s, const struct spw_kept_note *note,
    struct spw_kept **ret)
{
	struct spw_kept *k;

	int r = begin(keep, name, &k);
	if (r < 0)
		return r;

	r = take_content(k, s);
	if (r == 0)
		r = make_journal(k, note);
	if (r == 0)
		r = take_names(k);
	if (r < 0) {
		if (k->spool)
			no_journal(k->spool);
		free_kept(k);
		return r;
	}
	*ret = k;
	return 0;
}

/* Does the journal hold for what the disk has now? */
static bool is_trusted(const struct spw_keep *k, const struct spw__journal *j)
{
	return j->synced ||
	    (k->boot[0] && memcmp(k->boot, j->boot, sizeof(j->boot)) == 0);
}

static uint64_t end_of(const struct spw__journal *j)
{
	return j->count ? j->ranges[j->count - 1].end : 0;
}

static int find_journal(struct spw_kept *k)
{
	k->fd = spw__keep_lock(k->keep, &k->files);
	if (k->fd < 0)
		return k->fd;

	int r = spw__journal_read(k->fd, &k->record, &k->says);
	if (r < 0)
		return r;

	return is_trusted(k->keep, &k->says) ? 0 : -ESTALE;
}

/*
 * The content was cut after the commit: what was said of it goes, too. Nobody
 * cuts what is sealed.
 */
static int believe_less(struct spw__journal *j, uint64_t size)
{
	if (j->size || j->sealed)
		return -EBADMSG;

	j->shorter = (struct spw__extent){ 0, size };
	j->ranges = &j->shorter;
	j->count = size > 0;
	j->state_len = 0;
	return 0;
}

/* Returns: the descriptor of the content. */
static int find_content(struct spw_kept *k)
{
	uint64_t size;

	int fd = spw__keep_open_file(k->keep, k->files.content);
	if (fd < 0)
		return fd;

	int r = spw__sys_file_size(fd, &size);
	if (r == -EINVAL)
		r = -EBADMSG;
	if (r == 0 && size < end_of(&k->says))
		r = believe_less(&k->says, size);
	if (r < 0) {
		(void)spw__sys_close(fd);
		return r;
	}
	return fd;
}

static int copy_ranges(struct spw_spool *s, const struct spw__journal *j)
{
	for (size_t i = 0; i < j->count; i++) {
		int r = spw__extents_reserve(&s->extents);
		if (r < 0)
			return r;

		spw__extents_add(
		    &s->extents, j->ranges[i].first, j->ranges[i].end);
		r = spw__spool_refill(
		    s, j->ranges[i].first, j->ranges[i].end);
		if (r < 0)
			return r;
	}
	return 0;
}

/* It has its room already, whatever the figures say. */
static int charge(struct spw_spool *s, uint64_t size)
{
	int r = spw__spool_charge_disk(s, size);

	if (r < 0 && spw__dir_forgive(s->dir, r) == 0) {
		spw__spool_hold_disk(s, size);
		r = 0;
	}
	return r;
}

/* What was written after the last commit goes. */
static int set_content(struct spw_spool *s, const struct spw__journal *j)
{
	uint64_t size = j->size ? j->size : end_of(j);

	if (s->opts.size_max && end_of(j) > s->opts.size_max)
		return -EFBIG;

	/* First, for that is what is charged. */
	int r = j->size ? copy_ranges(s, j) : 0;
	if (r == 0)
		r = charge(s, size);
	if (r == 0 && !j->size)
		r = spw__spool_cut_file(s, size);
	if (r < 0)
		return r;

	spw__spool_set_on_disk(s, size);
	spw__spool_publish(
	    s, j->size ? spw__extents_run(&s->extents, 0) : size);
	if (j->sealed)
		atomic_store(&s->state, SPW_STATE_SEALED);
	return 0;
}

static ssize_t copy_meta(struct spw_kept *k, void *buf, size_t size)
{
	int r = find_journal(k);
	if (r < 0)
		return r;
	int fd = find_content(k);
	if (fd < 0)
		return fd;
	(void)spw__sys_close(fd);
	if (k->says.meta_len > size)
		return -EMSGSIZE;

	memcpy(buf, k->says.meta, k->says.meta_len);
	return (ssize_t)k->says.meta_len;
}

ssize_t spw_keep_meta(struct spw_keep *keep, const char *name, void *buf,
    size_t size)
{
	struct spw_kept *k;

	int r = prepare(keep, name, &k);
	if (r < 0)
		return r;

	ssize_t n = copy_meta(k, buf, size);
	free_kept(k);
	return n;
}

static int adopt(struct spw_kept *k, const struct spw_spool_opts *opts)
{
	int r = find_journal(k);
	if (r < 0)
		return r;
	r = new_spool(k->keep, opts, k->says.size, &k->spool);
	if (r < 0)
		return r;
	int fd = find_content(k);
	if (fd < 0)
		return fd;

	set_file(k->spool, fd);
	pthread_mutex_lock(&k->spool->lock);
	r = set_content(k->spool, &k->says);
	pthread_mutex_unlock(&k->spool->lock);
	return r;
}

int spw_kept_adopt(struct spw_keep *keep, const char *name,
    const struct spw_spool_opts *opts, struct spw_kept **ret)
{
	struct spw_kept *k;

	int r = begin(keep, name, &k);
	if (r < 0)
		return r;

	r = adopt(k, opts);
	if (r < 0) {
		free_kept(k);
		return r;
	}
	*ret = k;
	return 0;
}

struct spw_spool *spw_kept_spool(const struct spw_kept *k)
{
	return k->spool;
}

int spw_kept_remove(struct spw_kept *k)
{
	if (k->removed)
		return 0;

	int r = spw__keep_unlink(k->keep, &k->files);
	if (r == 0)
		r = spw__keep_sync(k->keep, spw__dir_fd(k->keep->dir));
	if (r < 0)
		return r;

	k->removed = true;
	no_journal(k->spool);
	return 0;
}

/* Not a byte may come to the file once it can be another's. */
static void release(struct spw_spool *s)
{
	spw_spool_fail(s, -ESTALE);
	pthread_mutex_lock(&s->lock);
	spw__spool_busy_begin(s);
	s->released = true;
	spw__spool_busy_end(s);
	pthread_mutex_unlock(&s->lock);
}

void spw_kept_close(struct spw_kept *k)
{
	if (!k)
		return;

	if (!k->removed)
		release(k->spool);
	free_kept(k);
}

int spw_spool_load(int fd, const struct spw_spool_opts *opts,
    struct spw_spool **ret)
{
	struct spw_spool *s;
	uint64_t size;

	if (!opts || !opts->dir || opts->cipher || opts->flags)
		return -EINVAL;
	int r = spw__sys_file_size(fd, &size);
	if (r == 0)
		r = spw_spool_new(opts, &s);
	if (r < 0)
		return r;

	set_file(s, fd);
	pthread_mutex_lock(&s->lock);
	spw__spool_set_on_disk(s, size);
	spw__spool_publish(s, size);
	atomic_store(&s->state, SPW_STATE_SEALED);
	pthread_mutex_unlock(&s->lock);
	*ret = s;
	return 0;
}
