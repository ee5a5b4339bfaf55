/* SPDX-License-Identifier: MIT */
/* A directory of kept spools: its files, their locks and their names. */
#include "keep.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dir.h"
#include "opts.h"
#include "sys.h"

#define NAME_SIZE (SPW_KEEP_NAME_MAX + 1)
#define PROBE ".spillway-probe"

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

static bool is_name(const char *name)
{
	size_t n = 0;

	if (!name || name[0] == '.')
		return false;
	while (n <= SPW_KEEP_NAME_MAX && is_plain(name[n]))
		n++;
	return n > 0 && n <= SPW_KEEP_NAME_MAX && !name[n];
}

int spw__keep_files(const char *name, struct spw__keep_files *ret)
{
	if (!is_name(name))
		return -EINVAL;

	snprintf(ret->content, sizeof(ret->content), "%s.spool", name);
	snprintf(ret->journal, sizeof(ret->journal), "%s.keep", name);
	return 0;
}

/* What a file system that cannot says. */
static int cannot(int r)
{
	return r == -ENOLCK || r == -ENOSYS || r == -EPERM || r == -EINVAL
	    ? -EOPNOTSUPP
	    : r;
}

int spw__keep_file(struct spw_keep *k)
{
	int fd = spw__sys_unnamed(spw__dir_fd(k->dir));

	return fd == -EPERM ? -EACCES : fd;
}

int spw__keep_open_file(struct spw_keep *k, const char *file)
{
	return spw__sys_open_file(
	    spw__dir_fd(k->dir), file, !(k->flags & SPW_KEEP_READ));
}

int spw__keep_locked_file(struct spw_keep *k)
{
	int fd = spw__keep_file(k);
	if (fd < 0)
		return fd;

	int r = spw__sys_lock(fd);
	if (r < 0) {
		(void)spw__sys_close(fd);
		return cannot(r);
	}
	return fd;
}

static int unlink_one(struct spw_keep *k, const char *name)
{
	int r = spw__sys_unlink(spw__dir_fd(k->dir), name);

	return r == -ENOENT ? 0 : r;
}

/* Prove that files can be locked, and be given a name. */
static int probe(struct spw_keep *k)
{
	int fd = spw__keep_locked_file(k);
	if (fd < 0)
		return fd;

	/* Always the same name, so that whoever is killed here leaves no more
	   than one. If there is one already, it could be made. */
	int r = spw__sys_link(fd, spw__dir_fd(k->dir), PROBE);
	if (r == -EEXIST)
		r = 0;
	/* ENOENT: where /proc is not mounted. */
	r = r == -ENOENT ? -EOPNOTSUPP : cannot(r);
	if (r == 0)
		r = unlink_one(k, PROBE);
	(void)spw__sys_close(fd);
	return r;
}

static int find_dir(struct spw_keep *k, const struct spw_keep_opts *o)
{
	const struct spw_dir_opts opts = {
		.size = sizeof(opts),
		.path = o->path,
		.quota_bytes = o->quota_bytes,
		.keep_free_bytes = o->keep_free_bytes,
	};

	if (!o->dir && (o->flags & SPW_KEEP_READ))
		return spw__dir_look(&opts, &k->dir);
	if (!o->dir)
		return spw_dir_open(&opts, &k->dir);

	k->dir = spw_dir_ref(o->dir);
	return 0;
}

static int open_dir(struct spw_keep *k, const struct spw_keep_opts *o)
{
	int r = find_dir(k, o);
	if (r == 0)
		r = spw__sys_boot_id(k->boot, sizeof(k->boot));
	/* With every commit on the disk it matters not. */
	if (k->dir && r < 0 && (o->flags & SPW_KEEP_SYNC)) {
		memset(k->boot, 0, sizeof(k->boot));
		r = 0;
	}
	if (r < 0 || (o->flags & SPW_KEEP_READ))
		return r;
	return spw__dir_forgive(k->dir, probe(k));
}

int spw_keep_open(const struct spw_keep_opts *opts, struct spw_keep **ret)
{
	struct spw_keep_opts o;

	if (spw__opts_take(&o, sizeof(o), opts) < 0 || (!o.path == !o.dir) ||
	    !ret || (o.dir && (o.quota_bytes || o.keep_free_bytes)) ||
	    (o.flags & ~(unsigned)(SPW_KEEP_SYNC | SPW_KEEP_READ)))
		return -EINVAL;

	struct spw_keep *k = spw__sys_alloc(sizeof(*k));
	if (!k)
		return -ENOMEM;

	atomic_store(&k->refs, 1);
	k->flags = o.flags;
	int r = open_dir(k, &o);
	if (r < 0) {
		spw_keep_unref(k);
		return r;
	}
	*ret = k;
	return 0;
}

struct spw_keep *spw__keep_ref(struct spw_keep *k)
{
	atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
	return k;
}

