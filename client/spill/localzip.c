/* SPDX-License-Identifier: MIT */
#include "spill/localzip.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <zip.h>

#include <spillway/dir.h>
#include <spillway/spool.h>
#include <spillway/zip.h>

#include "common/zipformat.h"

#define MEMORY_MAX_BYTES ((size_t)16 << 20)
#define PIECE_BYTES 65536

struct localzip {
	struct cli *cli;
	const char *path;
	zip_t *archive;
	struct spw_dir *dir;
	struct spw_spool *spool;
	char name[ZIP_TEXT_MAX * UINT16_MAX + 1]; /* what name_of() gave */
};

static int fail(struct localzip *z, const char *what)
{
	cli_say(z->cli, "%s: %s", z->path, what);
	return EXIT_FAILED;
}

/* ---- opening ------------------------------------------------------------ */

static int fill(struct spw_spool *s)
{
	char piece[PIECE_BYTES];

	for (;;) {
		ssize_t n = read(STDIN_FILENO, piece, sizeof(piece));

		if (n == 0)
			return spw_spool_seal(s);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (cli_interrupted())
			return -ECANCELED;

		int r = n > 0 ? spw_spool_append(s, piece, (size_t)n) : 0;
		if (r < 0)
			return r;
	}
}

static int open_spool(struct localzip *z, zip_source_t **ret_source)
{
	const char *folder = getenv("TMPDIR");
	const struct spw_dir_opts where = {
	    .size = sizeof(where),
	    .path = folder != NULL && *folder != '\0' ? folder : "/var/tmp",
	};

	int r = spw_dir_open(&where, &z->dir);
	if (r < 0)
		return r;

	const struct spw_spool_opts opts = {
	    .size = sizeof(opts),
	    .dir = z->dir,
	    .memory_max = MEMORY_MAX_BYTES,
	};
	r = spw_spool_new(&opts, &z->spool);
	if (r == 0)
		r = fill(z->spool);
	return r < 0 ? r : spw_zip_source_new(z->spool, ret_source);
}

static int open_archive(struct localzip *z)
{
	zip_source_t *source = NULL;
	zip_error_t error;
	struct stat st;
	zip_error_init(&error);
	if (strcmp(z->path, "-") == 0) {
		int r = open_spool(z, &source);
		if (r < 0)
			return fail(z, strerror(-r));
	} else if (stat(z->path, &st) == 0 && S_ISDIR(st.st_mode)) {
		return fail(z, "that is a directory, and not a zip");
	} else {
		source = zip_source_file_create(z->path, 0, -1, &error);
	}
	if (source != NULL)
		z->archive = zip_open_from_source(source, ZIP_RDONLY, &error);
	int code =
	    z->archive != NULL ? EXIT_OK : fail(z, zip_error_strerror(&error));
	if (z->archive == NULL)
		zip_source_free(source);
	zip_error_fini(&error);
	return code;
}

int localzip_open(struct cli *cli, const char *path, struct localzip **ret_zip)
{
	struct localzip *z = calloc(1, sizeof(*z));
	if (z == NULL)
		return cli_fail_errno(cli, -ENOMEM, path);

	z->cli = cli;
	z->path = path;
	int code = open_archive(z);
	if (code != EXIT_OK) {
		localzip_close(z);
		return code;
	}
	*ret_zip = z;
	return EXIT_OK;
}

void localzip_close(struct localzip *z)
{
	if (z == NULL)
		return;
	if (z->archive != NULL)
		zip_discard(z->archive);
	spw_spool_unref(z->spool);
	spw_dir_unref(z->dir);
	free(z);
}

/* ---- listing ------------------------------------------------------------ */

static const char *method_name(uint16_t method)
{
	switch (method) {
	case ZIP_CM_STORE:
		return "store";
	case ZIP_CM_DEFLATE:
		return "deflate";
	case ZIP_CM_BZIP2:
		return "bzip2";
	case ZIP_CM_LZMA:
		return "lzma";
	default:
		return "other";
	}
}

static json_t *to_json(const struct spwc_zip_entry *e)
{
	char crc[9];

	snprintf(crc, sizeof(crc), "%08x", (unsigned int)e->crc32);
	return json_pack("{s:I, s:s%, s:I, s:I, s:s, s:s, s:s*, s:b, s:b}",
	    "index", (json_int_t)e->index, "name", e->name, e->name_len, "size",
	    (json_int_t)e->size, "compressed_size",
	    (json_int_t)e->compressed_size, "method", e->method, "crc32", crc,
	    "modified", e->modified, "is_dir", e->is_dir, "encrypted",
	    e->is_encrypted);
}

