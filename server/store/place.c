/* SPDX-License-Identifier: MIT */
#include "store/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/log.h"
#include "common/filemeta.h"
#include "store/aside.h"
#include "store/folder.h"
#include "store/sys.h"

#define META "meta"
#define PROBE "probe"
#define BOOT_FILE "/proc/sys/kernel/random/boot_id"

static int fail(char why[DISK_WHY_SIZE], int r, const char *what)
{
	snprintf(why, DISK_WHY_SIZE, "%s: %s", what, strerror(-r));
	return r;
}

/* It is no reason not to start: who is to make room has to get in. */
static int unless_full(int r)
{
	return r == -ENOSPC || r == -EDQUOT ? 0 : r;
}

/* ---- what it is ---------------------------------------------------------- */

int place_note(const struct place *p, const struct storemeta *m)
{
	char text[STOREMETA_SIZE];

	int fd = sys_open(p->dir, META, O_WRONLY | O_CREAT);
	if (fd < 0)
		return fd;

	int r = sys_write(fd, text, storemeta_write(m, text));
	sys_close(fd);
	return r;
}

/* Returns: 0; 1 when there is none, or an empty one: of a directory that was
   never used, or not even begun. */
static int read_note(int dir, struct storemeta *ret, char why[DISK_WHY_SIZE])
{
	char text[STOREMETA_SIZE];

	int fd = sys_open(dir, META, O_RDONLY);
	if (fd == -ENOENT)
		return 1;
	ssize_t n = fd < 0 ? fd : sys_read(fd, text, sizeof(text));
	if (fd >= 0)
		sys_close(fd);
	if (n < 0)
		return fail(why, (int)n, "cannot use " META);
	if (n == 0)
		return 1;

	if (storemeta_read(text, (size_t)n, ret) == 0)
		return 0;
	snprintf(why, DISK_WHY_SIZE,
	    "what is there is of another version than %d of the format, "
	    "which this spillwayd knows, or damaged: see " META,
	    STOREMETA_VERSION);
	return -ENOTSUP;
}

static int lock(int dir, bool share, char why[DISK_WHY_SIZE])
{
	int r = sys_lock(dir, share);

	if (r == -EBUSY)
		snprintf(why, DISK_WHY_SIZE,
		    "another spillwayd keeps its files there");
	else if (r < 0)
		return fail(why, r, "cannot lock it");
	return r;
}

/* It is gone, no file, or one without an attribute; and will be. */
static bool is_not_ours(ssize_t r)
{
	return r == -ENOENT || r == -ELOOP || r == -ENXIO || r == -ENODATA ||
	       r == -ERANGE || r == -EOPNOTSUPP;
}

/* Was it left by another start of the machine, so that only what was noted
   tells whether it is whole? Returns: 1; 0. */
static int is_of_another_start(const struct place *p, int dir, const char *name)
{
	uint8_t buf[FILEMETA_MAX];
	struct filemeta m;

	int fd = sys_open(dir, name, O_RDONLY | O_NONBLOCK);
	ssize_t n = fd < 0 ? fd : sys_get_meta(fd, buf, sizeof(buf));
	if (fd >= 0)
		sys_close(fd);
	if (n < 0)
		return is_not_ours(n) ? 0 : (int)n;
	return filemeta_read(buf, (size_t)n, &m) == 0 && m.boot.n &&
	       !storemeta_is_start(m.boot, p->boot);
}

struct look {
	const struct place *place;
	int files;
	char *why;
};

/* What cannot be read now may be read later. */
static int look_at_start(const char *name, void *ctx)
{
	const struct look *l = ctx;

	if (!id_valid(name, strlen(name)))
		return 0;

	int r = is_of_another_start(l->place, l->files, name);
	if (r < 0)
		snprintf(l->why, DISK_WHY_SIZE,
		    META ", which says which files are whole, is gone or "
			 "empty, and files/%.64s cannot be looked at: %s",
		    name, strerror(-r));
	return r;
}

/* Nothing is noted, so none of those would be trusted, and all be deleted. */
static int refuse_to_lose(const struct place *p, char why[DISK_WHY_SIZE])
{
	struct look l = {
	    p, sys_open(p->dir, "files", O_RDONLY | O_DIRECTORY), why};

	why[0] = '\0';
	if (l.files == -ENOENT)
		return 0;
	int r = l.files < 0 ? l.files : folder_each(l.files, look_at_start, &l);
	if (l.files >= 0)
		sys_close(l.files);
	if (r < 0 && !why[0])
		return fail(why, r, "cannot look into it");
	if (r <= 0)
		return r;

	snprintf(why, DISK_WHY_SIZE,
	    "files are kept there, and " META ", which says which of them are "
	    "whole, is gone or empty: put it back, or move the folder files "
	    "away");
	return -ENOTSUP;
}

