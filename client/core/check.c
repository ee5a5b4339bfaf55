/* SPDX-License-Identifier: MIT */
#include <spillway/client_url.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/request.h"

static int tell(const json_t *json, const char *line, spwc_verdict_fn fn,
    void *arg, struct spwc_error *reterr_error)
{
	const json_t *allowed = json_object_get(json, "allowed");
	const struct spwc_verdict verdict = {
	    .allowed = json_is_true(allowed),
	    .address = json_string_value(json_object_get(json, "address")),
	    .rule = json_string_value(json_object_get(json, "rule")),
	    .detail = json_string_value(json_object_get(json, "detail")),
	    .json = line,
	};

	if (!json_is_boolean(allowed) ||
	    (!verdict.allowed && (!verdict.rule || !verdict.detail)) ||
	    (!verdict.address && line == NULL))
		return spwc__error_protocol(
		    reterr_error, "what came is no verdict on a URL");

	int r = fn(arg, &verdict);
	if (r < 0)
		spwc__error_set(
		    reterr_error, r, "callback", "%s", strerror(-r));
	return r;
}

static int tell_all(const json_t *json, spwc_verdict_fn fn, void *arg,
    struct spwc_error *reterr_error)
{
	const json_t *address;
	size_t i;
	int r = 0;

	char *line = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (line == NULL)
		return spwc__error_oom(reterr_error);

	json_array_foreach(json_object_get(json, "addresses"), i, address)
	{
		r = tell(address, NULL, fn, arg, reterr_error);
		if (r != 0)
			break;
	}
	if (r == 0)
		r = tell(json, line, fn, arg, reterr_error);
	free(line);
	return r < 0 ? r : 0;
}

int spwc_check_url(struct spwc_client *c, const char *url, spwc_verdict_fn fn,
    void *arg, struct spwc_error *reterr_error)
{
	struct spwc__request r;
	json_t *answer;

	spwc__request_init(&r, c, "POST");
	spwc__request_path(&r, "/fetch/check");
	spwc__request_send_json(&r, json_pack("{s:s}", "url", url));
	r.repeatable = true;
	int err = spwc__request_finish_json(&r, &answer, reterr_error);
	if (err < 0)
		return err;

	err = tell_all(answer, fn, arg, reterr_error);
	json_decref(answer);
	return err;
}
