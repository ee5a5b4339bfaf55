/* SPDX-License-Identifier: MIT */
/* From method and path to the one who answers, and who may ask for that. */
#include "common/percent.h"
#include "deliver/events.h"
#include "front/front.h"
#include "ingest/resumable_entry.h"

/* Longer than any path that means something: zip entry names have 64 KiB. */
#define PATH_MAX_BYTES ((size_t)256 * 1024)

/* What requests for a resource are about: those that read, and the others. */
struct about {
	enum route_kind reads, writes;
};

/*
 * What there is. Of the scopes of a method one is needed (see auth_admit());
 * without any there is no such method.
 */
struct route {
	const char *path;
	struct about about;
	const char *allow;
	void (*fn)(struct http_request *req, struct front *f);
	unsigned needs[HTTP_OPTIONS];
};
#define READS(scopes) [HTTP_GET] = (scopes), [HTTP_HEAD] = (scopes)

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
    {"/", {ROUTE_PAGE, ROUTE_PAGE}, "GET, HEAD, OPTIONS", page_index,
	{READS(AUTH_PUBLIC)}},
    {"/files", {ROUTE_LIST, ROUTE_UPLOAD}, "GET, HEAD, POST, OPTIONS",
	files_post, {READS(AUTH_LIST), [HTTP_POST] = AUTH_WRITE}},
    {"/files/", {ROUTE_LIST, ROUTE_UPLOAD}, "GET, HEAD, POST, OPTIONS",
	files_post, {READS(AUTH_LIST), [HTTP_POST] = AUTH_WRITE}},
    {"/fetch", {ROUTE_THROUGH, ROUTE_FETCH}, "GET, HEAD, POST, OPTIONS",
	fetch_any, {READS(AUTH_FETCH), [HTTP_POST] = AUTH_FETCH}},
    {"/fetch/check", {ROUTE_FETCH, ROUTE_FETCH}, "POST, OPTIONS", fetch_check,
	{[HTTP_POST] = AUTH_FETCH}},
    {"/healthz", {ROUTE_ADMIN, ROUTE_ADMIN}, "GET, HEAD, OPTIONS",
	admin_health, {READS(AUTH_PUBLIC)}},
    {"/links", {ROUTE_LINK, ROUTE_LINK}, "POST, OPTIONS", links_post,
	{[HTTP_POST] = AUTH_WRITE}},
    {"/metrics", {ROUTE_ADMIN, ROUTE_ADMIN}, "GET, HEAD, OPTIONS",
	admin_metrics, {READS(AUTH_ADMIN)}},
    {"/openapi.json", {ROUTE_PAGE, ROUTE_PAGE}, "GET, HEAD, OPTIONS",
	page_openapi, {READS(AUTH_PUBLIC)}},
    {"/problems", {ROUTE_PAGE, ROUTE_PAGE}, "GET, HEAD, OPTIONS",
	problems_list, {READS(AUTH_PUBLIC)}},
    {"/processors", {ROUTE_PROCESS, ROUTE_PROCESS}, "GET, HEAD, OPTIONS",
	process_list, {READS(AUTH_PROCESS)}},
    {"/readyz", {ROUTE_ADMIN, ROUTE_ADMIN}, "GET, HEAD, OPTIONS", admin_ready,
	{READS(AUTH_PUBLIC)}},
};
/* A path of it and of the files: the method tells. */
static const struct route MAKE_ZIP = {"/files/zip",
    {ROUTE_ARCHIVE, ROUTE_ARCHIVE}, NULL, archive_post,
    {[HTTP_POST] = AUTH_READ}};

/* A preflight is about nothing but itself. */
static void set_route(
    struct http_request *req, enum http_method m, const struct about *about)
{
	if (m == HTTP_GET || m == HTTP_HEAD)
		http_set_route(req, about->reads);
	else if (m == HTTP_DELETE)
		http_set_route(req, ROUTE_DELETE);
	else if (m < HTTP_OPTIONS)
		http_set_route(req, about->writes);
}

static void reply_options(struct http_request *req, const char *allow)
{
	struct http_reply r = http_reply_empty(204);

	http_reply_header(&r, "Allow", allow);
	http_reply(req, &r);
}

/* Returns: true when the method is fine; else it was answered. */
static bool check_method(struct http_request *req,
    const unsigned needs[HTTP_OPTIONS], const char *allow)
{
	enum http_method m = http_method(req);

	if (m == HTTP_OPTIONS) {
		reply_options(req, allow);
		return false;
	}
	if (m < HTTP_OPTIONS && needs[m])
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

	http_reply_error(req, PROBLEM_DRAINING, PROBLEM_DRAINING_TEXT);
	return true;
}

static void not_found(struct http_request *req, struct front *f, struct str id)
{
	if (store_was(f->store, id.p, id.n))
		http_reply_error(
		    req, PROBLEM_GONE, "The file was deleted or has expired.");
	else
		http_reply_error(req, PROBLEM_NOT_FOUND,
		    "There is no file with this id; it may be mistyped, or "
		    "expired long ago.");
}

