/* SPDX-License-Identifier: MIT */
/*
 * The page for people with a browser: constants of the program, each under a
 * path that names the version of them all, so that they can be kept for ever.
 */
#include "common/accept.h"
#include "front/front.h"
#include "front/page_assets.h"
#include "http/document.h"
#include "http/problem.h"

/* What there is to paste, without the host in each of its lines. */
#define TEXT_MAX 4096

/* Nothing but what is embedded here runs or decides how it looks; no other
   page may have it in a frame, and no text becomes markup. */
#define POLICY \
	"default-src 'none'; script-src 'self'; style-src 'self'; " \
	"connect-src 'self'; img-src 'self' blob: data:; base-uri 'none'; " \
	"form-action 'none'; frame-ancestors 'none'; " \
	"require-trusted-types-for 'script'; trusted-types 'none'"

#define FOR_EVER "public, max-age=31536000, immutable"

static void keep_constant(void *ctx)
{
	(void)ctx;
}

void page_send_form(struct http_request *req, const struct page_form *form,
    const struct page_terms *terms, bool constant)
{
	enum content_verdict verdict = content_conditions(req, form->etag, 0);
	struct http_reply r;

	if (verdict == CONTENT_FAILED) {
		http_reply_error(req, PROBLEM_PRECONDITION_FAILED,
		    "The page is not the one that the condition names.");
		return;
	}

	if (verdict == CONTENT_NOT_MODIFIED)
		r = http_reply_head(304, form->len);
	else if (constant)
		r = http_reply_borrow(
		    200, form->data, form->len, keep_constant, NULL);
	else
		r = http_reply_copy(200, form->data, form->len);
	if (r.status == 200)
		http_reply_header(&r, "Content-Type", terms->type);
	http_reply_header(&r, "Content-Security-Policy", POLICY);
	http_reply_header(&r, "X-Content-Type-Options", "nosniff");
	http_reply_header(&r, "Referrer-Policy", "no-referrer");
	http_reply_header(&r, "ETag", form->etag);
	http_reply_header(&r, "Cache-Control", terms->control);
	http_reply_header(&r, "Vary", terms->vary);
	if (terms->gzip)
		http_reply_header(&r, "Content-Encoding", "gzip");
	http_reply(req, &r);
}

static void send_asset(struct http_request *req, const struct page_asset *a,
    const char *control, const char *vary)
{
	bool gzip = accept_gzip(http_header(req, "Accept-Encoding"));
	const struct page_terms terms = {a->type, control, vary, gzip};

	page_send_form(req, gzip ? &a->gzip : &a->plain, &terms, true);
}

/* Lines to paste, for who came without a browser. */
static void send_text(struct http_request *req, bool varies)
{
	enum { LINES = 15 };
	static const char *const lines[LINES][2] = {
	    {"-T FILE %/files/", "upload; its name is its id"},
	    {"-F a=@FILE -F b=@FILE %/files",
		"upload; the answer has ids that nobody guesses"},
	    {"--json '{\"url\":\"URL\"}' %/fetch", "have it fetched"},
	    {"-OJ %/files/ID", "download it; -r 0-99 a range of it"},
	    {"%/files/ID/info", "what is known about it"},
	    {"%/files/ID/zip", "what is in it, if it is a zip"},
	    {"-O %/files/ID/zip/NAME", "one entry"},
	    {"-X POST '%/files/ID/zip/NAME?save'", "make it a file"},
	    {"--json '{\"files\":[\"ID\"]}' -o a.zip %/files/zip",
		"files as a zip"},
	    {"--json '{\"ttl\":3600}' %/files/ID/links",
		"a link to read it by, for an hour"},
	    {"-X DELETE %/files/ID", "forget it"},
	    {"%/files", "all files"},
	    {"%/healthz", "also /readyz, /metrics"},
	    {"%/openapi.json", "all that there is, for programs"},
	    {"%/problems", "what the types of errors mean"},
	};
	struct str host = http_host(req);
	struct strbuf out;

	strbuf_init(&out, TEXT_MAX + LINES * host.n);
	strbuf_adds(&out, "Spillway keeps what you upload, or have it fetch, "
			  "and gives it out again.\n");
	for (size_t i = 0; i < LINES; i++) {
		const char *line = lines[i][0], *at = strchr(line, '%');

		strbuf_addf(&out, "\n# %s\ncurl ", lines[i][1]);
		strbuf_add(&out, line, (size_t)(at - line));
		strbuf_addf(&out, "%s://", http_scheme(req));
		strbuf_add(&out, host.p, host.n);
		strbuf_adds(&out, at + 1);
		strbuf_addc(&out, '\n');
	}
	struct http_reply r;
	if (!http_document(req, 200, &out, &r))
		return;

	http_reply_header(&r, "Content-Type", "text/plain; charset=utf-8");
	http_reply_header(&r, "Cache-Control", "no-store");
	if (varies)
		http_reply_header(&r, "Vary", "Accept");
	http_reply(req, &r);
}

/* Browsers name HTML; programs take what there is. */
bool page_is_browser(const struct http_request *req)
{
	struct str accept = http_header(req, "Accept");
	int html = accept_weight(accept, "text/html");

	return html > 0 && html >= accept_weight(accept, "text/plain");
}

void page_index(struct http_request *req, struct front *f)
{
	bool page = f->conf->server.page;

	if (page && page_is_browser(req))
		send_asset(req, &page_assets[0], "no-cache",
		    "Accept, Accept-Encoding");
	else
		send_text(req, page);
}

const struct page_asset *page_find(const struct front *f, struct str path)
{
	static const char folder[] = "/page/";
	const size_t n = sizeof(folder) - 1;

	if (!f->conf->server.page || path.n <= n ||
	    memcmp(path.p, folder, n) != 0)
		return NULL;

	struct str name = {path.p + n, path.n - n};
	/* The first has a path of its own. */
	for (size_t i = 1; i < page_asset_count; i++) {
		if (str_eq(name, page_assets[i].path))
			return &page_assets[i];
	}
	return NULL;
}

void page_openapi(struct http_request *req, struct front *f)
{
	(void)f;
	send_asset(req, &openapi_asset, "no-cache", "Accept-Encoding");
}

void page_send(struct http_request *req, const struct page_asset *asset)
{
	send_asset(req, asset, FOR_EVER, "Accept-Encoding");
}
