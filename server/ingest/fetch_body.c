/* SPDX-License-Identifier: MIT */
#include "ingest/fetch_body.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "http/member.h"

/* So that it is in milliseconds, and added to the clock, still a number. */
#define TTL_MAX_S (INT64_MAX / 10000)
/* Longer than any name that is kept: it may come with a path. */
#define NAME_SENT_MAX 1024
#define EXAMPLE "{\"url\":\"https://...\"}"

/* `v` is shown; NULL: it is not. */
static int bad(struct http_problem *reterr, const char *member,
    const json_t *v, const char *what)
{
	*reterr = http_problem_member(member, v, "%s", what);
	return -EINVAL;
}

bool fetch_field_allowed(const char *name)
{
	static const char *const names[] = {"Accept", "Accept-Language",
	    "Authorization", "Cache-Control", "Cookie", "Origin", "Pragma",
	    "Private-Token", "Referer", "User-Agent", "X-Api-Key",
	    "X-Auth-Token", "X-Requested-With"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_ieq(str_from(name), names[i]))
			return true;
	return false;
}

static bool value_sound(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if ((c < 0x20 && c != '\t') || c == 0x7F)
			return false;
	}
	return s.n > 0 && s.n <= FETCH_VALUE_MAX && str_trim(s).n == s.n;
}

/* ---- members ----------------------------------------------------------- */

static int number(const char *member, const json_t *v, uint64_t min,
    uint64_t max, uint64_t *ret, struct http_problem *reterr)
{
	json_int_t n = json_integer_value(v);

	if (json_is_integer(v) && n >= 0 && (uint64_t)n >= min &&
	    (uint64_t)n <= max) {
		*ret = (uint64_t)n;
		return 0;
	}

	*reterr = http_problem_member(member, v,
	    "is not a whole number from %" PRIu64 " to %" PRIu64, min, max);
	return -EINVAL;
}

static int take_url(
    struct fetch_body *b, json_t *v, struct http_problem *reterr)
{
	if (!json_is_string(v))
		return bad(reterr, "url", NULL, "is not a string");

	b->request.url = json_string_value(v);
	b->request.url_len = json_string_length(v);
	return 0;
}

static int take_mode(
    struct fetch_body *b, json_t *v, struct http_problem *reterr)
{
	struct str mode = str_from(json_string_value(v));

	if (!str_eq(mode, "full") && !str_eq(mode, "lazy"))
		return bad(reterr, "mode", v,
		    "is neither \"full\" nor \"lazy\"");

	b->request.lazy = str_eq(mode, "lazy");
	return 0;
}

static int take_name(
    struct fetch_body *b, json_t *v, struct http_problem *reterr)
{
	char name[NAME_SENT_MAX];
	size_t len = json_string_length(v);

	if (!json_is_string(v) || len > sizeof(name))
		return bad(reterr, "name", v, "is not a file name");

	memcpy(name, json_string_value(v), len);
	len = filename_sanitise(name, len);
	if (len == 0)
		return bad(reterr, "name", v, "is not a file name");

	memcpy(b->name, name, len);
	b->name[len] = '\0';
	b->request.name = b->name;
	return 0;
}

static int take_ttl(
    struct fetch_body *b, json_t *v, struct http_problem *reterr)
{
	b->request.has_ttl = true;
	return number("ttl", v, 0, TTL_MAX_S, &b->request.ttl_s, reterr);
}

static int take_reads(
    struct fetch_body *b, json_t *v, struct http_problem *reterr)
{
	return number("reads", v, 1, INT64_MAX, &b->request.reads, reterr);
}

static int take_max_size(
    struct fetch_body *b, json_t *v, struct http_problem *reterr)
{
	return number(
	    "max_size", v, 1, INT64_MAX, &b->request.size_max, reterr);
}

static int take_size(
    struct fetch_body *b, json_t *v, struct http_problem *reterr)
{
	b->request.has_size = true;
	return number("size", v, 0, INT64_MAX, &b->request.size, reterr);
}

static int take_connections(
    struct fetch_body *b, json_t *v, struct http_problem *reterr)
{
	uint64_t n = 0;

	int e = number("connections", v, 1, FETCH_CONNECTIONS_SAID_MAX, &n,
	    reterr);
	b->request.connections = (unsigned)n;
	return e;
}

static int take_digest(
    struct fetch_body *b, json_t *v, struct http_problem *reterr)
{
	const json_t *hex = json_object_get(v, "sha-256");
	const char *text = json_string_value(hex);