/* As servers read names. Libzip would make symbols of control characters. */
static const char *name_of(struct localzip *z, zip_uint64_t index)
{
	const char *raw = zip_get_name(z->archive, index, ZIP_FL_ENC_RAW);
	bool guess;

	size_t n = zip_text_utf8(str_from(raw), false, z->name, &guess);
	z->name[n] = '\0';
	return z->name;
}

static int tell(
    const zip_stat_t *st, const char *name, spwc_zip_entry_fn fn, void *arg)
{
	char modified[32] = "";
	struct tm tm;
	size_t len = strlen(name);
	struct spwc_zip_entry e = {
	    .index = st->index,
	    .name = name,
	    .name_len = len,
	    .method = method_name(st->comp_method),
	    .size = st->size,
	    .compressed_size = st->comp_size,
	    .crc32 = st->crc,
	    .is_dir = len > 0 && name[len - 1] == '/',
	    .is_encrypted = st->encryption_method != ZIP_EM_NONE,
	};

	/* A zip has local time, of wherever it was made. */
	if (localtime_r(&st->mtime, &tm) != NULL &&
	    strftime(modified, sizeof(modified), "%Y-%m-%dT%H:%M:%S", &tm) > 0)
		e.modified = modified;
	json_t *json = to_json(&e);
	char *line = json != NULL
			 ? json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII)
			 : NULL;
	json_decref(json);
	if (line == NULL)
		return -ENOMEM;

	e.json = line;
	int r = fn(arg, &e);
	free(line);
	return r;
}

int localzip_list(
    struct localzip *z, const char *prefix, spwc_zip_entry_fn fn, void *arg)
{
	zip_int64_t count = zip_get_num_entries(z->archive, 0);
	int r = 0;

	for (zip_int64_t i = 0; i < count && r == 0; i++) {
		zip_stat_t st;

		if (zip_stat_index(z->archive, (zip_uint64_t)i, 0, &st) < 0)
			return fail(z, zip_strerror(z->archive));
		const char *name = name_of(z, st.index);
		if (prefix == NULL ||
		    strncmp(name, prefix, strlen(prefix)) == 0)
			r = tell(&st, name, fn, arg);
	}
	return r < 0 ? fail(z, strerror(-r)) : EXIT_OK;
}

/* ---- reading ------------------------------------------------------------ */

static int copy_entry(
    struct localzip *z, zip_file_t *file, spwc_write_fn write, void *arg)
{
	char piece[PIECE_BYTES];
	zip_int64_t n;

	while ((n = zip_fread(file, piece, sizeof(piece))) > 0) {
		int r = write(arg, piece, (size_t)n);

		if (r == -EPIPE)
			return EXIT_PARTIAL;
		if (r < 0) {
			fail(z, strerror(-r));
			return r == -ECANCELED ? EXIT_PARTIAL : EXIT_FAILED;
		}
	}
	return n < 0 ? fail(z, zip_file_strerror(file)) : EXIT_OK;
}

/* By the name that a list has, which may not be the one libzip knows. */
static zip_int64_t find(struct localzip *z, const char *name)
{
	zip_int64_t count = zip_get_num_entries(z->archive, 0);

	for (zip_int64_t i = 0; i < count; i++) {
		if (strcmp(name_of(z, (zip_uint64_t)i), name) == 0)
			return i;
	}
	return -1;
}

int localzip_read(struct localzip *z, const char *name, uint64_t index,
    spwc_write_fn write, void *arg)
{
	if (name != NULL) {
		zip_int64_t found = find(z, name);
		if (found < 0) {
			cli_say(z->cli, "%s: there is no entry '%s'", z->path,
			    name);
			return EXIT_NOT_FOUND;
		}
		index = (uint64_t)found;
	} else if (index >= (uint64_t)zip_get_num_entries(z->archive, 0)) {
		cli_say(
		    z->cli, "%s: there is no entry of that number", z->path);
		return EXIT_NOT_FOUND;
	}

	zip_file_t *file = zip_fopen_index(z->archive, index, 0);
	if (file == NULL)
		return fail(z, zip_strerror(z->archive));

	int code = copy_entry(z, file, write, arg);
	zip_fclose(file);
	return code;
}

int localzip_copy(struct cli *cli, const char *path, const char *name,
    uint64_t index, spwc_write_fn write, void *arg)
{
	struct localzip *z;

	int code = localzip_open(cli, path, &z);
	if (code != EXIT_OK)
		return code;

	code = localzip_read(z, name, index, write, arg);
	localzip_close(z);
	return code;
}
