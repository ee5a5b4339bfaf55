/* SPDX-License-Identifier: MIT */
/* libzip over spools. */
#include <spillway/zip.h>

#include <assert.h>
#include <errno.h>

#include <zip.h>

#include <spillway/copy.h>

#include "opts.h"
#include "sys.h"

#define SOURCE_MAGIC 0x5b0021bu

#define WRITABLE                                                               \
	(ZIP_SOURCE_SUPPORTS_WRITABLE |                                        \
	    ZIP_SOURCE_MAKE_COMMAND_BITMASK(ZIP_SOURCE_BEGIN_WRITE_CLONING))

struct source {
	uint32_t magic;
	struct spw_spool *fixed; /* read only; NULL when there is a slot */
	struct spw_spool **slot;
	struct spw_spool_opts opts; /* for new spools */
	struct spw_spool *reading; /* from OPEN to CLOSE */
	uint64_t read_off;
	struct spw_spool *writing; /* from BEGIN_WRITE to its end */
	uint64_t write_off;
	zip_error_t error;
};

static zip_int64_t fail(struct source *z, int zip_error, int error)
{
	if (error == -ENOMEM)
		zip_error = ZIP_ER_MEMORY;
	zip_error_set(&z->error, zip_error, -error);
	return -1;
}

static struct spw_spool *content(const struct source *z)
{
	return z->slot ? *z->slot : z->fixed;
}

/* What is read stays the same until it is closed, even after a commit. */
static zip_int64_t open_source(struct source *z)
{
	struct spw_spool *s = content(z);

	if (!s)
		return fail(z, ZIP_ER_OPEN, -ENOENT);

	z->reading = spw_spool_ref(s);
	z->read_off = 0;
	return 0;
}

static zip_int64_t read_source(struct source *z, void *data, zip_uint64_t len)
{
	ssize_t n = spw_spool_pread(z->reading, data, len, z->read_off);

	if (n < 0)
		return fail(z, ZIP_ER_READ, (int)n);

	z->read_off += (uint64_t)n;
	return n;
}

static zip_int64_t close_source(struct source *z)
{
	spw_spool_unref(z->reading);
	z->reading = NULL;
	return 0;
}

static zip_int64_t stat_source(struct source *z, zip_stat_t *st,
    zip_uint64_t len)
{
	struct spw_spool *s = content(z);

	if (len < sizeof(*st))
		return fail(z, ZIP_ER_INVAL, -EINVAL);
	/* libzip's way to say that there is no archive. */
	if (!s)
		return fail(z, ZIP_ER_READ, -ENOENT);

	zip_stat_init(st);
	st->size = spw_spool_size(s);
	st->valid = ZIP_STAT_SIZE;
	return sizeof(*st);
}

static zip_int64_t free_source(struct source *z)
{
	spw_spool_unref(z->fixed);
	spw_spool_unref(z->reading);
	spw_spool_unref(z->writing);
	zip_error_fini(&z->error);
	z->magic = 0;
	spw__sys_free(z);
	return 0;
}

static zip_int64_t seek_in(struct source *z, struct spw_spool *s,
    uint64_t *off, void *data, zip_uint64_t len)
{
	zip_int64_t to = zip_source_seek_compute_offset(
	    *off, spw_spool_size(s), data, len, &z->error);

	if (to < 0)
		return -1;

	*off = (uint64_t)to;
	return 0;
}

/* To a new spool, which takes the old one's place when it is whole. */
static zip_int64_t begin_write(struct source *z)
{
	int r = spw_spool_new(&z->opts, &z->writing);

	if (r < 0)
		return fail(z, ZIP_ER_TMPOPEN, r);

	z->write_off = 0;
	return 0;
}

/*
 * The same, with the first `len` bytes of the old one. Where it is on disk the
 * kernel copies them, or shares them. libzip copies itself if this fails.
 */
static zip_int64_t begin_cloning(struct source *z, uint64_t len)
{
	struct spw_spool *s;
	int r = spw_spool_clone(*z->slot, &z->opts, &s);

	if (r < 0)
		return fail(z, ZIP_ER_TMPOPEN, r);

	r = spw_spool_truncate(s, len);
	if (r < 0) {
		spw_spool_unref(s);
		return fail(z, ZIP_ER_TMPOPEN, r);
	}

	z->writing = s;
	z->write_off = len;
	return 0;
}

static zip_int64_t write_source(struct source *z, const void *data,
    zip_uint64_t len)
{
	int r;

	/* Appends are gathered; only what libzip goes back for is not. */
	if (z->write_off == spw_spool_size(z->writing))
		r = spw_spool_append(z->writing, data, len);
	else
		r = spw_spool_pwrite(z->writing, data, len, z->write_off);
	if (r < 0)
		return fail(z, ZIP_ER_WRITE, r);

	z->write_off += len;
	return (zip_int64_t)len;
}

