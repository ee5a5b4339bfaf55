/* SPDX-License-Identifier: MIT */
#include <spillway/client_link.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/options.h"
#include "core/put.h"

static bool put_number(json_t *body, const char *key, uint64_t n)
{
	return n == 0 ||
	       json_object_set_new(body, key, json_integer((json_int_t)n)) == 0;
}

static json_t *link_body(const struct spwc_link_opts *opts)
{
	json_t *body = json_pack("{s:s*}", "id", opts->id);

	if (put_number(body, "ttl", opts->ttl_s) &&
	    put_number(body, "max_size", opts->max_bytes))
		return body;
	json_decref(body);
	return NULL;
}

/* A path of the server as a URL, if it has such. */
static int absolute(
    const struct spwc_client *c, const char *url, char **ret_url)
{
	struct spwc__buf b;

	spwc__buf_init(&b, SIZE_MAX / 2);
	if (url[0] == '/' && strncmp(c->server, "unix:", 5) != 0)
		spwc__buf_puts(&b, c->base);
	spwc__buf_puts(&b, url);
	int r = spwc__buf_take(&b, ret_url);
	spwc__buf_fini(&b);
	return r;
}

static int read_link(const struct spwc_client *c, json_t *answer,
    char **ret_url, char **ret_json, struct spwc_error *reterr_error)
{
	const char *path = json_string_value(json_object_get(answer, "url"));
	char *line = NULL;
	char *url;

	if (path == NULL)
		return spwc__error_protocol(
		    reterr_error, "the answer holds no link");
	if (absolute(c, path, &url) < 0)
		return spwc__error_oom(reterr_error);
	if (ret_json != NULL) {
		if (json_object_set_new(answer, "url", json_string(url)) == 0)
			line = json_dumps(
			    answer, JSON_COMPACT | JSON_ENSURE_ASCII);
		if (line == NULL) {
			free(url);
			return spwc__error_oom(reterr_error);
		}
		*ret_json = line;
	}
	*ret_url = url;
	return 0;
}

int spwc_link(struct spwc_client *c, const char *ref,
    const struct spwc_link_opts *opts, char **ret_url, char **ret_json,
    struct spwc_error *reterr_error)
{
	struct spwc_link_opts known;
	struct spwc__request r;
	json_t *answer;

	int err = spwc__opts_take(&known, sizeof(known), opts);
	spwc__request_init(&r, c, "POST");
	if (err < 0)
		spwc__request_invalid(&r, SPWC__OPTS_WRONG);
	spwc__check_id(&r, known.id);
	if (ref != NULL)
		spwc__request_file(&r, ref, "/links");
	else
		spwc__request_path(&r, "/links");
	spwc__request_send_json(&r, link_body(&known));
	/* Nothing remembers a link that nobody heard of. */
	r.repeatable = true;
	err = spwc__request_finish_json(&r, &answer, reterr_error);
	if (err < 0)
		return err;

	err = read_link(c, answer, ret_url, ret_json, reterr_error);
	json_decref(answer);
	return err;
}
