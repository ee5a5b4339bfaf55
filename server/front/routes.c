/* SPDX-License-Identifier: MIT */
/* From method and path to the one who answers. */
#include "common/percent.h"
#include "deliver/events.h"
#include "front/front.h"
#include "ingest/resumable_entry.h"

/* Longer than any path that means something: zip entry names have 64 KiB. */
#define PATH_MAX_BYTES ((size_t)256 * 1024)

#define M(method) (1u << HTTP_##method)

struct route {
	const char *path;
	unsigned methods;
	const char *allow;
	void (*fn)(struct http_request *req, struct front *f);
};

static void files_post(struct http_request *req, struct front *f)
{
	if (http_method(req) != HTTP_POST)
		files_list(req, f);
	else if (!resumable_post(req, &f->ingest))
		ingest_post(req, &f->ingest);
}

static void fetch_any(struct http_request *req, struct front *f)
{
	if (http_method(req) == HTTP_POST)
		fetch_handle(req, f->fetcher, &f->ingest);
	else
		through_get(req, f);
}

static void fetch_check(struct http_request *req, struct front *f)
{
	fetch_check_handle(req, f->fetcher);
}

static const struct route ROUTES[] = {
    {"/", M(GET) | M(HEAD), "GET, HEAD, OPTIONS", page_index},
    {"/files", M(GET) | M(HEAD) | M(POST), "GET, HEAD, POST, OPTIONS",
	files_post},
    {"/files/", M(GET) | M(HEAD) | M(POST), "GET, HEAD, POST, OPTIONS",
	files_post},
    {"/fetch", M(GET) | M(HEAD) | M(POST), "GET, HEAD, POST, OPTIONS",
	fetch_any},
    {"/fetch/check", M(POST), "POST, OPTIONS", fetch_check},
    {"/healthz", M(GET) | M(HEAD), "GET, HEAD, OPTIONS", admin_health},
    {"/readyz", M(GET) | M(HEAD), "GET, HEAD, OPTIONS", admin_ready},
    {"/metrics", M(GET) | M(HEAD), "GET, HEAD, OPTIONS", admin_metrics},
};

static void reply_options(struct http_request *req, const char *allow)
{
	struct http_reply r = http_reply_empty(204);

	http_reply_header(&r, "Allow", allow);
	http_reply(req, &r);
}

/* Returns: true when the method is fine; else it was answered. */
static bool check_method(
    struct http_request *req, unsigned methods, const char *allow)
{
	enum http_method m = http_method(req);

	if (m == HTTP_OPTIONS) {
		reply_options(req, allow);
		return false;
	}
	if (m != HTTP_OTHER && (methods & (1u << m)))
		return true;
	if (m == HTTP_OTHER) {
		http_reply_error(req, PROBLEM_NOT_IMPLEMENTED,
		    "This server knows no method %s.", http_method_name(req));
		return false;
	}

	struct http_problem p = http_problem(PROBLEM_METHOD_NOT_ALLOWED,
	    "This resource does not know %s; it knows %s.",
	    http_method_name(req), allow);
	p.allow = allow;
	http_reply_problem(req, &p);
	return false;
}

/* While the server drains it finishes what runs and begins nothing; but where
   the next one has the sockets nobody comes whom it had to turn away. */
static bool draining(struct http_request *req, struct front *f)
{
	enum http_method m = http_method(req);

	if (!http_server_draining(f->server) ||
	    http_server_handing_over(f->server) ||
	    (m != HTTP_POST && m != HTTP_PUT && m != HTTP_PATCH))
		return false;

	http_reply_error(req, PROBLEM_DRAINING,
	    "The server is shutting down; try again in a moment.");
	return true;
}

static void not_found(struct http_request *req, struct front *f, struct str id)
{
	if (store_was(f->store, id.p, id.n))
		http_reply_error(
		    req, PROBLEM_GONE, "The file was deleted or has expired.");
	else
		http_reply_error(
		    req, PROBLEM_NOT_FOUND, "There is no file with this id.");
}

/* /files/{id}/... with the file there. */
static void below_file(struct http_request *req, struct front *f,
    struct file *file, struct str rest)
{
	bool info = str_eq(rest, "/info"), events = str_eq(rest, "/events");
	bool zip =
	    str_istarts(rest, "/zip") && (rest.n == 4 || rest.p[4] == '/');

	if (!info && !events && !zip) {
		http_reply_error(req, PROBLEM_NOT_FOUND,
		    "There is no such resource of a file; there are /info, "
		    "/events and /zip.");
		return;
	}
	if (!check_method(req, M(GET) | M(HEAD) | (zip ? M(POST) : 0),
		zip ? "GET, HEAD, POST, OPTIONS" : "GET, HEAD, OPTIONS"))
		return;

	struct str name = {rest.p + 4, rest.n - 4};
	if (http_method(req) == HTTP_POST) {
		save_entry(req, f, file, name);
		return;
	}
	if (info)
		files_info(req, f, file);
	else if (events)
		events_reply(req, file);
	else if (!zip_handle(req, f->zip, file, name))
		http_reply_error(req, PROBLEM_NOT_FOUND,
		    "There is no such resource of a file.");
}