static zip_int64_t commit_write(struct source *z)
{
	/* It tells of the disk's errors while the old one is still there. */
	int r = spw_spool_seal(z->writing);

	if (r < 0)
		return fail(z, ZIP_ER_CLOSE, r);

	spw_spool_unref(*z->slot);
	*z->slot = z->writing;
	z->writing = NULL;
	return 0;
}

static zip_int64_t rollback_write(struct source *z)
{
	spw_spool_unref(z->writing);
	z->writing = NULL;
	return 0;
}

static zip_int64_t remove_source(struct source *z)
{
	spw_spool_unref(*z->slot);
	*z->slot = NULL;
	return 0;
}

static zip_int64_t handle_writing(struct source *z, void *data,
    zip_uint64_t len, zip_source_cmd_t cmd)
{
	switch (cmd) {
	case ZIP_SOURCE_BEGIN_WRITE:
		return begin_write(z);
	case ZIP_SOURCE_BEGIN_WRITE_CLONING:
		return begin_cloning(z, len);
	case ZIP_SOURCE_WRITE:
		return write_source(z, data, len);
	case ZIP_SOURCE_SEEK_WRITE:
		return seek_in(z, z->writing, &z->write_off, data, len);
	case ZIP_SOURCE_TELL_WRITE:
		return (zip_int64_t)z->write_off;
	case ZIP_SOURCE_COMMIT_WRITE:
		return commit_write(z);
	case ZIP_SOURCE_ROLLBACK_WRITE:
		return rollback_write(z);
	case ZIP_SOURCE_REMOVE:
		return remove_source(z);
	default:
		return fail(z, ZIP_ER_OPNOTSUPP, -EOPNOTSUPP);
	}
}

/* What libzip calls, for everything. */
static zip_int64_t handle(void *userdata, void *data, zip_uint64_t len,
    zip_source_cmd_t cmd)
{
	struct source *z = userdata;

	assert(z->magic == SOURCE_MAGIC);
	switch (cmd) {
	case ZIP_SOURCE_OPEN:
		return open_source(z);
	case ZIP_SOURCE_READ:
		return read_source(z, data, len);
	case ZIP_SOURCE_CLOSE:
		return close_source(z);
	case ZIP_SOURCE_STAT:
		return stat_source(z, data, len);
	case ZIP_SOURCE_ERROR:
		return zip_error_to_data(&z->error, data, len);
	case ZIP_SOURCE_FREE:
		return free_source(z);
	case ZIP_SOURCE_SEEK:
		return seek_in(z, z->reading, &z->read_off, data, len);
	case ZIP_SOURCE_TELL:
		return (zip_int64_t)z->read_off;
	case ZIP_SOURCE_SUPPORTS:
		return z->slot ? WRITABLE : ZIP_SOURCE_SUPPORTS_SEEKABLE;
	default:
		return z->slot ? handle_writing(z, data, len, cmd)
		    : fail(z, ZIP_ER_OPNOTSUPP, -EOPNOTSUPP);
	}
}

/* Make a source of `init`, whose references are taken over on success. */
static int new_source(const struct source *init, struct zip_source **ret)
{
	struct source *z = spw__sys_alloc(sizeof(*z));

	if (!z)
		return -ENOMEM;

	*z = *init;
	z->magic = SOURCE_MAGIC;
	zip_error_init(&z->error);
	zip_source_t *src = zip_source_function_create(handle, z, NULL);
	if (!src) {
		spw__sys_free(z);
		return -ENOMEM;
	}

	*ret = src;
	return 0;
}

int spw_zip_source_new(struct spw_spool *s, struct zip_source **ret)
{
	if (!s || !ret)
		return -EINVAL;

	int r = new_source(&(struct source){ .fixed = s }, ret);
	if (r == 0)
		spw_spool_ref(s);
	return r;
}

/* Find out now what would be wrong with a new spool of these options. */
static int check_opts(const struct spw_spool_opts *opts)
{
	struct spw_spool_opts probe = *opts;
	struct spw_spool *s;

	if (opts->flags & SPW_SPOOL_SPARSE)
		return -EINVAL;

	probe.on_spill = NULL;
	int r = spw_spool_new(&probe, &s);
	if (r == 0)
		spw_spool_unref(s);
	return r;
}

int spw_zip_archive_new(struct spw_spool **slot,
    const struct spw_spool_opts *opts, struct zip_source **ret)
{
	static const struct spw_spool_opts in_memory = {
		.size = sizeof(in_memory), .memory_max = SPW_UNLIMITED };

	struct source z = { .slot = slot };

	if (!slot || !ret)
		return -EINVAL;

	int r = spw__opts_take(
	    &z.opts, sizeof(z.opts), opts ? opts : &in_memory);
	if (r == 0)
		r = check_opts(&z.opts);
	return r < 0 ? r : new_source(&z, ret);
}
