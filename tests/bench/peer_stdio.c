/* SPDX-License-Identifier: MIT */
/* Stdio's: open_memstream, fmemopen, and tmpfile in a directory of choice. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

struct file {
	FILE *f;
	char *memory;		/* open_memstream's */
	size_t len;
};

static struct file *file_new(void)
{
	struct file *f = calloc(1, sizeof(*f));

	need(f != NULL, "calloc");
	return f;
}

static void *open_memory(const struct place *at)
{
	struct file *f = file_new();

	(void)at;
	f->f = open_memstream(&f->memory, &f->len);
	need(f->f != NULL, "open_memstream");
	return f;
}

static void *open_fixed(const struct place *at)
{
	struct file *f = file_new();

	/* It insists on a NUL behind what is written. */
	f->f = fmemopen(NULL, (size_t)at->total + 1, "w+");
	need(f->f != NULL, "fmemopen");
	return f;
}

/* What tmpfile() does, but for the directory. */
static void *open_file(const struct place *at)
{
	struct file *f = file_new();
	int fd = open(at->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	need(fd >= 0, at->dir);
	f->f = fdopen(fd, "w+");
	need(f->f != NULL, "fdopen");
	return f;
}

static void append(void *self, const void *buf, size_t len)
{
	struct file *f = self;

	need(fwrite(buf, 1, len, f->f) == len, "fwrite");
}

static void seek_read(void *self, void *buf, size_t len, uint64_t off)
{
	struct file *f = self;

	need(fseeko(f->f, (off_t)off, SEEK_SET) == 0 &&
		fread(buf, 1, len, f->f) == len,
	    "fread");
}

static uint64_t get_lines(void *self, uint64_t *ret_bytes)
{
	struct file *f = self;
	char *line = NULL;
	size_t cap = 0;
	uint64_t count = 0;
	ssize_t n;

	rewind(f->f);
	while ((n = getline(&line, &cap, f->f)) > 0) {
		count++;
		*ret_bytes += (uint64_t)n;
	}
	need(!ferror(f->f), "getline");
	free(line);
	return count;
}

static void close_file(void *self)
{
	struct file *f = self;

	need(fclose(f->f) == 0, "fclose");
	free(f->memory);
	free(f);
}

const struct peer stdio_memstream = { "open_memstream", IN_MEMORY,
	open_memory, append, NULL, NULL, close_file };
const struct peer stdio_fmemopen = { "fmemopen", IN_MEMORY, open_fixed,
	append, seek_read, get_lines, close_file };
const struct peer stdio_tmpfile = { "tmpfile", ON_DISK, open_file, append,
	seek_read, get_lines, close_file };
