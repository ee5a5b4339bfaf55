/* SPDX-License-Identifier: MIT */
#include "store/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "store/sys.h"

#define FORMAT 1
#define FORMAT_FILE "meta"
#define FORMAT_SIZE 64
#define PROBE "probe"
#define BOOT_FILE "/proc/sys/kernel/random/boot_id"

static int fail(char why[DISK_WHY_SIZE], int r, const char *what)
{
	snprintf(why, DISK_WHY_SIZE, "%s: %s", what, strerror(-r));
	return r;
}

/* ---- the format --------------------------------------------------------- */

#define HEAD "spillway-store "
#define FLUSHED "\nflushed "

/* Always as long, so that a part of one is never mistaken for another. */
static int write_format(int dir, int64_t flushed_ms)
{
	char text[FORMAT_SIZE];
	int n = snprintf(text, sizeof(text), HEAD "%d" FLUSHED "%020" PRId64
	    "\n", FORMAT, flushed_ms);

	int fd = sys_open(dir, FORMAT_FILE, O_WRONLY | O_CREAT);
	if (fd < 0)
		return fd;

	int r = sys_write(fd, text, (size_t)n);
	sys_close(fd);
	return r;
}

int place_note_flushed(struct place *p, int64_t unix_ms)
{
	atomic_store(&p->flushed_ms, unix_ms);
	return write_format(p->dir, unix_ms);
}

/* Take a prefix and the number behind it off a text. */
static int read_number(const char **p, const char *prefix, uint64_t *ret)
{
	size_t n = strlen(prefix);

	if (strncmp(*p, prefix, n) != 0)
		return -EBADMSG;

	*p += n;
	n = strcspn(*p, "\n");
	int r = str_u64((struct str){*p, n}, ret);
	*p += n;
	return r;
}

static int parse_format(const char *text, uint64_t *ret_flushed)
{
	uint64_t version;

	int r = read_number(&text, HEAD, &version);
	if (r == 0 && version != FORMAT)
		return -ENOTSUP;
	return r < 0 ? r : read_number(&text, FLUSHED, ret_flushed);
}

/* Returns: its length; 0 when there is none. */
static ssize_t read_format(int dir, char text[FORMAT_SIZE])
{
	int fd = sys_open(dir, FORMAT_FILE, O_RDONLY);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;

	ssize_t n = sys_read(fd, text, FORMAT_SIZE - 1);
	sys_close(fd);
	return n;
}

/* Have the directory for us alone, and see whether we know what is in it. */
static int take(int dir, int64_t *ret_flushed, char why[DISK_WHY_SIZE])
{
	char text[FORMAT_SIZE] = "";
	uint64_t flushed = 0;

	int r = sys_lock(dir);
	if (r == -EBUSY) {
		snprintf(why, DISK_WHY_SIZE,
		    "another spillwayd keeps its files there");
		return r;
	}
	ssize_t n = r < 0 ? r : read_format(dir, text);
	if (n < 0)
		return fail(why, (int)n, "cannot use " FORMAT_FILE);

	/* Empty: of a directory that was never used, or not even begun. */
	if (n == 0)
		r = write_format(dir, 0);
	else if (parse_format(text, &flushed) < 0) {
		snprintf(why, DISK_WHY_SIZE,
		    "what is there is of another version than %d of the "
		    "format, which this spillwayd knows, or damaged: see "
		    FORMAT_FILE, FORMAT);
		return -ENOTSUP;
	}
	if (r < 0)
		return fail(why, r, "cannot write " FORMAT_FILE);
	*ret_flushed = (int64_t)flushed;
	return 0;
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
	if (n == PLACE_BOOT_SIZE)
		return 0;

	memset(p->boot, 0, sizeof(p->boot));
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

static int prove(struct place *p, char why[DISK_WHY_SIZE])
{
	int fd = sys_unnamed(p->dir);
	int r = fd < 0 ? fd : try_file(p, fd);

	if (fd >= 0)
		sys_close(fd);
	if (r == 0)
		r = unlink_one(p->passing, PROBE);
	if (r == 0)
		r = unlink_one(p->passing, PROBE "2");
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

static int each_name(
    int fd, int (*fn)(const char *name, void *ctx), void *ctx)
{
	uint64_t buf[4096];
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = sys_list(fd, buf, sizeof(buf))) != 0) {
		if (n < 0)
			return (int)n;

		const char *p = (const char *)buf, *end = p + n;
		while (r == 0 && p < end) {
			const struct dirent64 *e = (const void *)p;

			p += e->d_reclen;
			if (e->d_name[0] != '.')
				r = fn(e->d_name, ctx);
		}
	}
	return r;
}

int place_each(int dir, int (*fn)(const char *name, void *ctx), void *ctx)
{
	int fd = sys_open(dir, ".", O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;

	int r = each_name(fd, fn, ctx);
	sys_close(fd);
	return r;
}

static int drop_passing(const char *name, void *ctx)
{
	const struct place *p = ctx;

	return unlink_one(p->passing, name);
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
	return place_each(p->passing, drop_passing, p);
}

int place_open(struct place *p, const char *path, bool sync,
    char why[DISK_WHY_SIZE])
{
	int64_t flushed;

	p->dir = p->files = p->passing = -1;
	p->path = strdup(path);
	if (!p->path)
		return fail(why, -ENOMEM, "cannot open it");

	p->dir = sys_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	if (p->dir < 0)
		return fail(why, p->dir, "cannot open it");
	int r = take(p->dir, &flushed, why);
	if (r < 0)
		return r;

	atomic_store(&p->flushed_ms, flushed);
	r = open_folders(p);
	if (r < 0)
		return fail(why, r, "cannot prepare it");
	r = read_boot(p, sync, why);
	if (r == 0)
		r = prove(p, why);
	if (r < 0)
		return r;

	/* The directories that were made are of the promise. */
	r = sync ? sys_sync(p->dir) : 0;
	return r < 0 ? fail(why, r, "cannot sync it") : 0;
}

void place_close(struct place *p)
{
	const int fds[] = {p->files, p->passing, p->dir};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			sys_close(fds[i]);
	}
	free(p->path);
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

static int renew_dir(struct place *p)
{
	char why[DISK_WHY_SIZE];
	int64_t flushed;

	int fd = sys_open(AT_FDCWD, p->path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;

	int r = take(fd, &flushed, why);
	if (r < 0) {
		sys_close(fd);
		return r;
	}
	atomic_store(&p->flushed_ms, flushed);
	return renew(p->dir, fd);
}

static int renew_folder(struct place *p, int fd, const char *name)
{
	int r = is_removed(fd);

	return r == 1 ? renew(fd, open_folder(p, name)) : r;
}

int place_probe(struct place *p)
{
	int r = is_removed(p->dir);
	if (r == 1)
		r = renew_dir(p);
	if (r < 0)
		return r;

	int files = renew_folder(p, p->files, "files");
	if (files < 0)
		return files;

	int passing = renew_folder(p, p->passing, "passing");
	return passing < 0 ? passing : r || files || passing;
}