void spw_keep_unref(struct spw_keep *k)
{
	if (!k)
		return;
	if (atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1)
		return;

	spw_dir_unref(k->dir);
	spw__sys_free(k);
}

void spw_keep_stats(struct spw_keep *k, struct spw_dir_stats *ret)
{
	spw_dir_stats(k->dir, ret);
}

int spw__keep_sync(struct spw_keep *k, int fd)
{
	return k->flags & SPW_KEEP_SYNC ? spw__sys_sync(fd) : 0;
}

int spw__keep_lock(struct spw_keep *k, const struct spw__keep_files *files)
{
	int fd = spw__keep_open_file(k, files->journal);
	if (fd < 0)
		return fd;

	uint64_t links = 0;
	int r = cannot(spw__sys_lock(fd));
	/* Who had it may have deleted it between the two. */
	if (r == 0)
		r = spw__sys_links(fd, &links);
	if (r == 0 && !links)
		r = -ENOENT;
	if (r < 0) {
		(void)spw__sys_close(fd);
		return r;
	}
	return fd;
}

int spw__keep_unlink(struct spw_keep *k, const struct spw__keep_files *files)
{
	int r = unlink_one(k, files->content);

	/* Last, for it says whose the other is. */
	return r < 0 ? r : unlink_one(k, files->journal);
}

/* Content whose journal a crash of the machine took: own the name first. */
static int take_name(struct spw_keep *k, const struct spw__keep_files *files)
{
	int dir = spw__dir_fd(k->dir);

	int fd = spw__keep_open_file(k, files->content);
	if (fd < 0)
		return fd;

	(void)spw__sys_close(fd);
	fd = spw__keep_locked_file(k);
	if (fd < 0)
		return fd;

	int r = spw__sys_link(fd, dir, files->journal);
	if (r < 0) {
		(void)spw__sys_close(fd);
		return r == -EEXIST ? -EBUSY : r;
	}
	return fd;
}

int spw_keep_reap(struct spw_keep *k, const char *name)
{
	struct spw__keep_files files;

	int r = spw__keep_files(name, &files);
	if (r == 0 && (k->flags & SPW_KEEP_READ))
		r = -EROFS;
	if (r < 0)
		return r;
	int fd = spw__keep_lock(k, &files);
	if (fd == -ENOENT)
		fd = take_name(k, &files);
	if (fd < 0)
		return fd;

	r = spw__keep_unlink(k, &files);
	(void)spw__sys_close(fd);
	return r;
}

struct names {
	char (*items)[NAME_SIZE];
	size_t count, cap;
};

static int add_name(struct names *n, const char *name, size_t len)
{
	if (n->count == n->cap) {
		size_t cap = n->cap ? 2 * n->cap : 16;
		char(*items)[NAME_SIZE] = spw__sys_alloc(cap * NAME_SIZE);
		if (!items)
			return -ENOMEM;

		if (n->count)
			memcpy(items, n->items, n->count * NAME_SIZE);
		spw__sys_free(n->items);
		n->items = items;
		n->cap = cap;
	}
	memcpy(n->items[n->count], name, len);
	n->items[n->count][len] = 0;
	n->count += is_name(n->items[n->count]);
	return 0;
}

/* Add what a file is named after, if it is one of ours. */
static int add_file(struct names *n, const char *file)
{
	static const char *const suffixes[] = { ".keep", ".spool" };
	size_t len = strlen(file);

	for (int i = 0; i < 2; i++) {
		size_t end = strlen(suffixes[i]);

		if (len > end && len - end <= SPW_KEEP_NAME_MAX &&
		    strcmp(file + len - end, suffixes[i]) == 0)
			return add_name(n, file, len - end);
	}
	return 0;
}

static int read_names(int fd, struct names *n)
{
	uint64_t buf[512];
	ssize_t len;
	int r = 0;

	while (r == 0 && (len = spw__sys_list(fd, buf, sizeof(buf))) != 0) {
		if (len < 0)
			return (int)len;

		const char *p = (const char *)buf, *end = p + len;
		while (r == 0 && p < end) {
			const struct dirent64 *e = (const void *)p;

			p += e->d_reclen;
			r = add_file(n, e->d_name);
		}
	}
	return r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

int spw_keep_list(struct spw_keep *k,
    int (*fn)(const char *name, void *user_data), void *user_data)
{
	struct names n = { 0 };

	int fd = spw__sys_open_dir_at(spw__dir_fd(k->dir), ".");
	if (fd < 0)
		return fd;

	/* All of them first: `fn` may change the directory. */
	int r = read_names(fd, &n);
	(void)spw__sys_close(fd);
	if (r == 0 && n.count)
		qsort(n.items, n.count, NAME_SIZE, by_name);
	for (size_t i = 0; r == 0 && i < n.count; i++) {
		/* There are two files of most names. */
		if (i == 0 || strcmp(n.items[i], n.items[i - 1]) != 0)
			r = fn(n.items[i], user_data);
	}
	spw__sys_free(n.items);
	return r;
}
