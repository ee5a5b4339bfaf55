/* SPDX-License-Identifier: MIT */
#include "core/put.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"
#include "core/error.h"
#include "core/options.h"
#include "core/ref.h"

#define PROGRESS_EVERY_MS 500
/* Less is sent without asking first whether it will be taken: that costs a
 * round trip, and a second where nobody answers. What may not be sent twice
 * asks all the same: once something was answered, libcurl no longer repeats by
 * itself what broke on a kept connection. */
#define EXPECT_FROM_BYTES (UINT64_C(1) << 20)

/* So that a repeat stores nothing twice. */
static void add_key(struct spwc__request *r)
{
	uint8_t bytes[16];
	char hex[2 * sizeof(bytes) + 1];
	char key[sizeof(hex) + 2];

	if (getrandom(bytes, sizeof(bytes), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(bytes))
		return;
	hex_encode(bytes, sizeof(bytes), hex);
	snprintf(key, sizeof(key), "\"%s\"", hex);
	spwc__request_header(r, "Idempotency-Key", key);
	r->repeatable = true;
}

void spwc__source_set(struct spwc__request *r, const struct spwc_source *source)
{
	r->source = *source;
	if (source->size > INT64_MAX && source->size != SPWC_UNKNOWN)
		r->failed = spwc__error_set(&r->error, -EFBIG,
		    "invalid_argument", "no file is that large");
	if (source->size < EXPECT_FROM_BYTES && !r->once)
		spwc__request_header(r, "Expect", "");
}

void spwc__check_id(struct spwc__request *r, const char *id)
{
	if (id != NULL && !spwc__id_valid(id) && r->failed == 0)
		r->failed = spwc__error_set(&r->error, -EINVAL,
		    "invalid_argument",
		    "'%s' cannot be an id: 1 to %d letters, digits and . _ ~ "
		    "-, not starting with a dot",
		    id, SPWC_ID_MAX);
}

void spwc__content_type(struct spwc__request *r, const char *type)
{
	spwc__request_header(r, "Content-Type",
	    type != NULL && *type != '\0' ? type : "application/octet-stream");
}

void spwc__put_build(struct spwc__request *r, struct spwc_client *c,
    const struct spwc_put_opts *opts, const struct spwc_source *source)
{
	struct spwc_put_opts known;
	int err = spwc__opts_take(&known, sizeof(known), opts);

	spwc__request_init(r, c, known.id != NULL ? "PUT" : "POST");
	if (err < 0)
		spwc__request_invalid(r, SPWC__OPTS_WRONG);
	spwc__check_id(r, known.id);
	spwc__source_set(r, source);
	spwc__request_path(r, "/files");
	if (known.id != NULL) {
		spwc__request_path(r, "/");
		spwc__request_path(r, known.id);
	} else if (source->seek != NULL) {
		add_key(r);
	}
	spwc__request_query(r, "name", known.name);
	spwc__request_query_ttl(r, known.ttl_s);
	spwc__request_query_u64(r, "reads", known.reads);
	spwc__content_type(r, known.type);
}

int spwc_put(struct spwc_client *c, const struct spwc_put_opts *opts,
    const struct spwc_source *source, struct spwc_file *ret_file,
    struct spwc_error *reterr_error)
{
	struct spwc__request r;

	spwc__put_build(&r, c, opts, source);
	return spwc__request_finish_file(&r, ret_file, reterr_error);
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
	struct spwc_source source = {
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
	return spwc_put(c, opts, &source, ret_file, reterr_error);
}
