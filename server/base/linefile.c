/* SPDX-License-Identifier: MIT */
#include "base/linefile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* With the end of the line, and a NUL. */
#define LINE_SIZE (LINEFILE_LINE_MAX + 2)

/* The first failure is in `reterr`. */
static int read_lines(
    FILE *f, linefile_fn fn, void *ctx, struct conf_error *reterr)
{
	char buf[LINE_SIZE];
	unsigned count = 0;

	while (fgets(buf, sizeof(buf), f)) {
		size_t n = strcspn(buf, "\r\n");
		struct str line = str_trim((struct str){buf, n});
		char why[LINEFILE_WHY_SIZE] = "out of memory";

		reterr->line++;
		if (n > LINEFILE_LINE_MAX)
			return conf_error_set(reterr, -EINVAL,
			    "the line is longer than %d bytes",
			    LINEFILE_LINE_MAX);
		if (!line.n || line.p[0] == '#')
			continue;
		if (++count > LINEFILE_LINES_MAX)
			return conf_error_set(reterr, -EINVAL,
			    "there are more than %d lines that are something",
			    LINEFILE_LINES_MAX);
		int r = fn(ctx, line, why);
		if (r < 0)
			return conf_error_set(reterr, r, "%s", why);
	}
	reterr->line = 0;
	return ferror(f) ? conf_error_set(
			       reterr, -EIO, "it cannot be read to its end")
			 : 0;
}

int linefile_read(const char *path, linefile_fn fn, void *ctx,
    struct conf_error *reterr)
{
	FILE *f = fopen(path, "re");
	int err = errno;

	snprintf(reterr->file, sizeof(reterr->file), "%s", path);
	reterr->line = 0;
	if (!f)
		return conf_error_set(reterr, -err, "%s", strerror(err));

	int r = read_lines(f, fn, ctx, reterr);
	fclose(f);
	return r;
}
