/* SPDX-License-Identifier: MIT */
#include "hook/call.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "common/httpdate.h"
#include "store/descriptor.h"

/* An answer is a status; whoever sends more than this is not listened to. */
#define ANSWER_MAX ((size_t)64 * 1024)

static const char *const NAMES[] = {
    [STORE_READY] = "file.ready",
    [STORE_FAILED] = "file.failed",
    [STORE_DELETED] = "file.deleted",
};

/* ---- what it says ------------------------------------------------------- */

static bool write_body(struct call *c, enum store_event event, struct file *f)
{
	char time[RFC3339_SIZE];
	struct strbuf out;
	struct json j;

	rfc3339_format(clock_unix_ms() / 1000, time);
	strbuf_init(&out, DESCRIPTOR_MAX + 1024);
	json_init(&j, &out);
	json_object_begin(&j, NULL);
	json_string(&j, "type", NAMES[event]);
	json_string(&j, "timestamp", time);
	json_string(&j, "id", c->id);
	descriptor_write(&j, "data", f);
	json_object_end(&j);
	c->body = strbuf_take(&out, &c->len);
	return c->body;
}

struct call *call_new(
    struct hook *hook, enum store_event event, struct file *f)
{
	struct call *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;

	c->hook = hook;
	(void)log_whom(&c->log);
	if (id_new(c->id) < 0 || !write_body(c, event, f)) {
		call_free(c);
		return NULL;
	}
	return c;
}

void call_free(struct call *c)
{
	if (!c)
		return;

	call_reset(c);
	free(c->body);
	free(c);
}

/* ---- one try ------------------------------------------------------------ */

static size_t on_answer(char *p, size_t size, size_t n, void *ctx)
{
	struct call *c = ctx;

	(void)p;
	c->answered += size * n;
	return c->answered <= ANSWER_MAX ? size * n : 0;
}

static bool add_field(struct call *c, const char *name, const char *value)
{
	char text[160];

	snprintf(text, sizeof(text), "%s:%s%s", name, *value ? " " : "", value);
	struct curl_slist *more = curl_slist_append(c->fields, text);
	if (more)
		c->fields = more;
	return more;
}

static bool make_fields(struct call *c)
{
	const struct sign_secret *secret = &c->hook->secret;
	int64_t now_s = clock_unix_ms() / 1000;
	char time[32], signature[SIGN_SIZE], trace[TRACEPARENT_SIZE];

	snprintf(time, sizeof(time), "%" PRId64, now_s);
	if (!add_field(c, "Content-Type", "application/json") ||
	    /* libcurl would wait for a 100 first. */
	    !add_field(c, "Expect", "") ||
	    !add_field(c, "Webhook-Id", c->id) ||
	    !add_field(c, "Webhook-Timestamp", time))
		return false;

	traceparent_format(
	    c->log.trace_id, c->log.span_id, c->log.trace_flags, trace);
	if (c->log.trace_id[0] && !add_field(c, "traceparent", trace))
		return false;
	if (!secret->len)
		return true;

	/* Signed anew for each try: receivers refuse what is old. */
	return sign_call(secret, c->id, now_s, c->body, c->len, signature) ==
		   0 &&
	       add_field(c, "Webhook-Signature", signature);
}

static bool set_options(struct call *c)
{
	const struct conf_hook *conf = c->hook->conf;
	CURL *e = c->easy;
	const CURLcode r[] = {
	    curl_easy_setopt(e, CURLOPT_URL, conf->url),
	    curl_easy_setopt(e, CURLOPT_PRIVATE, c),
	    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L),
	    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->why),
	    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)conf->timeout),
	    curl_easy_setopt(e, CURLOPT_USERAGENT, "spillway"),
	    curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->fields),
	    curl_easy_setopt(e, CURLOPT_POST, 1L),
	    curl_easy_setopt(e, CURLOPT_POSTFIELDS, c->body),
	    curl_easy_setopt(
		e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->len),
	    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_answer),
	    curl_easy_setopt(e, CURLOPT_WRITEDATA, c),
	};

	for (size_t i = 0; i < sizeof(r) / sizeof(r[0]); i++)
		if (r[i] != CURLE_OK)
			return false;
	return true;
}

/* The guard speaks of fetches, whose lists are others. */
static void forbidden(struct call *c, const struct guard_reason *why)
{
	snprintf(c->why, sizeof(c->why),
	    "its address is forbidden (%s); allow_networks of the hook can "
	    "list it, if fetch.deny_networks does not",
	    why->rule);
}

static bool set_guard(struct call *c)
{
	struct hook *h = c->hook;
	struct url_parts parts;
	struct guard_reason why;

	/* It may have been read again. */
	h->rules.deny_networks = h->fetch->deny_networks;
	if (guard_url(&h->rules, str_from(h->conf->url), &parts, &why) !=
	    GUARD_OK) {
		/* By the text alone, which stays what it is. */
		c->refused = true;
		forbidden(c, &why);
		return false;
	}
	c->literal = parts.host_is_ip;
	c->guard.conf = &h->rules;
	if (!guard_socket_attach(&c->guard, c->easy))
		return false;
	guard_socket_begin(&c->guard, &parts);
	return true;
}

bool call_begin(struct call *c)
{
	c->tries++;
	c->answered = 0;
	c->why[0] = '\0';
	c->easy = curl_easy_init();
	if (c->easy && make_fields(c) && set_options(c) && set_guard(c))
		return true;

	if (!c->why[0])
		snprintf(c->why, sizeof(c->why), "out of memory");
	return false;
}

enum call_end call_broken(const struct call *c)
{
	return c->refused ? CALL_REFUSED : CALL_AGAIN;
}

enum call_end call_over(struct call *c, CURLcode code)
{
	long status = 0;

	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	if (c->guard.denied && c->guard.sockets == 0) {
		forbidden(c, &c->guard.reason);
		/* A name may lead elsewhere the next time. */
		c->refused = c->literal;
		return call_broken(c);
	}
	if (status)
		snprintf(c->why, sizeof(c->why), "answered %ld", status);
	else if (!c->why[0])
		snprintf(
		    c->why, sizeof(c->why), "%s", curl_easy_strerror(code));
	/* What follows the status of success is of no interest. */
	if (status >= 200 && status < 300)
		return CALL_DELIVERED;
	/* Whoever is gone for good says so. */
	return status == 410 ? CALL_FAILED : CALL_AGAIN;
}

void call_reset(struct call *c)
{
	curl_easy_cleanup(c->easy);
	curl_slist_free_all(c->fields);
	c->easy = NULL;
	c->fields = NULL;
}
