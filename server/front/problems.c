/* SPDX-License-Identifier: MIT */
/*
 * GET /problems and GET /problems/NAME: what the types of problems mean, as
 * HTML, JSON or text. They are the same for all, until the program changes.
 */
#include <errno.h>

#include "base/digest.h"
#include "common/accept.h"
#include "front/front.h"
#include "front/page_assets.h"
#include "http/problem.h"

#define BODY_MAX ((size_t)64 * 1024)
#define ETAG_BYTES 16

#define HTML_BEGIN \
	"<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n" \
	"<meta name=\"viewport\" content=\"width=device-width\">\n" \
	"<meta name=\"color-scheme\" content=\"light dark\">\n"

enum form { FORM_TEXT, FORM_HTML, FORM_JSON };

static const char *const TYPES[] = {
    [FORM_TEXT] = "text/plain; charset=utf-8",
    [FORM_HTML] = "text/html; charset=utf-8",
    [FORM_JSON] = "application/json",
};

static enum form form_of(const struct http_request *req)
{
	struct str accept = http_header(req, "Accept");
	int json = accept_weight(accept, "application/json");

	if (page_is_browser(req))
		return FORM_HTML;
	return json > 0 && json >= accept_weight(accept, "text/plain")
		   ? FORM_JSON
		   : FORM_TEXT;
}

/*
 * Each writes `count` types: one by itself, or the list of all.
 */

static void write_text(
    struct strbuf *out, const struct http_problem_type *t, size_t count)
{
	char told[HTTP_PROBLEM_TYPE_SIZE];

	for (size_t i = 0; i < count; i++) {
		http_problem_told(t[i].name, told);
		strbuf_addf(out, "%s%s\n%s, status %d\n%s\n", i ? "\n" : "",
		    t[i].title, told, t[i].status, t[i].help);
	}
}

/* Nothing in the table is markup. */
static void write_html(
    struct strbuf *out, const struct http_problem_type *t, size_t count)
{
	char told[HTTP_PROBLEM_TYPE_SIZE];

	strbuf_addf(out, HTML_BEGIN "<title>%s</title>\n<h1>%s</h1>\n",
	    count > 1 ? "Problems" : t->title,
	    count > 1 ? "Problems" : "<a href=\"/problems\">Problems</a>");
	for (size_t i = 0; i < count; i++) {
		http_problem_told(t[i].name, told);
		strbuf_addf(out,
		    "<h2>%s</h2>\n<p><a href=\"%s\">%s</a>, status %d</p>\n"
		    "<p>%s</p>\n",
		    t[i].title, told, told, t[i].status, t[i].help);
	}
}

static void write_json(
    struct strbuf *out, const struct http_problem_type *t, size_t count)
{
	char told[HTTP_PROBLEM_TYPE_SIZE];
	struct json j;

	json_init(&j, out);
	json_object_begin(&j, NULL);
	json_array_begin(&j, "problems");
	for (size_t i = 0; i < count; i++) {
		http_problem_told(t[i].name, told);
		json_object_begin(&j, NULL);
		json_string(&j, "type", told);
		json_string(&j, "title", t[i].title);
		json_int(&j, "status", t[i].status);
		json_string(&j, "help", t[i].help);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_object_end(&j);
	strbuf_addc(out, '\n');
}

static void answer(struct http_request *req,
    const struct http_problem_type *t, size_t count)
{
	static void (*const write[])(struct strbuf *out,
	    const struct http_problem_type *t, size_t count) = {
	    [FORM_TEXT] = write_text,
	    [FORM_HTML] = write_html,
	    [FORM_JSON] = write_json,
	};
	enum form form = form_of(req);
	char etag[2 * ETAG_BYTES + 3] = "\"";
	struct digest_set set;
	struct strbuf out;

	strbuf_init(&out, BODY_MAX);
	write[form](&out, t, count);
	int r = digest_once(
	    DIGEST_BIT(DIGEST_SHA256), out.data, out.len, &set);
	if (out.failed || r < 0) {
		struct http_problem p = http_problem_errno(r < 0 ? r : -ENOMEM);

		strbuf_fini(&out);
		http_reply_problem(req, &p);
		return;
	}

	hex_encode(set.value[DIGEST_SHA256], ETAG_BYTES, etag + 1);
	etag[2 * ETAG_BYTES + 1] = '"';
	etag[2 * ETAG_BYTES + 2] = '\0';

	const struct page_form body = {out.data, out.len, etag};
	const struct page_terms terms = {
	    TYPES[form], "public, max-age=3600", "Accept", false};
	page_send_form(req, &body, &terms, false);
	strbuf_fini(&out);
}

void problems_list(struct http_request *req, struct front *f)
{
	(void)f;
	answer(req, http_problem_type(PROBLEM_BAD_REQUEST), PROBLEM_COUNT);
}

const struct http_problem_type *problems_find(struct str path)
{
	char told[HTTP_PROBLEM_TYPE_SIZE];

	for (int k = 0; k < PROBLEM_COUNT; k++) {
		const struct http_problem_type *t =
		    http_problem_type((enum http_problem_kind)k);

		http_problem_told(t->name, told);
		if (str_eq(path, told))
			return t;
	}
	return NULL;
}

void problems_send(
    struct http_request *req, const struct http_problem_type *type)
{
	answer(req, type, 1);
}