	if (!text || json_object_size(v) != 1)
		return bad(
		    reterr, "digest", v, "is not {\"sha-256\": HEX}");
	if (json_string_length(hex) != 2 * sizeof(b->sha256) ||
	    hex_decode(text, 2 * sizeof(b->sha256), b->sha256) < 0)
		return bad(reterr, "digest", v,
		    "has a sha-256 that is not 64 hexadecimal digits");

	b->request.sha256 = b->sha256;
	return 0;
}

static int refuse_field(const char *name, struct http_problem *reterr)
{
	*reterr = http_problem_member("headers", NULL,
	    "has the field '%.32s', which may not be sent to an origin; GET "
	    "/openapi.json lists those that may",
	    name);
	return -EINVAL;
}

static int take_field(struct fetch_body *b, const char *name, const json_t *v,
    struct http_problem *reterr)
{
	if (!fetch_field_allowed(name))
		return refuse_field(name, reterr);
	if (!json_is_string(v) ||
	    !value_sound((struct str){
		json_string_value(v), json_string_length(v)}))
		return bad(reterr, "headers", NULL,
		    "has a value that no field can have");
	if (b->request.field_count == FETCH_FIELDS_MAX)
		return bad(reterr, "headers", NULL, "has too many fields");

	b->fields[b->request.field_count++] = (struct fetch_field){
	    .name = name,
	    .value = json_string_value(v),
	};
	b->request.fields = b->fields;
	return 0;
}

static int take_headers(
    struct fetch_body *b, json_t *v, struct http_problem *reterr)
{
	const char *name;
	json_t *value;

	if (!json_is_object(v))
		return bad(reterr, "headers", NULL, "is not an object");

	json_object_foreach(v, name, value)
	{
		int e = take_field(b, name, value, reterr);
		if (e < 0)
			return e;
	}
	return 0;
}

static int take_member(struct fetch_body *b, const char *key, json_t *v,
    struct http_problem *reterr)
{
	static const struct {
		const char *key;
		int (*take)(struct fetch_body *b, json_t *v,
		    struct http_problem *reterr);
	} members[] = {
	    {"url", take_url},
	    {"mode", take_mode},
	    {"name", take_name},
	    {"ttl", take_ttl},
	    {"reads", take_reads},
	    {"digest", take_digest},
	    {"size", take_size},
	    {"max_size", take_max_size},
	    {"connections", take_connections},
	    {"headers", take_headers},
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (strcmp(members[i].key, key) == 0)
			return members[i].take(b, v, reterr);

	return bad(reterr, key, NULL,
	    "is not known; known are url, mode, name, ttl, reads, digest, "
	    "size, max_size, connections, headers");
}

static int take_all(struct fetch_body *b, struct http_problem *reterr)
{
	const char *key;
	json_t *value;

	if (!json_is_object(b->root)) {
		*reterr = http_problem_document(NULL, EXAMPLE);
		return -EINVAL;
	}

	json_object_foreach(b->root, key, value)
	{
		int e = take_member(b, key, value, reterr);
		if (e < 0)
			return e;
	}
	if (!b->request.url)
		return bad(reterr, "url", NULL, "is missing");
	return 0;
}

int fetch_body_parse(const char *text, size_t len, struct fetch_body *ret,
    struct http_problem *reterr)
{
	json_error_t why;

	memset(ret, 0, sizeof(*ret));
	ret->root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!ret->root) {
		bool oom = json_error_code(&why) == json_error_out_of_memory;
		*reterr = oom ? http_problem_errno(-ENOMEM)
			      : http_problem_document(&why, EXAMPLE);
		return oom ? -ENOMEM : -EINVAL;
	}

	int e = take_all(ret, reterr);
	if (e < 0)
		fetch_body_fini(ret);
	return e;
}

void fetch_body_trace(struct fetch_body *b, struct http_request *req)
{
	struct str state = http_header(req, "tracestate");

	b->request.log = http_log_request(req);
	/* Of several lines none may be left out. */
	if (!b->request.log->trace_id[0] || state.n == 0 ||
	    state.n > FETCH_TRACESTATE_MAX ||
	    http_header_count(req, "tracestate") != 1)
		return;

	memcpy(b->tracestate, state.p, state.n);
	b->tracestate[state.n] = '\0';
	b->fields[b->request.field_count++] = (struct fetch_field){
	    .name = "tracestate", .value = b->tracestate};
	b->request.fields = b->fields;
}

void fetch_body_fini(struct fetch_body *b)
{
	json_decref(b->root);
	b->root = NULL;
}
