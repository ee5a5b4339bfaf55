/* SPDX-License-Identifier: MIT */
/*
 * POST /process/{name} and POST /files/{id}/process/{name}: what a processor
 * makes of a content, as the answer, or (Prefer: respond-async) as a file that
 * is there at once and grows. GET /processors: which there are.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/media.h"
#include "common/percent.h"
#include "deliver/reader.h"
#include "front/front.h"
#include "http/document.h"
#include "ingest/upload.h"
#include "process/process.h"

/* Room for the names of processors in a problem. */
#define NAMES_SIZE 128
#define CALL_MAGIC 0x9a0ce5u

/* A request on its way. */
struct call {
	uint32_t magic;
	struct front *front;
	struct processor *p;
	struct upload_params params; /* of the output */
	bool async;
	struct upload_wake wake;
	struct integrity integrity; /* what is said of the body */
	struct digest *digest;	    /* NULL: nothing is */
	struct file *in, *out;
	bool admitted; /* its body counts as an upload */
	int error;     /* of which; 0 once it is there */
	struct reader *reader; /* waits for the first byte of output */
};

static struct call *call_of(void *ctx)
{
	struct call *c = ctx;

	assert(c && c->magic == CALL_MAGIC);
	return c;
}

static void refuse_busy(struct http_request *req, const struct processor *p)
{
	http_reply_error(req, PROBLEM_UNAVAILABLE,
	    "%u runs of the processor '%s' wait already; try again in a "
	    "moment.",
	    p->max_waiting, p->name);
}

/* RFC 7240 §4.1 */
static bool wants_async(const struct http_request *req)
{
	return http_prefers(req, "respond-async", &(struct str){0});
}

/* ---- the output --------------------------------------------------------- */

/* Errors: -ENOMEM; with `async` of the store. */
static int make_output(struct call *c)
{
	struct store *store = c->front->store;
	struct file_opts opts = {
	    .size = FILE_SIZE_UNKNOWN,
	    .size_max = c->front->conf->store.max_file_size,
	    .owner = c->params.owner,
	};
	struct file *f = NULL;

	int r = file_new(store, &opts, &f);
	if (r < 0)
		return r;

	f->source = FILE_FROM_PROCESS;
	upload_apply(&c->front->ingest, f, &c->params);
	r = file_set_type(f, c->p->type, strlen(c->p->type));
	if (r == 0)
		r = file_set_name(f, c->params.name, strlen(c->params.name));
	if (r == 0 && c->async)
		r = store_add(store, f);
	if (r < 0) {
		file_unref(f);
		return r;
	}
	c->out = f;
	return 0;
}

static void reply_content(struct http_request *req, struct call *c)
{
	struct files_content fc;

	files_content(req, c->out, &fc);
	fc.content.etag = NULL;
	fc.content.digest = fc.content.sent = NULL;
	fc.content.count_read = false;
	content_reply(req, &fc.content);
}

/* Something of the output is there, or it has come to its end. */
static void look(struct http_request *req, void *ctx)
{
	struct call *c = call_of(ctx);
	struct spw_spool *s = c->out->spool;

	if (spw_spool_committed(s) || spw_spool_state(s) != SPW_STATE_OPEN)
		reply_content(req, c);
	else
		reader_expect(c->reader, 0);
}

static void drop(struct http_request *req, void *ctx)
{
	struct call *c = call_of(ctx);

	(void)req;
	reader_free(c->reader);
	if (c->in && c->in->spool)
		spw_spool_detach(c->in->spool);
	if (c->admitted)
		upload_over(c->error);
	/* It is for nobody else: if it still runs, it ends. */
	if (c->out && !c->async)
		atomic_store(&c->out->removed, true);
	file_unref(c->in);
	file_unref(c->out);
	upload_wake_fini(&c->wake);
	digest_free(c->digest);
	c->magic = 0;
	free(c);
}

static void refuse(struct http_request *req, const struct call *c, int err)
{
	if (err == -EBUSY)
		refuse_busy(req, c->p);
	else if (err == -EUSERS)
		http_reply_error(req, PROBLEM_TOO_MANY_REQUESTS,
		    "%u runs of the processor '%s' are this client's, as many "
		    "as one may have that run or wait; try again when one has "
		    "ended.",
		    process_client_max(c->p), c->p->name);
	else if (err == -ESHUTDOWN)
		http_reply_error(
		    req, PROBLEM_DRAINING, PROBLEM_DRAINING_TEXT);
	else
		upload_failed(req, err);
}

