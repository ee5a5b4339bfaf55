/* SPDX-License-Identifier: MIT */
/* Cross-origin resource sharing: web pages of other origins as clients. */
#include "front/front.h"

/* How long a browser may go by a preflight; none keeps it much longer. */
#define PREFLIGHT_AGE_S "7200"

/* Returns: the listed origin that `origin` is, NULL for none. */
static const char *find(const struct conf_origins *origins, struct str origin)
{
	for (size_t i = 0; i < origins->count; i++) {
		const char *text = origins->items[i].text;

		if (!strcmp(text, "*") || str_eq(origin, text))
			return text;
	}
	return NULL;
}

bool cors_lists(const struct conf *c, struct str origin)
{
	return find(c->server.cors_origins, origin) != NULL;
}

/*
 * `*` stands for every field and method, since no answer allows credentials
 * of the browser's own; Authorization alone has to be named.
 */
static void allow(struct http_request *req, const struct conf *c,
    const char *origin)
{
	http_answer_field(req, "Access-Control-Allow-Origin", origin);
	http_answer_field(req, "Access-Control-Expose-Headers", "*");
	if (c->server.timing)
		http_answer_field(req, "Timing-Allow-Origin", origin);
	if (http_method(req) != HTTP_OPTIONS ||
	    !http_header(req, "Access-Control-Request-Method").p)
		return;

	http_answer_field(req, "Access-Control-Allow-Methods",
	    "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
	http_answer_field(
	    req, "Access-Control-Allow-Headers", "*, Authorization");
	http_answer_field(req, "Access-Control-Max-Age", PREFLIGHT_AGE_S);
}

void cors_enter(struct http_request *req, const struct conf *c)
{
	const struct conf_origins *origins = c->server.cors_origins;
	struct str origin = http_header(req, "Origin");

	if (!origins->count)
		return;

	const char *listed = find(origins, origin);
	/* An answer that names an origin is not one for the others. */
	if (!listed || strcmp(listed, "*") != 0)
		http_answer_field(req, "Vary", "Origin");
	if (origin.p && listed)
		allow(req, c, listed);
}
