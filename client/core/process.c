/* SPDX-License-Identifier: MIT */
#include <spillway/client_process.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/options.h"
#include "core/put.h"

static void add_name(struct spwc__buf *b, const char *name)
{
	spwc__buf_puts(b, "/process/");
	spwc__buf_put_escaped(b, name, strlen(name), "");
}

/* Source: RFC 6266 §4.3, RFC 8187 §3.2. */
static void add_file_name(struct spwc__request *r, const char *name)
{
	struct spwc__buf b;

	if (name == NULL || *name == '\0')
		return;
	spwc__buf_init(&b, (size_t)16 << 10);
	spwc__buf_puts(&b, "attachment; filename*=UTF-8''");
	spwc__buf_put_escaped(&b, name, strlen(name), "");
	if (spwc__request_built(r, &b, "no content has such a name"))
		spwc__request_header(r, "Content-Disposition", b.data);
	spwc__buf_fini(&b);
}

static void build(struct spwc__request *r, struct spwc_client *c,
    const char *name, const struct spwc_input *input)
{
	struct spwc_input known;
	struct spwc__buf path;

	spwc__request_init(r, c, "POST");
	if (spwc__opts_take(&known, sizeof(known), input) < 0)
		spwc__request_invalid(r, SPWC__OPTS_WRONG);
	else if (*name == '\0' || (known.ref == NULL) == (known.source == NULL))
		spwc__request_invalid(
		    r, "a processor has a name and one input");
	if (r->failed < 0)
		return;

	r->patient = true;
	spwc__buf_init(&path, (size_t)4 << 10);
	add_name(&path, name);
	bool built =
	    spwc__request_built(r, &path, "no processor has such a name");
	if (built && known.ref != NULL) {
		spwc__request_file(r, known.ref, path.data);
	} else if (built) {
		spwc__request_path(r, path.data);
		spwc__source_set(r, known.source);
		spwc__content_type(r, known.type);
		add_file_name(r, known.name);
	}
	spwc__buf_fini(&path);
}

int spwc_process(struct spwc_client *c, const char *name,
    const struct spwc_input *input, const struct spwc_sink *sink,
    struct spwc_error *reterr_error)
{
	struct spwc__request r;

	build(&r, c, name, input);
	r.sink = sink;
	int err = spwc__request_perform(&r, reterr_error);
	spwc__request_fini(&r);
	return err;
}

int spwc_process_file(struct spwc_client *c, const char *name,
    const struct spwc_input *input, struct spwc_file *ret_file,
    struct spwc_error *reterr_error)
{
	struct spwc__request r;

	build(&r, c, name, input);
	spwc__request_header(&r, "Prefer", "respond-async");
	return spwc__request_finish_file(&r, ret_file, reterr_error);
}

static int tell(const json_t *json, spwc_processor_fn fn, void *arg,
    struct spwc_error *reterr_error)
{
	struct spwc_processor p = {
	    .name = json_string_value(json_object_get(json, "name")),
	};

	if (p.name == NULL)
		return spwc__error_protocol(
		    reterr_error, "the list holds what is no processor");

	char *line = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (line == NULL)
		return spwc__error_oom(reterr_error);

	p.json = line;
	int r = fn(arg, &p);
	if (r < 0)
		spwc__error_set(
		    reterr_error, r, "callback", "%s", strerror(-r));
	free(line);
	return r;
}

int spwc_processors(struct spwc_client *c, spwc_processor_fn fn, void *arg,
    struct spwc_error *reterr_error)
{
	struct spwc__request r;
	const json_t *one;
	json_t *answer;
	size_t i;

	spwc__request_init(&r, c, "GET");
	spwc__request_path(&r, "/processors");
	int err = spwc__request_finish_json(&r, &answer, reterr_error);
	if (err < 0)
		return err;

	const json_t *list = json_object_get(answer, "processors");
	if (!json_is_array(list))
		err = spwc__error_protocol(
		    reterr_error, "the answer is not a list of processors");
	json_array_foreach(list, i, one)
	{
		err = tell(one, fn, arg, reterr_error);
		if (err != 0)
			break;
	}
	json_decref(answer);
	return err < 0 ? err : 0;
}
