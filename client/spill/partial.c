/* SPDX-License-Identifier: MIT */
#include "spill/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"

/* Longest mark that is read: an ETag and a URL. */
#define MARK_MAX_BYTES 16384
/* Three numbers of 20 digits, each with what ends it. */
#define SPAN_LINE 63
/* How much may come before the mark is told. */
#define NOTE_BYTES ((uint64_t)4 << 20)

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

bool partial_etag_usable(const char *etag)
{
	size_t len = strlen(etag);

	if (len < 2 || len >= sizeof(((struct partial *)0)->etag) ||
	    etag[0] != '"' || etag[len - 1] != '"')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (etag[i] <= ' ' || etag[i] >= 127)
			return false;
	}
	return true;
}

/* Takes a number and what ends it off a line of the mark. */
static bool take_number(const char **text, char end, uint64_t *ret)
{
	const char *stop = strchr(*text, end);

	if (stop == NULL ||
	    str_u64((struct str){*text, (size_t)(stop - *text)}, ret) < 0)
		return false;
	*text = stop + 1;
	return true;
}

/* Parts follow each other, or they are of no use. */
static bool read_spans(struct partial *p, const char *text)
{
	uint64_t first = 0;

	for (; *text != '\0'; p->span_count++) {
		struct partial_span *s = &p->spans[p->span_count];

		if (p->span_count == PARTIAL_SPANS_MAX ||
		    !take_number(&text, ' ', &s->first) ||
		    !take_number(&text, ' ', &s->at) ||
		    !take_number(&text, '\n', &s->end) || s->first != first ||
		    s->at < first || s->end < s->at)
			return false;
		first = s->end;
	}
	return true;
}

