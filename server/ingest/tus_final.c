/* SPDX-License-Identifier: MIT */
/*
 * tus: uploads put together of others. Soon after a start parts may be on the
 * disk that the store does not know yet: then they are looked for by a reader,
 * and the request begins again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/percent.h"
#include "common/tusmeta.h"
#include "http/task.h"
#include "ingest/create.h"
#include "ingest/tus.h"

/* ---- whom a URL names --------------------------------------------------- */

static struct str behind(struct str s, size_t n)
{
	return (struct str){s.p + n, s.n - n};
}

/* What stands behind /files/ in a URL, if it is one of ours: absolute with
   our name, or relative to the URL of the request. Else nothing. */
static struct str tail_of(const struct http_request *req, struct str url)
{
	struct str none = {NULL, 0}, host = http_host(req);
	struct str base = http_path(req), path = url;
	const char *prefix = "/files/";

	if (str_istarts(url, "http://") || str_istarts(url, "https://")) {
		size_t scheme = (size_t)(strchr(url.p, ':') - url.p) + 3;

		path = behind(url, scheme);
		if (path.n < host.n || strncasecmp(path.p, host.p, host.n))
			return none;
		path = behind(path, host.n);
	} else if (url.p[0] != '/') {
		/* From /files/ it is just the id. */
		prefix = base.p[base.n - 1] == '/' ? "" : "files/";
	}

	size_t n = strlen(prefix);
	return path.n > n && !memcmp(path.p, prefix, n) ? behind(path, n)
							: none;
}

/* The id a URL names, in `out`. Returns: its length; 0 when it is none. */
static size_t id_of(const struct http_request *req, struct str url,
    char out[ID_LEN_MAX * 3])
{
	struct str tail = tail_of(req, url);

	if (!tail.n || tail.n > (size_t)ID_LEN_MAX * 3)
		return 0;

	ssize_t n = percent_decode(tail.p, tail.n, out);
	return n > 0 && id_valid(out, (size_t)n) ? (size_t)n : 0;
}

/* Returns: the part with a reference; NULL when it is none. */
static struct file *find_part(
    const struct http_request *req, struct ingest *in, struct str url)
{
	char id[ID_LEN_MAX * 3];
	size_t n = id_of(req, url, id);
	struct file *f = n ? store_get(in->store, id, n) : NULL;
	struct resumable *r = f ? resumable_of(f) : NULL;

	if (r && r->kind == RESUMABLE_PARTIAL)
		return f;
	file_unref(f);
	return NULL;
}

/* ---- on the disk -------------------------------------------------------- */

/* The parts that are looked for. */
struct search {
	struct http_task task;
	struct store *store;
	size_t count;
	struct file **files; /* those that were found; NULL the others */
	char (*ids)[ID_LEN_MAX + 1];
};

static int search(struct http_task *t)
{
	struct search *s = (struct search *)(void *)t;

	for (size_t i = 0; i < s->count && !atomic_load(&t->dropped); i++) {
		int r = store_load(
		    s->store, s->ids[i], strlen(s->ids[i]), &s->files[i]);

		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

static void free_search(struct http_task *t)
{
	struct search *s = (struct search *)(void *)t;

	for (size_t i = 0; s->files && i < s->count; i++)
		file_unref(s->files[i]);
	free(s->files);
	free(s->ids);
	free(s);
}

static void drop(void *ctx)
{
	struct search *s = ctx;

	http_task_drop(&s->task);
}

/* Begin to look for all that these URLs name. */
static int look(struct http_request *req, struct ingest *in, struct str urls)
{
	size_t max = urls.n / 2 + 1, n;
	char id[ID_LEN_MAX * 3];
	struct str url;
	struct search *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;

	s->task.run = search;
	s->task.free = free_search;
	s->store = in->store;
	s->files = calloc(max, sizeof(*s->files));
	s->ids = calloc(max, sizeof(*s->ids));
	while (s->files && s->ids && tus_concat_next(&urls, &url)) {
		if ((n = id_of(req, url, id)))
			memcpy(s->ids[s->count++], id, n);
	}
	int r = s->files && s->ids
		    ? http_task_start(req, store_readers(in->store), &s->task)
		    : -ENOMEM;
	if (r < 0)
		free_search(&s->task);
	else
		http_later(req, s, drop);
	return r;
}

/*
 * Some part is not known. Returns: -EINPROGRESS: it is looked for; -ENOENT: it
 * does not exist; or why that cannot be said.
 */
static int look_on_disk(
    struct http_request *req, struct ingest *in, struct str urls)
{
	struct search *s = http_before(req, drop);
	int r;

	if (!s) {
		r = look(req, in, urls);
		return r < 0 ? r : -EINPROGRESS;
	}
	r = http_task_result(&s->task);
	if (r == -EINPROGRESS)
		http_later(req, s, drop);
	return r == 0 ? -ENOENT : r;
}

/* ---- putting together --------------------------------------------------- */

struct parts {
	struct file **files;
	size_t count;
	uint64_t length; /* of all; FILE_SIZE_UNKNOWN */
};

static void free_parts(struct parts *p)
{
	for (size_t i = 0; i < p->count; i++)
		file_unref(p->files[i]);
	free(p->files);
}

static int find_parts(const struct http_request *req, struct ingest *in,
    struct str urls, struct parts *ret)
{
	struct str url;
	/* One has at least two bytes with its space. */
	size_t max = urls.n / 2 + 1;

	*ret = (struct parts){.files = calloc(max, sizeof(struct file *))};
	if (!ret->files)
		return -ENOMEM;

	while (tus_concat_next(&urls, &url)) {
		struct file *f = find_part(req, in, url);
		if (!f)
			return -ENOENT;

		uint64_t size = atomic_load(&f->size);
		ret->files[ret->count++] = f;
		if (size == FILE_SIZE_UNKNOWN ||
		    ret->length == FILE_SIZE_UNKNOWN)
			ret->length = FILE_SIZE_UNKNOWN;
		else if (size > CREATE_LENGTH_MAX - ret->length)
			return -EFBIG;
		else
			ret->length += size;
	}
	return 0;
}

static int put_together(struct ingest *in, const struct resumable_opts *opts,
    const struct parts *parts, struct file **ret)
{
	struct file *f;
	int err = resumable_new(in, opts, &f);
	if (err < 0)
		return err;

	err = resumable_concat(resumable_of(f), parts->files, parts->count);
	if (err < 0) {
		store_remove(in->store, f);
		file_unref(f);
		return err;
	}
	*ret = f;
	return 0;
}

static void refuse(struct http_request *req, int err)
{
	if (err == -ENOENT)
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    "Upload-Concat names something that is no part: each URL "
		    "is that of an upload made here with \"Upload-Concat: "
		    "partial\".");
	else
		upload_failed(req, err);
}

struct file *tus_create_final(struct http_request *req, struct ingest *in,
    struct resumable_opts *opts, struct str urls)
{
	/* Asked first: what is found meanwhile is known then. */
	bool restoring = store_restoring(in->store);
	struct parts parts;
	struct file *f = NULL;

	int err = find_parts(req, in, urls, &parts);
	opts->length = parts.length;
	if (err == -ENOENT && restoring)
		err = look_on_disk(req, in, urls);
	if (err < 0 && err != -EINPROGRESS) {
		refuse(req, err);
	} else if (err == 0 && create_fits(req, in, opts->length)) {
		err = put_together(in, opts, &parts, &f);
		if (err < 0)
			create_failed(req, in, err);
	}
	free_parts(&parts);
	return f;
}