static void info(struct http_request *req, struct front *f,
    struct file *file, struct str rest)
{
	(void)rest;
	files_info(req, f, file);
}

static void events(struct http_request *req, struct front *f,
    struct file *file, struct str rest)
{
	(void)f;
	(void)rest;
	events_reply(req, file);
}

static void zip(struct http_request *req, struct front *f, struct file *file,
    struct str rest)
{
	if (http_method(req) != HTTP_POST) {
		if (!zip_handle(req, f->zip, file, rest))
			http_reply_error(req, PROBLEM_NOT_FOUND,
			    "There is no such resource of a file; below /zip "
			    "there are the names of entries.");
	} else if (auth_admit(req, f->auth, AUTH_WRITE)) {
		save_entry(req, f, file, rest);
	}
}

static void process(struct http_request *req, struct front *f,
    struct file *file, struct str rest)
{
	if (!auth_admit(req, f->auth, AUTH_READ))
		return;
	if (rest.n > 1)
		process_file(
		    req, f, file, (struct str){rest.p + 1, rest.n - 1});
	else
		http_reply_error(req, PROBLEM_NOT_FOUND,
		    "The name of a processor is missing; see /processors.");
}

/* The file itself; its methods depend on whether it is an upload, too. */
static void itself(struct http_request *req, struct front *f,
    struct file *file, struct str rest);

/* What there is of a file: as ROUTES. Of a path that ends with a slash it is
   what is below it, and `rest` begins with that slash. */
struct file_route {
	const char *path;
	struct about about;
	const char *allow;
	void (*fn)(struct http_request *req, struct front *f,
	    struct file *file, struct str rest);
	unsigned needs[HTTP_OPTIONS];
};

static const struct file_route FILE_ROUTES[] = {
    {"", {ROUTE_DOWNLOAD, ROUTE_UPLOAD},
	"GET, HEAD, PUT, PATCH, DELETE, OPTIONS", itself,
	{[HTTP_GET] = AUTH_READ, [HTTP_HEAD] = AUTH_LOOK,
	    [HTTP_PUT] = AUTH_WRITE, [HTTP_PATCH] = AUTH_WRITE,
	    [HTTP_DELETE] = AUTH_DELETE}},
    {"/events", {ROUTE_EVENTS, ROUTE_EVENTS}, "GET, HEAD, OPTIONS", events,
	{READS(AUTH_LOOK)}},
    {"/info", {ROUTE_INFO, ROUTE_INFO}, "GET, HEAD, OPTIONS", info,
	{READS(AUTH_LOOK)}},
    {"/links", {ROUTE_LINK, ROUTE_LINK}, "POST, OPTIONS", links_post_file,
	{[HTTP_POST] = AUTH_READ}},
    {"/process/", {ROUTE_PROCESS, ROUTE_PROCESS}, "POST, OPTIONS", process,
	{[HTTP_POST] = AUTH_PROCESS}},
    {"/zip", {ROUTE_ARCHIVE, ROUTE_ARCHIVE}, "GET, HEAD, OPTIONS", zip,
	{READS(AUTH_READ)}},
    {"/zip/", {ROUTE_ARCHIVE, ROUTE_ARCHIVE}, "GET, HEAD, POST, OPTIONS", zip,
	{READS(AUTH_READ), [HTTP_POST] = AUTH_READ}},
};

static void itself(struct http_request *req, struct front *f,
    struct file *file, struct str rest)
{
	const struct file_route *r = &FILE_ROUTES[0];
	unsigned needs[HTTP_OPTIONS];

	(void)rest;
	if (resumable_on_file(req, &f->ingest, file))
		return;
	if (resumable_method(req) == HTTP_DELETE) {
		files_delete(req, f, file);
		return;
	}
	memcpy(needs, r->needs, sizeof(needs));
	needs[HTTP_PATCH] = 0;
	if (check_method(req, needs,
		file->upload ? r->allow
			     : "GET, HEAD, PUT, DELETE, OPTIONS"))
		files_get(req, f, file);
}

/* Returns: NULL when there is none; `*rest` is then as it was. */
static const struct file_route *find_file_route(struct str *rest)
{
	for (size_t i = 0; i < sizeof(FILE_ROUTES) / sizeof(FILE_ROUTES[0]);
	     i++) {
		const struct file_route *r = &FILE_ROUTES[i];
		size_t n = strlen(r->path);
		bool tree = n > 0 && r->path[n - 1] == '/';

		if (str_eq(*rest, r->path) ||
		    (tree && rest->n > n && !memcmp(rest->p, r->path, n))) {
			n -= tree;
			*rest = (struct str){rest->p + n, rest->n - n};
			return r;
		}
	}
	return NULL;
}

/* /files/{id}... with the file there. `rest` begins at the second slash. */
static void on_file(struct http_request *req, struct front *f,
    struct file *file, const struct file_route *r, struct str rest)
{
	if (!r)
		http_reply_error(req, PROBLEM_NOT_FOUND,
		    "There is no such resource of a file; there are /info, "
		    "/events, /links, /process/NAME and /zip.");
	else if (r->fn == itself || check_method(req, r->needs, r->allow))
		r->fn(req, f, file, rest);
}