/* /files/{id}... with the file there. `rest` begins at the second slash. */
static void on_file(struct http_request *req, struct front *f,
    struct file *file, struct str rest)
{
	const char *allow = file->upload
				? "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"
				: "GET, HEAD, PUT, DELETE, OPTIONS";

	if (rest.n)
		below_file(req, f, file, rest);
	else if (resumable_on_file(req, &f->ingest, file))
		return;
	else if (resumable_method(req) == HTTP_DELETE)
		files_delete(req, f, file);
	else if (check_method(
		     req, M(GET) | M(HEAD) | M(PUT) | M(DELETE), allow))
		files_get(req, f, file);
}

static void under_files(
    struct http_request *req, struct front *f, struct str path)
{
	char id[ID_LEN_MAX * 3];
	struct str raw = {path.p + 7, path.n - 7};
	const char *slash = memchr(raw.p, '/', raw.n);
	struct str rest = {NULL, 0};

	if (slash) {
		rest = (struct str){slash, (size_t)(raw.p + raw.n - slash)};
		raw.n = (size_t)(slash - raw.p);
	}
	bool put = !rest.n && http_method(req) == HTTP_PUT;
	ssize_t n = raw.n <= sizeof(id) ? percent_decode(raw.p, raw.n, id) : -1;
	bool valid = n >= 0 && id_valid(id, (size_t)n);
	struct file *file = NULL;
	/* What only takes its place need not be open. */
	bool open = !put && resumable_method(req) != HTTP_DELETE;
	if (valid &&
	    !find_file(req, f, (struct str){id, (size_t)n}, open, &file))
		return;
	if (put) {
		file_unref(file);
		if (!resumable_put(req, &f->ingest, raw))
			ingest_put(req, &f->ingest, raw);
		return;
	}

	if (!valid) {
		http_reply_error(req, PROBLEM_NOT_FOUND,
		    "There is no file with this id: it is not one.");
		return;
	}

	if (file)
		on_file(req, f, file, rest);
	else if (http_method(req) == HTTP_OTHER ||
		 http_method(req) == HTTP_OPTIONS)
		check_method(req, 0, "GET, HEAD, PUT, PATCH, DELETE, OPTIONS");
	else
		not_found(req, f, (struct str){id, (size_t)n});
	file_unref(file);
}

/* A file of the page, or nothing. */
static void elsewhere(
    struct http_request *req, struct front *f, struct str path)
{
	const struct page_asset *asset = page_find(f, path);

	if (!asset)
		http_reply_error(req, PROBLEM_NOT_FOUND,
		    "There is nothing here; see / for what there is.");
	else if (check_method(req, M(GET) | M(HEAD), "GET, HEAD, OPTIONS"))
		page_send(req, asset);
}

static void dispatch(struct http_request *req, struct front *f, struct str path)
{
	for (size_t i = 0; i < sizeof(ROUTES) / sizeof(ROUTES[0]); i++) {
		const struct route *r = &ROUTES[i];

		if (!str_eq(path, r->path))
			continue;
		if (check_method(req, r->methods, r->allow))
			r->fn(req, f);
		return;
	}
	/* Nothing else is done to a file by POST, also to one of this id. */
	if (str_eq(path, "/files/zip") && http_method(req) == HTTP_POST)
		archive_post(req, f);
	else if (path.n > 7 && !memcmp(path.p, "/files/", 7))
		under_files(req, f, path);
	else
		elsewhere(req, f, path);
}

/* Every `%` of the query begins an escape. */
static bool query_sound(struct str q)
{
	for (size_t i = 0; i < q.n; i++) {
		if (q.p[i] == '%' &&
		    (q.n - i < 3 || ascii_hex_value(q.p[i + 1]) < 0 ||
			ascii_hex_value(q.p[i + 2]) < 0))
			return false;
	}
	return true;
}

void front_begin(struct http_request *req, void *ctx)
{
	struct front *f = ctx;
	struct str path = http_path(req);

	cors_enter(req, f->conf->server.cors_origins);
	if (path.n >= 6 && !memcmp(path.p, "/files", 6) &&
	    !resumable_enter(req, &f->ingest))
		return;
	if (!query_sound(http_query(req))) {
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    "The query holds a %% that two hex digits do not follow.");
		return;
	}

	if (path.n > PATH_MAX_BYTES) {
		http_reply_error(
		    req, PROBLEM_URI_TOO_LONG, "The path is too long.");
		return;
	}
	if (str_eq(path, "*") && http_method(req) == HTTP_OPTIONS) {
		resumable_enter(req, &f->ingest);
		reply_options(
		    req, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
		return;
	}
	if (!path.n)
		path = (struct str){"/", 1};
	if (path.p[0] != '/') {
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    "The request's target is not a path.");
		return;
	}
	if (!draining(req, f))
		dispatch(req, f, path);
}
