/* SPDX-License-Identifier: MIT */
#include <spillway/client_zip.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/descriptor.h"
#include "core/error.h"
#include "core/options.h"
#include "core/pages.h"
#include "core/request.h"

struct listing {
	const char *ref;
	const char *prefix;
	spwc_zip_entry_fn fn;
	void *arg;
};

static void zip_build(void *arg, struct spwc__request *r)
{
	const struct listing *l = arg;

	spwc__request_file(r, l->ref, "/zip");
	spwc__request_query(r, "prefix", l->prefix);
}

static int zip_item(
    void *arg, const json_t *json, struct spwc_error *reterr_error)
{
	const struct listing *l = arg;
	struct spwc_zip_entry entry;
	char *line = NULL;

	int r = spwc__entry_from_json(json, &entry, &line);
	if (r == -ENOMEM)
		return spwc__error_oom(reterr_error);
	if (r < 0)
		return spwc__error_protocol(reterr_error,
		    "the list holds what does not describe a zip entry");

	r = l->fn(l->arg, &entry);
	if (r < 0)
		spwc__error_set(
		    reterr_error, r, "callback", "%s", strerror(-r));
	free(line);
	return r;
}

int spwc_zip_list(struct spwc_client *c, const char *ref,
    const struct spwc_zip_list_opts *opts, spwc_zip_entry_fn fn, void *arg,
    struct spwc_error *reterr_error)
{
	struct spwc_zip_list_opts known;

	if (spwc__opts_take(&known, sizeof(known), opts) < 0)
		return spwc__error_set(reterr_error, -EINVAL,
		    "invalid_argument", SPWC__OPTS_WRONG);

	struct listing l = {
	    .ref = ref,
	    .prefix = known.prefix,
	    .fn = fn,
	    .arg = arg,
	};
	struct spwc__pages pages = {
	    .member = "entries",
	    .limit = known.page,
	    .build = zip_build,
	    .item = zip_item,
	    .arg = &l,
	};

	return spwc__pages_walk(c, &pages, reterr_error);
}