static void read_mark(struct partial *p, uint64_t size)
{
	char text[MARK_MAX_BYTES];
	char *url;
	char *end;

	int fd = open(p->mark, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;

	ssize_t n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	url = strchr(text, '\n');
	end = url != NULL ? strchr(url + 1, '\n') : NULL;
	if (end == NULL) {
		close(fd);
		return;
	}
	*url++ = '\0';
	*end = '\0';
	if (!partial_etag_usable(text) || strcmp(url, p->url) != 0 ||
	    !read_spans(p, end + 1)) {
		p->span_count = 0;
		close(fd);
		return;
	}

	memcpy(p->etag, text, strlen(text) + 1);
	if (p->span_count == 0) {
		p->have = size;
		close(fd);
	} else {
		p->mark_fd = fd;
		p->mark_len = (size_t)(end + 1 - text);
	}
}

int partial_open(
    struct partial *p, const char *path, const char *url, bool resume)
{
	struct stat st;

	*p = (struct partial){.fd = -1, .mark_fd = -1};
	int r = make_names(p, path, url);
	if (r < 0)
		return r;

	int fd = open(p->part,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0666);
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

/* A line of the mark; all have one length, so that they can be overwritten. */
static int format_span(char line[SPAN_LINE + 1], const struct partial_span *s)
{
	return snprintf(line, SPAN_LINE + 1,
	    "%020" PRIu64 " %020" PRIu64 " %020" PRIu64 "\n", s->first, s->at,
	    s->end);
}

static int write_spans(struct partial *p)
{
	char text[SPAN_LINE * PARTIAL_SPANS_MAX + 1];
	size_t len = 0;

	for (size_t i = 0; i < p->span_count; i++)
		len += (size_t)format_span(text + len, &p->spans[i]);
	ssize_t n = pwrite(p->mark_fd, text, len, (off_t)p->mark_len);
	p->noted = partial_there(p);
	return n < 0 ? -errno : (size_t)n < len ? -ENOSPC : 0;
}

static void close_mark(struct partial *p)
{
	if (p->mark_fd >= 0)
		close(p->mark_fd);
	p->mark_fd = -1;
}

static int write_mark(struct partial *p)
{
	char *text = NULL;
	uint64_t count = 0;

	int len = asprintf(&text, "%s\n%s\n", p->etag, p->url);
	if (len < 0)
		return -ENOMEM;

	p->mark_fd = open(p->mark,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	int r = p->mark_fd < 0
		    ? -errno
		    : write_all(p->mark_fd, text, (size_t)len, &count);
	p->mark_len = (size_t)len;
	free(text);
	if (r == 0 && p->span_count > 0)
		return write_spans(p);
	if (p->mark_fd >= 0 && close(p->mark_fd) < 0 && r == 0)
		r = -errno;
	p->mark_fd = -1;
	return r;
}

/* In this order a crash leaves no mark with wrong bytes. */
static int drop_all(struct partial *p)
{
	close_mark(p);
	p->begun = true;
	p->have = 0;
	p->span_count = 0;
	p->etag[0] = '\0';
	if (unlink(p->mark) < 0 && errno != ENOENT)
		return -errno;
	return ftruncate(p->fd, 0) < 0 ? -errno : 0;
}

static bool take_etag(struct partial *p, const char *etag)
{
	if (!partial_etag_usable(etag))
		return false;
	memcpy(p->etag, etag, strlen(etag) + 1);
	return true;
}

int partial_begin(struct partial *p, uint64_t offset, const char *etag)
{
	if (offset != 0 && offset != p->have)
		return -EINVAL;

	p->begun = true;
	if (offset == 0) {
		int r = drop_all(p);
		if (r == 0 && take_etag(p, etag))
			r = write_mark(p);
		if (r < 0)
			return r;
	}
	if (lseek(p->fd, (off_t)p->have, SEEK_SET) < 0)
		return -errno;
	return 0;
}

int partial_split(
    struct partial *p, const char *etag, uint64_t size, size_t count)
{
	int r = drop_all(p);
	if (r < 0)
		return r;
	if (!take_etag(p, etag))
		return -EINVAL;

	for (size_t i = 0; i < count; i++) {
		uint64_t first = size / count * i;

		p->spans[i] = (struct partial_span){
		    .first = first,
		    .at = first,
		    .end = i + 1 < count ? size / count * (i + 1) : size,
		};
	}
	p->span_count = count;
	return write_mark(p);
}

int partial_write_at(
    struct partial *p, size_t span, const void *buf, size_t len)
{
	struct partial_span *s = &p->spans[span];
	const char *from = buf;

	while (len > 0) {
		ssize_t n = pwrite(p->fd, from, len, (off_t)s->at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		from += n;
		len -= (size_t)n;
		s->at += (uint64_t)n;
	}
	/* What a crash loses is read again. */
	return partial_there(p) - p->noted >= NOTE_BYTES ? write_spans(p) : 0;
}

uint64_t partial_there(const struct partial *p)
{
	uint64_t sum = p->have;

	for (size_t i = 0; i < p->span_count; i++)
		sum += p->spans[i].at - p->spans[i].first;
	return sum;
}

void partial_discard(struct partial *p)
{
	(void)!drop_all(p);
	p->complete = false;
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
	close_mark(p);
	close(p->fd);
	p->fd = -1;
	return 0;
}

/* Whether this run made NAME.part what it is, to no use. */
static bool is_waste(const struct partial *p)
{
	struct stat st;

	if (p->complete || (partial_there(p) > 0 && p->etag[0] != '\0'))
		return false;
	return p->begun || (fstat(p->fd, &st) == 0 && st.st_size == 0);
}

bool partial_close(struct partial *p)
{
	bool useful = p->fd >= 0 && partial_there(p) > 0 && p->etag[0] != '\0';

	if (p->fd >= 0) {
		if (p->mark_fd >= 0)
			(void)!write_spans(p);
		if (is_waste(p)) {
			unlink(p->mark);
			unlink(p->part);
		}
		close(p->fd);
	}
	close_mark(p);
	free(p->path);
	free(p->part);
	free(p->mark);
	free(p->url);
	*p = (struct partial){.fd = -1, .mark_fd = -1};
	return useful;
}
