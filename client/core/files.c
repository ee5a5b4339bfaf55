/* SPDX-License-Identifier: MIT */
#include <spillway/client.h>

#include <errno.h>
#include <string.h>

#include "core/descriptor.h"
#include "core/error.h"
#include "core/options.h"
#include "core/pages.h"
#include "core/request.h"

int spwc_info(struct spwc_client *c, const char *ref, unsigned int wait_s,
    struct spwc_file *ret_file, struct spwc_error *reterr_error)
{
	struct spwc__request r;

	spwc__request_init(&r, c, "GET");
	spwc__request_file(&r, ref, "/info");
	spwc__request_query_u64(&r, "wait", wait_s);
	return spwc__request_finish_file(&r, ret_file, reterr_error);
}

int spwc_delete(
    struct spwc_client *c, const char *ref, struct spwc_error *reterr_error)
{
	struct spwc__request r;

	spwc__request_init(&r, c, "DELETE");
	spwc__request_file(&r, ref, "");
	int err = spwc__request_perform(&r, reterr_error);
	spwc__request_fini(&r);
	return err;
}

struct listing {
	const struct spwc_list_opts *opts;
	spwc_file_fn fn;
	void *arg;
};

static void list_build(void *arg, struct spwc__request *r)
{
	const struct listing *l = arg;

	spwc__request_path(r, "/files");
	spwc__request_query(r, "state", l->opts->state);
}

static int list_item(
    void *arg, const json_t *json, struct spwc_error *reterr_error)
{
	const struct listing *l = arg;
	struct spwc_file file = {0};

	int r = spwc__file_from_json(json, &file);
	if (r == -ENOMEM)
		return spwc__error_oom(reterr_error);
	if (r < 0)
		return spwc__error_protocol(reterr_error,
		    "the list holds what does not describe a file");

	r = l->fn(l->arg, &file);
	if (r < 0)
		spwc__error_set(
		    reterr_error, r, "callback", "%s", strerror(-r));
	spwc_file_fini(&file);
	return r;
}

int spwc_list(struct spwc_client *c, const struct spwc_list_opts *opts,
    spwc_file_fn fn, void *arg, struct spwc_error *reterr_error)
{
	struct spwc_list_opts known;

	if (spwc__opts_take(&known, sizeof(known), opts) < 0)
		return spwc__error_set(reterr_error, -EINVAL,
		    "invalid_argument", SPWC__OPTS_WRONG);

	struct listing l = {
	    .opts = &known,
	    .fn = fn,
	    .arg = arg,
	};
	struct spwc__pages pages = {
	    .member = "files",
	    .limit = l.opts->page,
	    .after = l.opts->after,
	    .build = list_build,
	    .item = list_item,
	    .arg = &l,
	};

	return spwc__pages_walk(c, &pages, reterr_error);
}
