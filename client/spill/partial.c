/* SPDX-License-Identifier: MIT */
#include "spill/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Longest mark that is read: an ETag and a URL. */
#define MARK_MAX_BYTES 16384

static int make_names(struct partial *p, const char *path, const char *url)
{
	p->path = strdup(path);
	p->url = strdup(url);
	if (p->path == NULL || p->url == NULL)
		return -ENOMEM;
	if (asprintf(&p->part, "%s.part", path) < 0) {
		p->part = NULL;
		return -ENOMEM;
	}
	if (asprintf(&p->mark, "%s.part.etag", path) < 0) {
		p->mark = NULL;
		return -ENOMEM;
	}
	return strchr(url, '\n') == NULL ? 0 : -EILSEQ;
}

/* Locks what is open, and makes sure it still is what the name names: the
 * one who had the lock before may have renamed it. */
static int lock_part(int fd, const char *part)
{
	struct stat st;
	struct stat named;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_nlink > 1)
		return -EPERM;
	if (lstat(part, &named) < 0 || named.st_ino != st.st_ino ||
	    named.st_dev != st.st_dev)
		return -EBUSY;
	return 0;
}

/* Strong, and fit for a header field and a line of its own. */
static bool etag_usable(const char *etag)
{
	size_t len = strlen(etag);

	if (len < 2 || etag[0] != '"' || etag[len - 1] != '"')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (etag[i] <= ' ' || etag[i] >= 127)
			return false;
	}
	return true;
}

static void read_mark(struct partial *p, uint64_t size)
{
	char text[MARK_MAX_BYTES];
	char *url;
	char *end;

	int fd = open(p->mark, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;

	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return;

	text[n] = '\0';
	url = strchr(text, '\n');
	end = url != NULL ? strchr(url + 1, '\n') : NULL;
	if (end == NULL)
		return;
	*url++ = '\0';
	*end = '\0';
	if (!etag_usable(text) || strlen(text) >= sizeof(p->etag) ||
	    strcmp(url, p->url) != 0)
		return;

	memcpy(p->etag, text, strlen(text) + 1);
	p->have = size;
}

int partial_open(
    struct partial *p, const char *path, const char *url, bool resume)
{
	struct stat st;

	*p = (struct partial){.fd = -1};
	int r = make_names(p, path, url);
	if (r < 0)
		return r;

	int fd = open(p->part,
	    O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0666);
	if (fd < 0)
		return -errno;

	r = lock_part(fd, p->part);
	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}

	p->fd = fd;
	if (resume && st.st_size > 0)
		read_mark(p, (uint64_t)st.st_size);
	return 0;
}

static int write_all(int fd, const void *buf, size_t len, uint64_t *count)
{
	const char *from = buf;

	while (len > 0) {
		ssize_t n = write(fd, from, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		from += n;
		len -= (size_t)n;
		*count += (uint64_t)n;
	}
	return 0;
}

static int write_mark(struct partial *p)
{
	char *text = NULL;
	uint64_t count = 0;

	int len = asprintf(&text, "%s\n%s\n", p->etag, p->url);
	if (len < 0)
		return -ENOMEM;

	int fd = open(p->mark,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	int r = fd < 0 ? -errno : write_all(fd, text, (size_t)len, &count);
	if (fd >= 0 && close(fd) < 0 && r == 0)
		r = -errno;
	free(text);
	return r;
}

int partial_begin(struct partial *p, uint64_t offset, const char *etag)
{
	if (offset != 0 && offset != p->have)
		return -EINVAL;

	p->begun = true;
	if (offset == 0) {
		/* In this order a crash leaves no mark with wrong bytes. */
		p->have = 0;
		p->etag[0] = '\0';
		if (unlink(p->mark) < 0 && errno != ENOENT)
			return -errno;
		if (ftruncate(p->fd, 0) < 0)
			return -errno;
		if (etag_usable(etag) && strlen(etag) < sizeof(p->etag)) {
			memcpy(p->etag, etag, strlen(etag) + 1);
			int r = write_mark(p);
			if (r < 0)
				return r;
		}
	}
	if (lseek(p->fd, (off_t)p->have, SEEK_SET) < 0)
		return -errno;
	return 0;
}

int partial_write(struct partial *p, const void *buf, size_t len)
{
	return write_all(p->fd, buf, len, &p->have);
}

static int rename_new(const char *from, const char *to)
{
	struct stat st;

	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	/* The file system does not know how: the next best. */
	if (lstat(to, &st) == 0)
		return -EEXIST;
	return rename(from, to) < 0 ? -errno : 0;
}

/* Network file systems report failed writes at close; the lock has to last
 * until the rename is done, so a duplicate is closed. */
static int flush(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0)
		return -errno;
	return close(copy) < 0 ? -errno : 0;
}

int partial_commit(struct partial *p, bool overwrite)
{
	int r = flush(p->fd);
	if (r < 0)
		return r;

	p->complete = true;
	if (!overwrite)
		r = rename_new(p->part, p->path);
	else if (rename(p->part, p->path) < 0)
		r = -errno;
	if (r < 0)
		return r;

	unlink(p->mark);
	close(p->fd);
	p->fd = -1;
	return 0;
}

/* Whether this run made NAME.part what it is, to no use. */
static bool is_waste(const struct partial *p)
{
	struct stat st;

	if (p->complete || (p->have > 0 && p->etag[0] != '\0'))
		return false;
	return p->begun || (fstat(p->fd, &st) == 0 && st.st_size == 0);
}

bool partial_close(struct partial *p)
{
	bool useful = p->fd >= 0 && p->have > 0 && p->etag[0] != '\0';

	if (p->fd >= 0) {
		if (is_waste(p)) {
			unlink(p->mark);
			unlink(p->part);
		}
		close(p->fd);
	}
	free(p->path);
	free(p->part);
	free(p->mark);
	free(p->url);
	*p = (struct partial){.fd = -1};
	return useful;
}