/* The content is there: have it processed. False: answered. */
static bool begin(struct http_request *req, struct call *c)
{
	int r = make_output(c);

	if (r == 0 && !c->async && !(c->reader = reader_new(req, c->out)))
		r = -ENOMEM;
	if (r == 0)
		r = process_start(c->p, c->in, c->out, c->async,
		    http_log_request(req));
	if (r < 0) {
		if (c->out && c->async)
			store_remove(c->front->store, c->out);
		refuse(req, c, r);
		return false;
	}
	if (!c->async)
		return true;

	http_answer_field(req, "Preference-Applied", "respond-async");
	upload_reply(req, c->out, 202);
	return false;
}

static const struct http_waiter WAITER = {.woken = look, .free = drop};

/* ---- the input ---------------------------------------------------------- */

static ssize_t take(
    struct http_request *req, void *ctx, const char *p, size_t len)
{
	struct call *c = call_of(ctx);
	int r = upload_append(req, &c->wake, c->in, p, len);

	if (r == -EAGAIN)
		return 0;
	if (r < 0) {
		c->error = r;
		upload_failed(req, r);
		return r;
	}
	if (c->digest)
		digest_add(c->digest, p, len);
	return (ssize_t)len;
}

/* Is it what the request says? */
static int check(struct http_request *req, struct call *c)
{
	if (!c->digest)
		return 0;

	int r = integrity_trailers(req, &c->integrity);
	return r < 0 ? r : integrity_check(&c->integrity, c->digest);
}

static void body_over(struct http_request *req, void *ctx)
{
	struct call *c = call_of(ctx);
	int r = upload_seal(req, &c->wake, c->in);

	if (r == -EAGAIN)
		return;
	if (r == 0)
		r = check(req, c);
	c->error = r;
	if (r < 0) {
		integrity_failed(req, &c->integrity, r);
		return;
	}
	file_ready(c->in);
	if (begin(req, c))
		http_wait(req, &WAITER, c);
}

static const struct http_sink SINK = {take, body_over, drop};

/* Returns: NULL without memory. */
static struct call *new_call(
    struct front *f, struct processor *p, const struct upload_params *params)
{
	struct call *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->magic = CALL_MAGIC;
	c->front = f;
	c->p = p;
	c->params = *params;
	return c;
}

/* What the client says of the content, for the processor. */
static int describe(struct http_request *req, struct file *f)
{
	char name[UPLOAD_NAME_MAX];
	struct str type = http_header(req, "Content-Type");
	struct str disposition = http_header(req, "Content-Disposition");
	ssize_t n = disposition.p ? disposition_filename(
					disposition, name, sizeof(name))
				  : 0;
	int r = n > 0 ? file_set_name(f, name, (size_t)n) : 0;

	return r == 0 && type.n ? file_set_type(f, type.p, type.n) : r;
}

/* Which there are, for people: as many as there is room for. */
static void write_names(struct process *ps, char out[NAMES_SIZE])
{
	const struct processor *p;
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; (p = process_at(ps, i)); i++) {
		if (n + strlen(p->name) + sizeof(", , ...") > NAMES_SIZE) {
			snprintf(out + n, NAMES_SIZE - n, ", ...");
			return;
		}
		n += (size_t)snprintf(out + n, NAMES_SIZE - n, "%s%s",
		    n ? ", " : "", p->name);
	}
}

static void reply_none(
    struct http_request *req, struct front *f, struct str name)
{
	char names[NAMES_SIZE];

	write_names(f->process, names);
	http_reply_error(req, PROBLEM_NO_PROCESSOR,
	    "There is no processor '%.*s'%s%s; GET /processors tells of those "
	    "that there are.",
	    (int)(name.n < CONF_NAME_SIZE ? name.n : CONF_NAME_SIZE), name.p,
	    *names ? ", but " : ", and no other", names);
}

/* Returns: NULL when there is none: answered. */
static struct processor *find(
    struct http_request *req, struct front *f, struct str name)
{
	char decoded[CONF_NAME_SIZE * 3];
	ssize_t n = name.n <= sizeof(decoded)
			? percent_decode(name.p, name.n, decoded)
			: -1;
	struct processor *p =
	    n < 0 ? NULL
		  : process_find(
			f->process, (struct str){decoded, (size_t)n});

