/* SPDX-License-Identifier: MIT */
/*
 * POST /files/zip: an archive made of files, as the answer or as a file.
 *
 *   {"files":[{"id":ID,"name":NAME},...],"method":"store"|"deflate",
 *    "name":NAME,"save":true|false}
 *
 * A file may be an id alone. Without a name it is called as it is here. ?save
 * does what "save" does. What is saved has the terms of any upload: ?ttl=,
 * ?reads=, the digests that are wanted, once it is whole, and Idempotency-Key.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/media.h"
#include "deliver/content.h"
#include "deliver/zip_make.h"
#include "deliver/zip_name.h"
#include "front/front.h"
#include "http/gather.h"
#include "http/member.h"
#include "ingest/again.h"
#include "ingest/upload.h"

#define ENTRY_NAME_MAX 65535

/* A request on its way. */
struct call {
	struct http_gather body;
	struct front *front;
	/* What it says. */
	json_t *root, *files;
	bool deflated, save;
	struct upload_params params;
	struct integrity integrity; /* what is to be told of what is saved */
	struct find_many *many;	    /* the search for those that are kept */
	struct idempotency_claim *claim; /* of what is saved; NULL: none */
};

/*
 * The body.
 */

/** `v` is shown; NULL: it is not. Returns: false. */
static bool bad(struct http_request *req, const char *member, const json_t *v,
    const char *what)
{
	struct http_problem p = http_problem_member(member, v, "%s", what);

	http_reply_problem(req, &p);
	return false;
}

/** Read a member that all archives may have. False: answered. */
static bool take_member(
    struct http_request *req, struct call *call, const char *key, json_t *v)
{
	struct str text = {json_string_value(v), json_string_length(v)};

	if (!strcmp(key, "files")) {
		call->files = v;
		return json_is_array(v) || bad(req, key, v, "is not a list");
	}
	if (!strcmp(key, "method")) {
		call->deflated = str_eq(text, "deflate");
		return call->deflated || str_eq(text, "store") ||
		       bad(req, key, v,
			   "is neither \"store\" nor \"deflate\"");
	}
	if (!strcmp(key, "name")) {
		upload_param_name(&call->params, text);
		return call->params.name[0] || bad(req, key, v, "is no name");
	}
	if (!strcmp(key, "save")) {
		call->save = call->save || json_is_true(v);
		return json_is_boolean(v) ||
		       bad(req, key, v, "is neither true nor false");
	}
	return bad(req, key, NULL,
	    "is not known here; known are files, method, name, save");
}

