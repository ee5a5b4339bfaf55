/* SPDX-License-Identifier: MIT */
/*
 * Giving the content a name. A file without a name is made or, if the spool's
 * own will do, taken; when everything is in it, it is linked into place. What
 * is there already is replaced by renaming, which needs a second, passing
 * name.
 */
#include <spillway/copy.h>

#include <errno.h>
#include <string.h>

#include "spool.h"
#include "sys.h"

#define KNOWN_FLAGS (SPW_SAVE_EXCLUSIVE | SPW_SAVE_SYNC | SPW_SAVE_COPY)
#define NAME_TRIES 16

/* Where to. */
struct target {
	int dir;		/* the folder, open */
	const char *name;	/* in it */
	unsigned mode, flags;
};

/* -EPERM means sealed; an immutable folder merely gives no access. */
static int access_error(int r)
{
	return r == -EPERM ? -EACCES : r;
}

/* Open the folder of a path. */
static int open_folder(int dir_fd, const char *path, const char *name)
{
	size_t len = (size_t)(name - path);

	if (!len)
		return spw__sys_open_dir_at(dir_fd, ".");

	char *folder = spw__sys_alloc(len + 1);
	if (!folder)
		return -ENOMEM;

	/* With its slash, so that it is one and not a file. */
	memcpy(folder, path, len);
	int fd = spw__sys_open_dir_at(dir_fd, folder);
	spw__sys_free(folder);
	return fd;
}

/* Have the name under another, passing one, so that it can be renamed. */
static int link_passing(const struct target *t, int fd,
    char name[SPW__NAME_SIZE])
{
	int r = -EEXIST;

	for (int i = 0; r == -EEXIST && i < NAME_TRIES; i++) {
		r = spw__random_name(name, SPW__NAME_SIZE, ".", ".spw");
		if (r == 0)
			r = spw__sys_link(fd, t->dir, name);
	}
	return r;
}

static int take_name(const struct target *t, int fd)
{
	char name[SPW__NAME_SIZE];

	int r = spw__sys_link(fd, t->dir, t->name);
	if (r != -EEXIST || (t->flags & SPW_SAVE_EXCLUSIVE))
		return r;

	r = link_passing(t, fd, name);
	if (r < 0)
		return r;

	r = spw__sys_rename(t->dir, name, t->name);
	/* It is still there after an error, and where both names were of one
	   file: renaming leaves these alone. */
	(void)spw__sys_unlink(t->dir, name);
	return r;
}

/* Give a file its name, whatever had it before. */
static int publish(const struct target *t, int fd)
{
	return access_error(take_name(t, fd));
}

static int finish_file(const struct target *t, int fd, bool sync)
{
	int r = spw__sys_chmod(fd, t->mode);
	if (r == 0 && sync)
		r = spw__sys_sync(fd);
	return r;
}

/* The content of this moment. */
static int write_content(struct spw_spool *s, int fd)
{
	bool sealed = spw_spool_state(s) == SPW_STATE_SEALED;

	if (!sealed)
		spw__spool_hold(s);
	uint64_t size = spw_spool_size(s);
	uint32_t discards = atomic_load(&s->discards);
	int r = spw__spool_check_whole(s);
	if (r == 0 && spw_spool_state(s) == SPW_STATE_FAILED)
		r = s->source_error;
	if (r == 0 && spw_spool_committed(s) < size)
		r = -EAGAIN;
	if (r == 0)
		r = spw__spool_copy_out(s, size, fd);
	/* Of a sealed one, which nobody holds still. */
	if (r == 0 && atomic_load(&s->discards) != discards)
		r = -ENODATA;
	if (!sealed)
		spw__spool_release(s);
	return r;
}

static int save_unnamed(struct spw_spool *s, const struct target *t, int fd)
{
	int r = write_content(s, fd);
	if (r == 0)
		r = finish_file(t, fd, t->flags & SPW_SAVE_SYNC);
	if (r == 0)
		r = publish(t, fd);
	(void)spw__sys_close(fd);
	return r;
}

