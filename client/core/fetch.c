/* SPDX-License-Identifier: MIT */
#include <spillway/client_fetch.h>

#include <errno.h>
#include <stdio.h>

#include "core/options.h"
#include "core/request.h"

static json_t *fetch_body(const struct spwc_fetch_opts *opts)
{
	json_t *body =
	    json_pack("{s:s, s:s*}", "url", opts->url, "name", opts->name);
	int bad = body == NULL;

	if (!bad && opts->lazy)
		bad |= json_object_set_new(body, "mode", json_string("lazy"));
	if (!bad && opts->ttl_s > 0)
		bad |= json_object_set_new(body, "ttl",
		    json_integer(opts->ttl_s == SPWC_FOREVER
				     ? 0
				     : (json_int_t)opts->ttl_s));
	if (!bad && opts->reads > 0)
		bad |= json_object_set_new(
		    body, "reads", json_integer((json_int_t)opts->reads));
	if (bad) {
		json_decref(body);
		return NULL;
	}
	return body;
}

int spwc_fetch(struct spwc_client *c, const struct spwc_fetch_opts *opts,
    struct spwc_file *ret_file, struct spwc_error *reterr_error)
{
	struct spwc_fetch_opts known;
	struct spwc__request r;
	char prefer[32];

	spwc__request_init(&r, c, "POST");
	spwc__request_path(&r, "/fetch");
	if (spwc__opts_take(&known, sizeof(known), opts) < 0)
		spwc__request_invalid(&r, SPWC__OPTS_WRONG);
	else if (known.url == NULL)
		spwc__request_invalid(&r, "there is no URL to fetch");
	else
		spwc__request_send_json(&r, fetch_body(&known));
	if (known.wait_s > 0) {
		snprintf(prefer, sizeof(prefer), "wait=%u", known.wait_s);
		spwc__request_header(&r, "Prefer", prefer);
	}
	return spwc__request_finish_file(&r, ret_file, reterr_error);
}
