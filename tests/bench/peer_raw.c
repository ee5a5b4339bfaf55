/* SPDX-License-Identifier: MIT */
/*
 * The limits: memcpy to memory that is there already, pwrite and pread on a
 * file without a name. And the floor: realloc to twice the size, which is the
 * least that one could write by hand for bytes in memory, but no spool.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define FIRST_CAP (4 * KIB)

struct raw {
	uint8_t *data;
	size_t cap;
	int fd;
	uint64_t len;
};

static struct raw *raw_new(void)
{
	struct raw *r = calloc(1, sizeof(*r));

	need(r != NULL, "calloc");
	r->fd = -1;
	return r;
}

/* Memory that stays and is used again by the next. */
static void *open_static(const struct place *at)
{
	static uint8_t *data;
	static size_t cap;
	struct raw *r = raw_new();

	if (cap < at->total) {
		free(data);
		cap = (size_t)at->total;
		data = malloc(cap);
		need(data != NULL, "malloc");
		/* All of its pages. */
		memset(data, 1, cap);
	}
	r->data = data;
	r->cap = cap;
	return r;
}

static void *open_growing(const struct place *at)
{
	(void)at;
	return raw_new();
}

static void *open_file(const struct place *at)
{
	struct raw *r = raw_new();

	r->fd = open(at->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	need(r->fd >= 0, at->dir);
	return r;
}

static void append_static(void *self, const void *buf, size_t len)
{
	struct raw *r = self;

	need(len <= r->cap - r->len, "does not fit");
	memcpy(r->data + r->len, buf, len);
	r->len += len;
}

static void append_growing(void *self, const void *buf, size_t len)
{
	struct raw *r = self;

	while (r->cap - r->len < len) {
		r->cap = r->cap ? r->cap * 2 : FIRST_CAP;
		r->data = realloc(r->data, r->cap);
		need(r->data != NULL, "floor: realloc");
	}
	append_static(self, buf, len);
}

static void append_file(void *self, const void *buf, size_t len)
{
	struct raw *r = self;

	need(pwrite(r->fd, buf, len, (off_t)r->len) == (ssize_t)len, "pwrite");
	r->len += len;
}

static void read_memory(void *self, void *buf, size_t len, uint64_t off)
{
	const struct raw *r = self;

	need(off + len <= r->len, "past the end");
	memcpy(buf, r->data + off, len);
}

static void read_file(void *self, void *buf, size_t len, uint64_t off)
{
	const struct raw *r = self;

	need(pread(r->fd, buf, len, (off_t)off) == (ssize_t)len, "pread");
}

static uint64_t count_lines(const uint8_t *p, size_t len)
{
	const uint8_t *end = p + len, *lf;
	uint64_t count = 0;

	while (p < end && (lf = memchr(p, '\n', (size_t)(end - p)))) {
		p = lf + 1;
		count++;
	}
	return count;
}

static uint64_t lines_in_memory(void *self, uint64_t *ret_bytes)
{
	const struct raw *r = self;

	*ret_bytes = r->len;
	return count_lines(r->data, (size_t)r->len);
}

static uint64_t lines_in_file(void *self, uint64_t *ret_bytes)
{
	static uint8_t buf[64 * KIB];
	const struct raw *r = self;
	uint64_t count = 0;
	ssize_t n;

	while ((n = pread(r->fd, buf, sizeof(buf), (off_t)*ret_bytes)) > 0) {
		count += count_lines(buf, (size_t)n);
		*ret_bytes += (uint64_t)n;
	}
	need(n == 0, "pread");
	return count;
}

static void close_static(void *self)
{
	free(self);
}

static void close_growing(void *self)
{
	struct raw *r = self;

	free(r->data);
	free(r);
}

static void close_file(void *self)
{
	struct raw *r = self;

	close(r->fd);
	free(r);
}

const struct peer plain_realloc = { "floor: realloc", IN_MEMORY, open_growing,
	append_growing, read_memory, NULL, close_growing };
const struct peer limit_memcpy = { "limit: memcpy", IN_MEMORY, open_static,
	append_static, read_memory, lines_in_memory, close_static };
const struct peer limit_pwrite = { "limit: O_TMPFILE", ON_DISK, open_file,
	append_file, read_file, lines_in_file, close_file };