/* What a request is for. Only of a file itself another method than its own may
   be meant: elsewhere that would be a way around what its own takes. */
static enum http_method meant(
    const struct http_request *req, const struct file_route *r)
{
	return r == &FILE_ROUTES[0] ? resumable_method(req) : http_method(req);
}

/* What is not known to be allowed takes what reading takes. OPTIONS tells
   nothing, unless the file is looked at. */
static bool admit_on_file(
    struct http_request *req, struct front *f, const struct file_route *r)
{
	enum http_method m = meant(req, r);
	unsigned need = r && m < HTTP_OPTIONS ? r->needs[m] : 0;

	if (r)
		set_route(req, m, &r->about);
	if (m != HTTP_OPTIONS || !auth_required(f->auth))
		return auth_admit(req, f->auth, need ? need : AUTH_READ);

	reply_options(req, r ? r->allow : "OPTIONS");
	return false;
}

static void under_files(
    struct http_request *req, struct front *f, struct str path)
{
	char id[ID_LEN_MAX * 3];
	struct str raw = {path.p + 7, path.n - 7};
	const char *slash = memchr(raw.p, '/', raw.n);
	struct str rest = {"", 0};

	if (slash) {
		rest = (struct str){slash, (size_t)(raw.p + raw.n - slash)};
		raw.n = (size_t)(slash - raw.p);
	}
	const struct file_route *route = find_file_route(&rest);
	bool put = route == &FILE_ROUTES[0] && http_method(req) == HTTP_PUT;
	if (!admit_on_file(req, f, route))
		return;
	ssize_t n = raw.n <= sizeof(id) ? percent_decode(raw.p, raw.n, id) : -1;
	bool valid = n >= 0 && id_valid(id, (size_t)n);
	struct file *file = NULL;
	/* What only takes its place need not be open. */
	bool open = !put && meant(req, route) != HTTP_DELETE;
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
		on_file(req, f, file, route, rest);
	else if (http_method(req) == HTTP_OTHER ||
		 http_method(req) == HTTP_OPTIONS)
		check_method(req, FILE_ROUTES[0].needs, FILE_ROUTES[0].allow);
	else
		not_found(req, f, (struct str){id, (size_t)n});
	file_unref(file);
}

/* A file of the page, what a problem means, or nothing. */
static void elsewhere(
    struct http_request *req, struct front *f, struct str path)
{
	static const unsigned reads[HTTP_OPTIONS] = {READS(AUTH_PUBLIC)};
	const struct page_asset *asset = page_find(f, path);
	const struct http_problem_type *problem = problems_find(path);

	if (!asset && !problem) {
		http_reply_error(req, PROBLEM_NOT_FOUND,
		    "There is nothing here; see / for what there is.");
		return;
	}

	http_set_route(req, ROUTE_PAGE);
	if (!check_method(req, reads, "GET, HEAD, OPTIONS"))
		return;
	if (asset)
		page_send(req, asset);
	else
		problems_send(req, problem);
}

static void go(
    struct http_request *req, struct front *f, const struct route *r)
{
	set_route(req, http_method(req), &r->about);
	if (auth_admit(req, f->auth, r->needs[http_method(req)]))
		r->fn(req, f);
}

static void process_content(
    struct http_request *req, struct front *f, struct str name)
{
	static const unsigned needs[HTTP_OPTIONS] = {
	    [HTTP_POST] = AUTH_PROCESS};

	http_set_route(req, ROUTE_PROCESS);
	if (check_method(req, needs, "POST, OPTIONS") &&
	    auth_admit(req, f->auth, AUTH_PROCESS))
		process_body(req, f, name);
}

static void dispatch(struct http_request *req, struct front *f, struct str path)
{
	for (size_t i = 0; i < sizeof(ROUTES) / sizeof(ROUTES[0]); i++) {
		const struct route *r = &ROUTES[i];

		if (!str_eq(path, r->path))
			continue;
		if (check_method(req, r->needs, r->allow))
			go(req, f, r);
		return;
	}
	/* Nothing else is done to a file by POST, also to one of this id. */
	if (str_eq(path, MAKE_ZIP.path) && http_method(req) == HTTP_POST)
		go(req, f, &MAKE_ZIP);
	else if (path.n > 7 && !memcmp(path.p, "/files/", 7))
		under_files(req, f, path);
	else if (path.n > 9 && !memcmp(path.p, "/process/", 9))
		process_content(
		    req, f, (struct str){path.p + 9, path.n - 9});
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

	cors_enter(req, f->conf);
	if (!sites_admit(req, f))
		return;
	if (path.n >= 6 && !memcmp(path.p, "/files", 6) &&
	    !resumable_enter(req, &f->ingest))
		return;
	if (!query_sound(http_query(req))) {
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    "The query holds a %% that two hex digits do not follow.");
		return;
	}

	if (path.n > PATH_MAX_BYTES) {
		http_reply_error(req, PROBLEM_URI_TOO_LONG,
		    "The path is longer than %zu bytes.", PATH_MAX_BYTES);
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