/* Where files must have a name: under a passing one until they are whole. */
static int save_named(struct spw_spool *s, const struct target *t)
{
	char name[SPW__NAME_SIZE];

	int fd = spw__named_file(t->dir, ".", ".spw", name);
	if (fd < 0)
		return access_error(fd);

	int r = write_content(s, fd);
	/* Such file systems tell late what they could not write. */
	if (r == 0)
		r = finish_file(t, fd, true);
	if (r == 0 && (t->flags & SPW_SAVE_EXCLUSIVE))
		r = publish(t, fd);
	else if (r == 0)
		r = access_error(spw__sys_rename(t->dir, name, t->name));
	/* Gone, if it was renamed. */
	(void)spw__sys_unlink(t->dir, name);
	(void)spw__sys_close(fd);
	return r;
}

static int save_copy(struct spw_spool *s, const struct target *t)
{
	int fd = spw__sys_unnamed(t->dir);
	if (fd == -EOPNOTSUPP)
		return save_named(s, t);

	return fd < 0 ? access_error(fd) : save_unnamed(s, t, fd);
}

/*
 * Have the spool's file for a name, if it holds the content for good, nothing
 * else, and was not saved before: two names would share the mode, and what is
 * written to the one would be in the other.
 */
static bool claim_file(struct spw_spool *s)
{
	if (spw_spool_state(s) != SPW_STATE_SEALED || s->guard)
		return false;

	pthread_mutex_lock(&s->lock);
	spw__spool_busy_begin(s);
	bool own = s->kept && !s->segment && !s->saved &&
	    !atomic_load(&s->head) && !spw__spool_gone(s) &&
	    spw__spool_clean_end(s) == 0;
	/* From now on nothing of it is given back. */
	if (own)
		s->named = s->saved = true;
	spw__spool_busy_end(s);
	pthread_mutex_unlock(&s->lock);
	return own;
}

/* It got no name after all. */
static void disclaim_file(struct spw_spool *s)
{
	pthread_mutex_lock(&s->lock);
	s->saved = false;
	pthread_mutex_unlock(&s->lock);
}

/* 1 when it has to be copied. */
static int save_link(struct spw_spool *s, const struct target *t)
{
	if ((t->flags & SPW_SAVE_COPY) || !claim_file(s))
		return 1;

	int fd = atomic_load(&s->fd);
	int r = finish_file(t, fd, t->flags & SPW_SAVE_SYNC);
	if (r == 0)
		r = publish(t, fd);
	if (r < 0)
		disclaim_file(s);
	/* Another file system, or one where what lost its name cannot have
	   one again. */
	if (r == -EXDEV || r == -ENOENT || r == -EMLINK)
		return 1;

	return r;
}

static int save(struct spw_spool *s, const struct target *t)
{
	int r = save_link(s, t);
	if (r == 1)
		r = save_copy(s, t);
	if (r == 0 && (t->flags & SPW_SAVE_SYNC))
		r = spw__sys_sync(t->dir);
	return r;
}

int spw_spool_save(struct spw_spool *s, int dir_fd, const char *path,
    unsigned mode, unsigned flags)
{
	if (!path || mode > 07777 || (flags & ~(unsigned)KNOWN_FLAGS))
		return -EINVAL;

	const char *slash = strrchr(path, '/');
	struct target t = {
		.name = slash ? slash + 1 : path,
		.mode = mode,
		.flags = flags,
	};
	if (!*t.name || strcmp(t.name, ".") == 0 || strcmp(t.name, "..") == 0)
		return -EINVAL;

	t.dir = open_folder(dir_fd, path, t.name);
	if (t.dir < 0)
		return t.dir;

	int r = save(s, &t);
	(void)spw__sys_close(t.dir);
	return r;
}
