/* SPDX-License-Identifier: MIT */
#include "ingest/fetch_check.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "ingest/fetch.h"
#include "guard/guard_socket.h"

/* `why` NULL: it is allowed. */
static void write_verdict(struct json *j, const struct guard_reason *why)
{
	json_bool(j, "allowed", !why);
	json_string(j, "rule", why ? why->rule : NULL);
	json_string(j, "detail", why ? why->text : NULL);
}

static void write_host(struct json *j, const struct url_parts *parts)
{
	char host[256] = "";

	if (!parts) {
		json_null(j, "host");
		json_null(j, "port");
		return;
	}
	/* No host is longer. */
	snprintf(host, sizeof(host), "%.*s", (int)parts->host.n, parts->host.p);
	json_string(j, "host", host);
	json_uint(j, "port", parts->port);
}

static void write_all(struct strbuf *out, const struct url_parts *parts,
    const struct guard_reason *why, const struct guard_seen *seen)
{
	struct json j;

	json_init(&j, out);
	json_object_begin(&j, NULL);
	write_host(&j, parts);
	write_verdict(&j, why);
	json_array_begin(&j, "addresses");
	for (size_t i = 0; seen && i < seen->count; i++) {
		json_object_begin(&j, NULL);
		json_string(&j, "address", seen->items[i].address);
		write_verdict(
		    &j, seen->items[i].allowed ? NULL : &seen->items[i].reason);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_object_end(&j);
	strbuf_addc(out, '\n');
}

bool fetch_check_text(
    const struct conf_fetch *conf, struct str url, struct strbuf *out)
{
	struct sockaddr_storage ss;
	const struct sockaddr *sa = (const struct sockaddr *)&ss;
	struct guard_seen seen = {0};
	struct url_parts parts;
	struct guard_reason why;
	const char *rule;

	enum guard_verdict verdict = guard_url(conf, url, &parts, &why);
	bool sound = url_check(url.p, url.n, &parts, &rule) == 0;
	if (!sound || !guard_literal(parts.host, &ss)) {
		if (verdict != GUARD_OK)
			write_all(out, sound ? &parts : NULL, &why, NULL);
		return verdict != GUARD_OK;
	}

	guard_address_text(sa, seen.items[0].address);
	seen.items[0].allowed =
	    guard_connect(conf, NULL, sa, &seen.items[0].reason);
	seen.count = 1;
	if (verdict == GUARD_OK && !seen.items[0].allowed)
		why = seen.items[0].reason;
	write_all(out, &parts,
	    verdict == GUARD_OK && seen.items[0].allowed ? NULL : &why, &seen);
	return true;
}

void fetch_check_seen(struct str url, struct file *file, struct strbuf *out)
{
	const struct guard_seen *seen = fetch_seen(file);
	struct guard_reason why = {0};
	struct url_parts parts;
	struct failure err;
	const char *rule;
	bool allowed = false;
	bool sound = url_check(url.p, url.n, &parts, &rule) == 0;

	for (size_t i = 0; seen && i < seen->count; i++)
		allowed |= seen->items[i].allowed;
	if (seen && seen->count > 0) {
		why = seen->items[0].reason;
	} else if (file_error(file, &err)) {
		/* It has no address, or it took too long to tell. */
		rule = sound ? url_host_forbidden(parts.host) : NULL;
		why.rule = rule ? rule : err.word ? err.word : err.type;
		snprintf(why.text, sizeof(why.text), "%.*s",
		    (int)sizeof(why.text) - 1, err.detail);
	}
	write_all(out, sound ? &parts : NULL, allowed ? NULL : &why, seen);
}
