/* SPDX-License-Identifier: MIT */
/* Temporary files and directories, and when they are deleted. */
#include "tempfile.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "opts.h"
#include "sys.h"

/* Something that was made under a name of its own. */
struct made {
	struct spw__place place;
	char *path;
	char name[SPW__TEMP_NAME_MAX + 1];
	pid_t owner;		/* who may delete it */
	bool gone;
};

struct spw_tempfile {
	struct made made;
	int fd;			/* -1 once closed */
	unsigned flags;
};

struct spw_tempdir {
	struct made made;
	unsigned flags;
};

static bool is_plain(const char *part)
{
	return !part || !strchr(part, '/');
}

static bool valid(const struct spw_temp_opts *o)
{
	const unsigned known = SPW_TEMP_KEEP | SPW_TEMP_KEEP_ON_CLOSE;

	return is_plain(o->prefix) && is_plain(o->suffix) &&
	    !(o->flags & ~known);
}

/* Options as they are known here; NULL: none. */
static int take_opts(struct spw_temp_opts *o,
    const struct spw_temp_opts *opts)
{
	*o = (struct spw_temp_opts){ .size = sizeof(*o) };
	int r = opts ? spw__opts_take(o, sizeof(*o), opts) : 0;

	return r == 0 && valid(o) ? 0 : -EINVAL;
}

static void made_fini(struct made *m)
{
	spw__place_close(&m->place);
	spw__sys_free(m->path);
}

/* Returns: what `make` returned. */
static int made_init(struct made *m, const struct spw_temp_opts *o,
    spw__temp_make_fn make)
{
	const struct spw__temp_names names = {
		.prefix = o->prefix ? o->prefix : "tmp",
		.suffix = o->suffix ? o->suffix : "",
		.random = spw__temp_random,
	};

	int r = spw__place_open(o->dir, o->env, &m->place);
	if (r < 0)
		return r;

	m->path = NULL;
	m->owner = getpid();
	m->gone = false;
	r = spw__temp_make(m->place.fd, &names, make, m->name);
	if (r < 0)
		made_fini(m);
	return r;
}

static int find_path(struct made *m)
{
	m->path = spw__place_path(&m->place, m->name);
	return m->path ? 0 : -ENOMEM;
}

/* A named file. Returns: the descriptor. */
static int make_file(struct made *m, const struct spw_temp_opts *o)
{
	int fd = made_init(m, o, spw__sys_create);
	if (fd < 0)
		return fd;

	int r = find_path(m);
	if (r < 0) {
		(void)spw__sys_close(fd);
		(void)spw__sys_unlink(m->place.fd, m->name);
		made_fini(m);
		return r;
	}
	return fd;
}

static int make_dir(struct made *m, const struct spw_temp_opts *o)
{
	int r = made_init(m, o, spw__sys_mkdir);
	if (r < 0)
		return r;

	r = find_path(m);
	if (r < 0) {
		(void)spw__sys_rmdir(m->place.fd, m->name);
		made_fini(m);
	}
	return r;
}

/* Keep the path, and let go of the rest. */
static char *take_path(struct made *m)
{
	char *path = m->path;

	m->path = NULL;
	made_fini(m);
	return path;
}

/* A process that was forked off shares the object, but not what it owns. */
static bool may_delete(const struct made *m)
{
	return !m->gone && m->owner == getpid();
}

int spw_temp_file(const struct spw_temp_opts *opts)
{
	struct spw_temp_opts o;
	struct spw__place place;

	if (take_opts(&o, opts) < 0)
		return -EINVAL;

	int r = spw__place_open(o.dir, o.env, &place);
	if (r < 0)
		return r;

	int fd = spw__temp_unnamed(place.fd);
	spw__place_close(&place);
	return fd;
}

int spw_temp_mkstemp(const struct spw_temp_opts *opts, char **ret_path)
{
	struct spw_temp_opts o;
	struct made m;

	if (take_opts(&o, opts) < 0 || !ret_path)
		return -EINVAL;

	int fd = make_file(&m, &o);
	if (fd >= 0)
		*ret_path = take_path(&m);
	return fd;
}

int spw_temp_mkdtemp(const struct spw_temp_opts *opts, char **ret_path)
{
	struct spw_temp_opts o;
	struct made m;

	if (take_opts(&o, opts) < 0 || !ret_path)
		return -EINVAL;

	int r = make_dir(&m, &o);
	if (r == 0)
		*ret_path = take_path(&m);
	return r;
}

int spw_tempfile_open(const struct spw_temp_opts *opts,
    struct spw_tempfile **ret)
{
	struct spw_temp_opts o;

	if (take_opts(&o, opts) < 0 || !ret)
		return -EINVAL;

	struct spw_tempfile *t = spw__sys_alloc(sizeof(*t));
	if (!t)
		return -ENOMEM;

	int fd = t->fd = make_file(&t->made, &o);
	if (fd < 0) {
		spw__sys_free(t);
		return fd;
	}

	t->flags = o.flags;
	*ret = t;
	return 0;
}

int spw_tempfile_fd(const struct spw_tempfile *t)
{
	return t->fd < 0 ? -EBADF : t->fd;
}

const char *spw_tempfile_path(const struct spw_tempfile *t)
{
	return t->made.path;
}

/* Unless one of the flags says that it stays. */
static int delete_file(struct spw_tempfile *t, unsigned stays)
{
	if ((t->flags & stays) || !may_delete(&t->made))
		return 0;

	int r = spw__sys_unlink(t->made.place.fd, t->made.name);
	if (r < 0 && r != -ENOENT)
		return r;

	t->made.gone = true;
	return 0;
}

static int close_file(struct spw_tempfile *t, unsigned stays)
{
	int r = t->fd < 0 ? 0 : spw__sys_close(t->fd);

	t->fd = -1;
	int deleted = delete_file(t, stays);
	return r < 0 ? r : deleted;
}

int spw_tempfile_close(struct spw_tempfile *t)
{
	return close_file(t, SPW_TEMP_KEEP | SPW_TEMP_KEEP_ON_CLOSE);
}

void spw_tempfile_free(struct spw_tempfile *t)
{
	if (!t)
		return;

	(void)close_file(t, SPW_TEMP_KEEP);
	made_fini(&t->made);
	spw__sys_free(t);
}

int spw_tempdir_open(const struct spw_temp_opts *opts,
    struct spw_tempdir **ret)
{
	struct spw_temp_opts o;

	if (take_opts(&o, opts) < 0 || !ret)
		return -EINVAL;

	struct spw_tempdir *d = spw__sys_alloc(sizeof(*d));
	if (!d)
		return -ENOMEM;

	int r = make_dir(&d->made, &o);
	if (r < 0) {
		spw__sys_free(d);
		return r;
	}

	d->flags = o.flags;
	*ret = d;
	return 0;
}

const char *spw_tempdir_path(const struct spw_tempdir *d)
{
	return d->made.path;
}

int spw_tempdir_cleanup(struct spw_tempdir *d)
{
	if (!may_delete(&d->made))
		return 0;

	int r = spw__tree_remove(d->made.place.fd, d->made.name);
	d->made.gone = r == 0;
	return r;
}

void spw_tempdir_free(struct spw_tempdir *d)
{
	if (!d)
		return;

	if (!(d->flags & SPW_TEMP_KEEP))
		(void)spw_tempdir_cleanup(d);
	made_fini(&d->made);
	spw__sys_free(d);
}