/* Note it for the first time. Files may be on the disk long before the first
   checkpoint, and would be of a directory that has lost its notes. */
static int note_first(const struct place *p, const struct storemeta *m)
{
	int r = place_note(p, m);
	if (r < 0)
		return r;

	int fd = sys_open(p->dir, META, O_RDONLY);
	if (fd < 0)
		return fd;
	r = sys_sync(fd);
	sys_close(fd);
	return r < 0 ? r : sys_sync(p->dir);
}

/* Have the directory for us alone, and see whether we know what is in it. */
static int take(
    const struct place *p, struct storemeta *ret, char why[DISK_WHY_SIZE])
{
	int r = lock(p->dir, false, why);
	if (r == 0)
		r = read_note(p->dir, ret, why);
	if (r <= 0)
		return r;

	r = refuse_to_lose(p, why);
	if (r < 0)
		return r;

	*ret = (struct storemeta){0};
	memcpy(ret->boot, p->boot, sizeof(ret->boot));
	r = unless_full(note_first(p, ret));
	return r < 0 ? fail(why, r, "cannot write " META) : 0;
}

int place_check_free(const char *path, char why[DISK_WHY_SIZE])
{
	int fd = sys_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fail(why, fd, "cannot open it");

	int r = lock(fd, true, why);
	sys_close(fd);
	return r;
}

/* ---- what it takes ------------------------------------------------------ */

/* Which start of the machine is this? Unknown, it is none that a file could
   tell of, and with each change on the disk it need not. */
static int read_boot(struct place *p, bool sync, char why[DISK_WHY_SIZE])
{
	int fd = sys_open(AT_FDCWD, BOOT_FILE, O_RDONLY);
	ssize_t n = fd < 0 ? fd : sys_read(fd, p->boot, sizeof(p->boot));

	if (fd >= 0)
		sys_close(fd);
	if (n == STOREMETA_BOOT)
		return 0;

	memset(p->boot, '-', sizeof(p->boot));
	return sync ? 0 : fail(why, n < 0 ? (int)n : -EIO, BOOT_FILE);
}

/* A file with an attribute that gets a name, and another. */
static int try_file(struct place *p, int fd)
{
	int r = sys_set_meta(fd, PROBE, sizeof(PROBE));
	if (r == 0)
		r = sys_link(fd, p->passing, PROBE);
	if (r == 0)
		r = sys_link(fd, p->passing, PROBE "2");
	if (r == 0)
		r = sys_exchange(p->passing, PROBE, p->passing, PROBE "2");
	return r;
}

static int unlink_one(int dir, const char *name)
{
	int r = sys_unlink(dir, name);

	return r == -ENOENT ? 0 : r;
}

int place_prove(struct place *p, char why[DISK_WHY_SIZE])
{
	int fd = sys_unnamed(p->dir);
	int r = fd < 0 ? fd : try_file(p, fd);

	if (fd >= 0)
		sys_close(fd);
	int one = unlink_one(p->passing, PROBE);
	int two = unlink_one(p->passing, PROBE "2");
	if (r == 0)
		r = one < 0 ? one : two;
	r = unless_full(r);
	if (r == -EOPNOTSUPP || r == -ENOSYS || r == -EINVAL || r == -EPERM) {
		snprintf(why, DISK_WHY_SIZE,
		    "its file system has not what store.durability needs: "
		    "extended attributes (user.*), unnamed files (O_TMPFILE), "
		    "and names that change places (renameat2)");
		return -EOPNOTSUPP;
	}
	return r < 0 ? fail(why, r, "cannot make a file with a name") : 0;
}

/* ---- its folders -------------------------------------------------------- */

/* Directories are not ours, and in nobody's way. */
static int drop_passing(const char *name, void *ctx)
{
	const struct place *p = ctx;
	int r = unlink_one(p->passing, name);

	return r == -EISDIR ? 0 : r;
}

static int open_folder(struct place *p, const char *name)
{
	int r = sys_mkdir(p->dir, name);

	return r < 0 ? r : sys_open(p->dir, name, O_RDONLY | O_DIRECTORY);
}

static int open_folders(struct place *p)
{
	p->files = open_folder(p, "files");
	if (p->files < 0)
		return p->files;

	p->passing = open_folder(p, "passing");
	if (p->passing < 0)
		return p->passing;

	/* What a replacement left that was killed. */
	return folder_each(p->passing, drop_passing, p);
}

static int open_path(
    struct place *p, const char *path, bool sync, char why[DISK_WHY_SIZE])
{
	p->dir = p->files = p->passing = p->damaged = -1;
	p->path = strdup(path);
	if (!p->path)
		return fail(why, -ENOMEM, "cannot open it");

	p->dir = sys_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	if (p->dir < 0)
		return fail(why, p->dir, "cannot open it");
	return read_boot(p, sync, why);
}