	if (!p)
		reply_none(req, f, name);
	return p;
}

/* Room, and what the request says of the output. False: answered. */
static bool admit(struct http_request *req, const struct processor *p,
    struct upload_params *params)
{
	if (!upload_params(req, params))
		return false;
	if (process_has_room(p))
		return true;

	refuse_busy(req, p);
	return false;
}

void process_body(struct http_request *req, struct front *f, struct str name)
{
	struct processor *p = find(req, f, name);
	uint64_t size = http_content_length(req);
	struct upload_params params;
	struct integrity said;

	if (!p || !admit(req, p, &params) ||
	    !integrity_read(req, f->conf, &said) ||
	    !upload_admit(req, &f->ingest, false))
		return;

	struct call *c = new_call(f, p, &params);
	int r = c ? upload_file(&f->ingest,
			size == HTTP_LENGTH_UNKNOWN ? FILE_SIZE_UNKNOWN : size,
			params.owner, &c->wake, FILE_FROM_UPLOAD, &c->in)
		  : -ENOMEM;
	if (r == 0)
		r = describe(req, c->in);
	if (r == 0 && said.checked) {
		c->integrity = said;
		r = digest_new(said.checked, &c->digest);
	}
	if (r < 0) {
		if (c)
			drop(req, c);
		upload_over(r);
		upload_failed(req, r);
		return;
	}
	c->async = wants_async(req);
	c->admitted = true;
	c->error = -ECONNABORTED;
	http_take_body(req, &SINK, c);
}

void process_file(struct http_request *req, struct front *f,
    struct file *file, struct str name)
{
	struct processor *p = find(req, f, name);
	struct upload_params params;

	if (!p || !admit(req, p, &params))
		return;
	if (file_state(file) != FILE_READY) {
		http_reply_error(req, PROBLEM_CONFLICT,
		    "The file is not complete; wait for it with "
		    "/files/%s/info?wait=60.",
		    file->id);
		return;
	}
	if (http_has_body(req) && http_content_length(req) > 0) {
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    "The content is the file's; to have another processed, "
		    "POST it to /process/%s.",
		    p->name);
		return;
	}

	struct call *c = new_call(f, p, &params);
	if (!c) {
		upload_failed(req, -ENOMEM);
		return;
	}
	c->async = wants_async(req);
	c->in = file_ref(file);
	if (!begin(req, c)) {
		drop(req, c);
		return;
	}
	http_wait(req, &WAITER, c);
	reader_expect(c->reader, 0);
}

/* ---- which there are ---------------------------------------------------- */

static void write_one(struct json *j, const struct processor *p)
{
	json_object_begin(j, NULL);
	json_string(j, "name", p->name);
	json_string(j, "type", p->type);
	json_string(j, "kind", p->conf ? "command" : "builtin");
	if (p->timeout_ms)
		json_uint(j, "timeout_ms", p->timeout_ms);
	else
		json_null(j, "timeout_ms");
	if (p->max_output != UINT64_MAX)
		json_uint(j, "max_output", p->max_output);
	else
		json_null(j, "max_output");
	json_uint(j, "concurrency", p->concurrency);
	json_uint(j, "running", atomic_load(&p->running));
	json_uint(j, "max_waiting", p->max_waiting);
	json_object_begin(j, "links");
	char path[CONF_NAME_SIZE + 16];
	snprintf(path, sizeof(path), "/process/%s", p->name);
	json_string(j, "process", path);
	json_object_end(j);
	json_object_end(j);
}

/* The longest that one of them gets: its type escaped byte by byte. */
#define ONE_MAX ((size_t)2048)
#define PROCESSORS_MAX ((size_t)1024)

void process_list(struct http_request *req, struct front *f)
{
	const struct processor *p;
	struct strbuf out;
	struct json j;

	strbuf_init(&out, PROCESSORS_MAX * ONE_MAX);
	json_init(&j, &out);
	json_object_begin(&j, NULL);
	json_array_begin(&j, "processors");
	for (size_t i = 0; (p = process_at(f->process, i)); i++)
		write_one(&j, p);
	json_array_end(&j);
	json_object_end(&j);
	strbuf_addc(&out, '\n');
	struct http_reply r;
	if (!http_document(req, 200, &out, &r))
		return;

	http_reply_header(&r, "Content-Type", "application/json");
	http_reply_header(&r, "Cache-Control", "no-store");
	http_reply(req, &r);
}
