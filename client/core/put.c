/* SPDX-License-Identifier: MIT */
#include <spillway/client.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/ref.h"
#include "core/request.h"

#define PROGRESS_EVERY_MS 500

static void build(struct spwc__request *r, const struct spwc_put_opts *opts)
{
	spwc__request_path(r, "/files");
	if (opts->id != NULL) {
		spwc__request_path(r, "/");
		spwc__request_path(r, opts->id);
	}
	spwc__request_query(r, "name", opts->name);
	spwc__request_query_u64(r, "ttl", opts->ttl_s);
	spwc__request_query_u64(r, "reads", opts->reads);
	spwc__request_header(r, "Content-Type",
	    opts->type != NULL && opts->type[0] != '\0'
		? opts->type
		: "application/octet-stream");
}

static int put_source(struct spwc_client *c, const struct spwc_put_opts *opts,
    const struct spwc__source *source, struct spwc_file *ret_file,
    struct spwc_error *reterr_error)
{
	static const struct spwc_put_opts defaults;
	struct spwc__request r;

	if (opts == NULL)
		opts = &defaults;
	if (opts->id != NULL && !spwc__id_valid(opts->id))
		return spwc__error_set(reterr_error, -EINVAL,
		    "invalid_argument",
		    "'%s' cannot be an id: 1 to %d letters, digits and . _ ~ "
		    "-, not starting with a dot",
		    opts->id, SPWC_ID_MAX);
	if (source->size > INT64_MAX && source->size != SPWC_UNKNOWN)
		return spwc__error_set(reterr_error, -EFBIG, "invalid_argument",
		    "no file is that large");

	spwc__request_init(&r, c, opts->id != NULL ? "PUT" : "POST");
	r.source = *source;
	build(&r, opts);
	return spwc__request_finish_file(&r, ret_file, reterr_error);
}

int spwc_put(struct spwc_client *c, const struct spwc_put_opts *opts,
    spwc_read_fn read, void *arg, uint64_t size, struct spwc_file *ret_file,
    struct spwc_error *reterr_error)
{
	struct spwc__source source = {
	    .read = read,
	    .arg = arg,
	    .size = size,
	};

	return put_source(c, opts, &source, ret_file, reterr_error);
}

struct fd_source {
	int fd;
	off_t start;
	struct spwc_client *c;
	uint64_t done;
};

/* libcurl does not run, and tells of no progress, while a pipe has nothing to
 * say: so that is done here. */
static int fd_wait(const struct fd_source *f)
{
	struct pollfd p = {.fd = f->fd, .events = POLLIN};

	for (;;) {
		int n = poll(&p, 1, PROGRESS_EVERY_MS);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (f->c->progress != NULL && f->c->progress(f->c->progress_arg,
						  f->done, SPWC_UNKNOWN) != 0)
			return -ECANCELED;
	}
}

static ssize_t fd_read(void *arg, void *buf, size_t len)
{
	struct fd_source *f = arg;

	for (;;) {
		int r = fd_wait(f);
		if (r < 0)
			return r;

		ssize_t n = read(f->fd, buf, len);
		if (n >= 0) {
			f->done += (uint64_t)n;
			return n;
		}
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
}

static int fd_seek(void *arg, uint64_t offset)
{
	struct fd_source *f = arg;

	if (lseek(f->fd, f->start + (off_t)offset, SEEK_SET) < 0)
		return -errno;
	f->done = offset;
	return 0;
}

int spwc_put_fd(struct spwc_client *c, const struct spwc_put_opts *opts, int fd,
    struct spwc_file *ret_file, struct spwc_error *reterr_error)
{
	struct fd_source f = {.fd = fd, .c = c};
	struct spwc__source source = {
	    .read = fd_read,
	    .arg = &f,
	    .size = SPWC_UNKNOWN,
	};
	struct stat st;

	if (fstat(fd, &st) < 0)
		return spwc__error_set(reterr_error, -errno, "invalid_argument",
		    "%s", strerror(errno));
	if (S_ISREG(st.st_mode)) {
		f.start = lseek(fd, 0, SEEK_CUR);
		if (f.start >= 0 && st.st_size > 0) {
			source.size = st.st_size > f.start
					  ? (uint64_t)(st.st_size - f.start)
					  : 0;
			source.seek = fd_seek;
		}
	}
	return put_source(c, opts, &source, ret_file, reterr_error);
}