int place_open(struct place *p, const char *path, bool sync,
    struct storemeta *ret, char why[DISK_WHY_SIZE])
{
	int r = open_path(p, path, sync, why);
	if (r == 0)
		r = take(p, ret, why);
	if (r < 0)
		return r;

	r = open_folders(p);
	if (r < 0)
		return fail(why, r, "cannot prepare it");
	r = place_prove(p, why);
	if (r < 0)
		return r;

	/* The directories that were made are of the promise. */
	r = sync ? sys_sync(p->dir) : 0;
	return r < 0 ? fail(why, r, "cannot sync it") : 0;
}

/* A folder, if it is there. */
static int look_into(const struct place *p, const char *name, int *ret)
{
	int fd = sys_open(p->dir, name, O_RDONLY | O_DIRECTORY);

	if (fd >= 0)
		*ret = fd;
	return fd < 0 && fd != -ENOENT ? fd : 0;
}

int place_look(struct place *p, const char *path, struct storemeta *ret,
    char why[DISK_WHY_SIZE])
{
	int r = open_path(p, path, false, why);
	if (r == 0)
		r = lock(p->dir, false, why);
	if (r == 0)
		r = read_note(p->dir, ret, why);
	if (r > 0) {
		snprintf(why, DISK_WHY_SIZE,
		    "no spillwayd has kept files there: there is no " META);
		return -ENOENT;
	}
	if (r < 0)
		return r;

	r = look_into(p, "files", &p->files);
	if (r == 0)
		r = look_into(p, "passing", &p->passing);
	if (r == 0) {
		r = look_into(p, PLACE_DAMAGED, &p->damaged);
		/* Something else has its name, and no part in all this. */
		r = aside_is_none(r) ? 0 : r;
	}
	return r < 0 ? fail(why, r, "cannot open its folders") : 0;
}

void place_close(struct place *p)
{
	const int fds[] = {p->files, p->passing, p->damaged, p->dir};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			sys_close(fds[i]);
	}
	free(p->path);
}

/* ---- its files ---------------------------------------------------------- */

static int open_file(const struct place *p, const char *id)
{
	return sys_open(p->files, id, O_RDONLY | O_NONBLOCK);
}

/* The file's mode is in the way, or all of the directory. */
static int open_denied(const struct place *p, const char *id)
{
	int r = sys_is_allowed(p->files, id);
	if (r < 0)
		return r;

	r = r ? -EPERM : sys_allow(p->files, id);
	if (r == 0) {
		log_warn("the mode of %s forbade to read it, and was set to "
			 "0600",
		    id);
		r = open_file(p, id);
	}
	return r == -EPERM || r == -EACCES ? -EBADMSG : r;
}

int place_find(const struct place *p, const char *id)
{
	int fd = open_file(p, id);

	return fd == -EACCES ? open_denied(p, id) : fd;
}

int place_check(const struct place *p, const char *id)
{
	uint64_t size;

	int fd = place_find(p, id);
	if (fd == -ELOOP || fd == -ENXIO)
		return -EISDIR;
	/* A file, and nobody can read it. */
	if (fd == -EBADMSG)
		return 0;
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;

	int r = sys_size(fd, &size);
	sys_close(fd);
	return r == -EINVAL ? -EISDIR : r;
}

/* ---- what somebody has removed ------------------------------------------ */

/* Returns: 0 when it is there; 1 when it was removed. */
static int is_removed(int fd)
{
	uint64_t links;
	int r = sys_links(fd, &links);

	return r < 0 ? r : links == 0;
}

/* Let a number stand for another directory. */
static int renew(int fd, int fresh)
{
	if (fresh < 0)
		return fresh;

	int r = sys_replace(fd, fresh);
	sys_close(fresh);
	return r < 0 ? r : 1;
}

static int renew_dir(struct place *p, struct storemeta *ret)
{
	char why[DISK_WHY_SIZE];
	struct place fresh = *p;
	struct storemeta said;

	fresh.dir = sys_open(AT_FDCWD, p->path, O_RDONLY | O_DIRECTORY);
	if (fresh.dir < 0)
		return fresh.dir;

	int r = take(&fresh, &said, why);
	if (r < 0) {
		sys_close(fresh.dir);
		return r;
	}
	r = renew(p->dir, fresh.dir);
	if (r == 1)
		*ret = said;
	return r;
}

static int renew_folder(struct place *p, int fd, const char *name)
{
	int r = is_removed(fd);

	return r == 1 ? renew(fd, open_folder(p, name)) : r;
}

int place_probe(struct place *p, struct storemeta *said)
{
	int r = is_removed(p->dir);
	if (r == 1)
		r = renew_dir(p, said);
	if (r < 0)
		return r;

	int files = renew_folder(p, p->files, "files");
	if (files < 0)
		return files;

	int passing = renew_folder(p, p->passing, "passing");
	return passing < 0 ? passing : r || files || passing;
}