/** Read the body. False: answered. */
static bool read_body(struct http_request *req, struct call *call)
{
	struct str text = http_gather_text(&call->body);
	const char *key;
	json_error_t why;
	json_t *v;

	/* What NUL means where is known better here. */
	call->root = json_loadb(
	    text.p, text.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
	if (!json_is_object(call->root)) {
		struct http_problem p = http_problem_document(
		    call->root ? NULL : &why, "{\"files\":[ID]}");

		http_reply_problem(req, &p);
		return false;
	}
	json_object_foreach(call->root, key, v)
	{
		if (!take_member(req, call, key, v))
			return false;
	}
	return call->files || bad(req, "files", NULL, "is missing");
}

/*
 * The files.
 */

/** Whether an entry may be called so. False: answered. */
static bool check_name(struct http_request *req, struct str name)
{
	const char *why = name.n > ENTRY_NAME_MAX ? "is longer than 65535 bytes"
						  : zip_name_refusal(name);
	if (!why)
		return true;

	http_reply_error(req, PROBLEM_INVALID,
	    "An entry cannot be called '%.*s': the name %s.",
	    (int)(name.n < 64 ? name.n : 64), name.p ? name.p : "", why);
	return false;
}

/** The id of an item of the list; .p is NULL when it has none. */
static struct str item_id(json_t *item)
{
	json_t *id = json_is_object(item) ? json_object_get(item, "id") : item;

	return (struct str){json_string_value(id), json_string_length(id)};
}

/** Whether its bytes are at hand, or are when they are asked for. */
static bool is_here(const struct file *f)
{
	return f && (store_is_open(f) || atomic_load(&f->kept));
}

/** Find a file whose bytes can all be had. NULL: answered. */
static struct file *get_whole(
    struct http_request *req, struct front *f, struct str id)
{
	struct file *file = store_get(f->store, id.p, id.n);

	if (!is_here(file)) {
		file_unref(file);
		http_reply_error(req, PROBLEM_NOT_FOUND,
		    "There is no file '%.*s'.",
		    (int)(id.n < ID_LEN_MAX ? id.n : ID_LEN_MAX), id.p);
		return NULL;
	}
	if (file_fixed(file) && atomic_load(&file->size) != FILE_SIZE_UNKNOWN)
		return file;

	if (file_state(file) == FILE_FAILED)
		content_reply_broken(req, file);
	else
		http_reply_error(req, PROBLEM_CONFLICT,
		    "The file '%s' is not complete; its /info?wait=60 waits "
		    "for it.",
		    file->id);
	file_unref(file);
	return NULL;
}

/** Add one file. False: answered. */
static bool add_file(struct http_request *req, struct call *call,
    struct zip_build *b, json_t *item)
{
	json_t *name_of = json_object_get(item, "name");
	struct str id = item_id(item), name = {
	    json_string_value(name_of), json_string_length(name_of)};
	char own[FILE_NAME_SIZE];

	if (!id.p || (name_of && !name.p))
		return bad(req, "files", item,
		    "holds what is neither an id nor {\"id\":..., "
		    "\"name\":...}");

	SPW_AUTO(file_unrefp) struct file *f = get_whole(req, call->front, id);
	if (!f)
		return false;
	if (!name.p)
		name = str_from(file_name(f, own) ? own : f->id);
	if (!check_name(req, name))
		return false;

	int r = zip_build_add(b, f, name);
	if (r < 0)
		upload_failed(req, r);
	return r == 0;
}

/** Slashes come first: what is below a name follows it at once. */
static int compare_names(const void *a, const void *b)
{
	const struct str *x = a, *y = b;
	size_t n = x->n < y->n ? x->n : y->n, i = 0;

	while (i < n && x->p[i] == y->p[i])
		i++;
	if (i == n)
		return (x->n > y->n) - (x->n < y->n);
	if (x->p[i] == '/' || y->p[i] == '/')
		return x->p[i] == '/' ? -1 : 1;
	return (unsigned char)x->p[i] < (unsigned char)y->p[i] ? -1 : 1;
}

/** Whether unpacking one would be in the way of the next. False: answered. */
static bool check_pair(
    struct http_request *req, const struct str *name, const struct str *next)
{
	int shown = (int)(name->n < 64 ? name->n : 64);

	if (next->n < name->n || memcmp(name->p, next->p, name->n) != 0)
		return true;
	if (next->n == name->n) {
		http_reply_error(req, PROBLEM_INVALID,
		    "Two entries would be called '%.*s'; give one of them "
		    "another name.",
		    shown, name->p);
		return false;
	}
	if (next->p[name->n] != '/')
		return true;

	http_reply_error(req, PROBLEM_INVALID,
	    "An entry would be called '%.*s', which is also the folder of "
	    "another; give one of them another name.",
	    shown, name->p);
	return false;
}

/** Whether all can be unpacked side by side. False: answered. */
static bool check_names(struct http_request *req, const struct zip_build *b)
{
	size_t n = zip_build_count(b);
	struct str *names = malloc((n + 1) * sizeof(*names));
	bool fine = true;

	if (!names) {
		upload_failed(req, -ENOMEM);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		names[i] = zip_build_name(b, i);
	qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 1; i < n && fine; i++)
		fine = check_pair(req, &names[i - 1], &names[i]);
	free(names);
	return fine;
}

/** Whether there are not too many. False: answered. */
static bool check_count(struct http_request *req, const struct call *call)
{
	unsigned max = call->front->conf->zip.max_entries;

	if (json_array_size(call->files) <= max)
		return true;

	struct http_problem p = http_problem(
	    PROBLEM_ZIP_LIMIT,
	    "An archive may have %u entries (zip.max_entries); ask for fewer.",
	    max);
	p.limit = max;
	http_reply_problem(req, &p);
	return false;
}

/** Returns: the archive; NULL: answered. */
static struct zip_build *build(struct http_request *req, struct call *call)
{
	struct zip_build *b = NULL;
	size_t i;
	json_t *item;

	if (zip_build_new(call->deflated, &b) < 0) {
		upload_failed(req, -ENOMEM);
		return NULL;
	}
	json_array_foreach(call->files, i, item)
	{
		if (!add_file(req, call, b, item)) {
			zip_build_free(b);
			return NULL;
		}
	}
	if (!check_names(req, b)) {
		zip_build_free(b);
		return NULL;
	}
	zip_build_hold(b, http_documents(req));
	return b;
}

/*
 * The answer.
 */

/** Errors: of the store. */
static int make_file(struct call *call, uint64_t size, struct file **ret)
{
	static const char type[] = "application/zip";
	struct front *front = call->front;
	uint64_t max = front->conf->store.max_file_size;
	struct file_opts opts = {
	    .size = size == SPW_UNLIMITED ? FILE_SIZE_UNKNOWN : size,
	    .size_max = max,
	    .owner = call->params.owner,
	};
	struct file *f = NULL;
	int r = 0;

	if (size != SPW_UNLIMITED)
		r = size > max ? -EFBIG : store_check_space(front->store, size);
	if (r == 0)
		r = file_new(front->store, &opts, &f);
	if (r < 0)
		return r;

	f->source = FILE_FROM_ZIP;
	upload_apply(&front->ingest, f, &call->params);
	r = file_set_type(f, type, sizeof(type) - 1);
	if (r == 0)
		r = file_set_name(
		    f, call->params.name, strlen(call->params.name));
	if (r < 0) {
		file_unref(f);
		return r;
	}
	*ret = f;
	return 0;
}

/** It is there at once, and grows. */
static void save(
    struct http_request *req, struct call *call, struct zip_build *b)
{
	SPW_AUTO(file_unrefp) struct file *f = NULL;

	int r = make_file(call, zip_build_size(b), &f);
	if (r == 0)
		r = store_add(call->front->store, f);
	if (r < 0) {
		zip_build_free(b);
		upload_failed(req, r);
		return;
	}
	if (!zip_make_file(
		req, call->front->zip, b, f, call->integrity.kept)) {
		store_remove(call->front->store, f);
		return;
	}
	upload_claim_done(call->claim, 201, &f, 1);
	call->claim = NULL;
	upload_reply(req, f, 201);
}

static void on_free(struct http_request *req, void *ctx)
{
	struct call *call = ctx;

	(void)req;
	idempotency_forget(call->claim);
	find_many_drop(call->many);
	json_decref(call->root);
	http_gather_fini(&call->body);
	free(call);
}

/** Begin to look whether its files are there. Errors: as find_many(). */
static int find_files(struct http_request *req, struct call *call)
{
	size_t n = json_array_size(call->files), i;
	struct str *ids = calloc(n + 1, sizeof(*ids));
	json_t *item;

	if (!ids)
		return -ENOMEM;

	json_array_foreach(call->files, i, item)
	{
		ids[i] = item_id(item);
	}
	int r = find_many(req, call->front, ids, n, &call->many);
	free(ids);
	return r;
}

static void answer(struct http_request *req, void *ctx)
{
	struct call *call = ctx;

	int r = call->many ? find_many_result(call->many) : 0;
	if (r == -EINPROGRESS)
		return;
	if (r < 0) {
		upload_failed(req, r);
		return;
	}

	struct zip_build *b = build(req, call);
	if (!b)
		return;
	if (call->save) {
		save(req, call, b);
		return;
	}

	zip_make_reply(req, call->front->zip, b, call->params.name);
	/* Who waits in our place is freed in our place. */
	if (!http_replied(req))
		on_free(req, call);
}

/** Whether it is to be done: of what is saved, not a second time. False:
    answered. */
static bool is_new(struct http_request *req, struct call *call)
{
	struct again *a;

	if (!call->save)
		return true;
	if (!auth_admit(req, call->front->auth, AUTH_WRITE))
		return false;

	enum again_verdict verdict = again_find(req, &call->front->ingest,
	    http_gather_text(&call->body), &call->claim, &a);
	if (verdict == AGAIN_MADE) {
		upload_reply(req, a->files[0], a->status);
		again_free(a);
	}
	return verdict == AGAIN_NEW;
}

static void on_end(struct http_request *req, void *ctx)
{
	static const struct http_waiter opening = {
	    .woken = answer, .free = on_free, .soon = true};
	struct call *call = ctx;

	if (!integrity_text(req, http_gather_text(&call->body)) ||
	    !read_body(req, call) || !check_count(req, call) ||
	    !is_new(req, call))
		return;

	int r = store_keeps(call->front->store) ? find_files(req, call) : 0;
	if (r < 0)
		upload_failed(req, r);
	else
		http_wait(req, &opening, call);
}

static const struct http_sink SINK = {http_gather_data, on_end, on_free};

void archive_post(struct http_request *req, struct front *f)
{
	struct str type = http_header(req, "Content-Type");

	if (type.p && !media_type_is(type, "application/json")) {
		http_reply_error(req, PROBLEM_UNSUPPORTED_TYPE,
		    "What the archive is made of is told in "
		    "application/json.");
		return;
	}

	struct call *call = calloc(1, sizeof(*call));
	if (!call) {
		upload_failed(req, -ENOMEM);
		return;
	}
	call->front = f;
	call->save = http_query_has(req, "save");
	if (!upload_params(req, &call->params) ||
	    !integrity_wishes(req, f->conf, &call->integrity)) {
		free(call);
		return;
	}
	http_gather(req, &SINK, &call->body, f->conf->zip.max_order);
}
