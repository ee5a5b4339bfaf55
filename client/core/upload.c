/* SPDX-License-Identifier: MIT */
#include "core/upload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "core/error.h"
#include "core/options.h"
#include "core/put.h"
#include "core/ref.h"
#include "core/transport.h"

#define VERSION "1.0.0"
#define APPEND_TYPE "application/offset+octet-stream"
/* A thousand ids; what servers take in one field is less. */
#define LIST_MAX_BYTES ((size_t)256 << 10)

static void start(
    struct spwc__request *r, struct spwc_client *c, const char *method)
{
	spwc__request_init(r, c, method);
	spwc__request_header(r, "Tus-Resumable", VERSION);
}

/* ---- what the server takes ---------------------------------------------- */

static bool read_number(
    struct spwc__request *r, const char *name, uint64_t *ret)
{
	const char *text = spwc__transport_field(r, name);

	return text != NULL && str_u64(str_from(text), ret) == 0;
}

static int read_limits(struct spwc__request *r, struct spwc_upload_limits *l,
    struct spwc_error *reterr_error)
{
	const char *text = spwc__transport_field(r, "Tus-Extension");
	struct str list = str_from(text);
	struct str item;
	bool can_begin = false;

	*l = (struct spwc_upload_limits){.max_bytes = SPWC_UNKNOWN};
	while (str_list_next(&list, &item)) {
		can_begin |= str_eq(item, "creation");
		l->can_join |= str_eq(item, "concatenation");
	}
	if (!can_begin)
		return spwc__error_set(reterr_error, -EOPNOTSUPP,
		    "http_protocol_error",
		    "the server takes no uploads that can go on later");
	read_number(r, "Tus-Max-Size", &l->max_bytes);
	return 0;
}

int spwc_upload_limits(struct spwc_client *c,
    struct spwc_upload_limits *ret_limits, struct spwc_error *reterr_error)
{
	struct spwc_upload_limits limits;
	struct spwc__request r;

	start(&r, c, "OPTIONS");
	spwc__request_path(&r, "/files");
	int err = spwc__request_perform(&r, reterr_error);
	if (err == 0)
		err = read_limits(&r, &limits, reterr_error);
	if (err == 0)
		*ret_limits = limits;
	spwc__request_fini(&r);
	return err;
}

/* ---- beginning ---------------------------------------------------------- */

static void put_pair(struct spwc__buf *b, const char *key, const char *value)
{
	if (value == NULL || *value == '\0')
		return;

	size_t len = strlen(value);
	char *text = malloc(BASE64_SIZE(len));
	if (text == NULL) {
		b->error = -ENOMEM;
		return;
	}
	base64_encode((const uint8_t *)value, len, text);
	spwc__buf_puts(b, b->len > 0 ? "," : "");
	spwc__buf_puts(b, key);
	spwc__buf_puts(b, " ");
	spwc__buf_puts(b, text);
	free(text);
}

/* Adds a field whose value was built; frees that. */
static void add_built(
    struct spwc__request *r, const char *name, struct spwc__buf *b)
{
	if (spwc__request_built(r, b, "a name or a list is too long") &&
	    b->len > 0)
		spwc__request_header(r, name, b->data);
	spwc__buf_fini(b);
}

/* Starts the request that makes an upload, but for where bytes come from. */
static void build_new(struct spwc__request *r, struct spwc_client *c,
    const struct spwc_upload_opts *opts, struct spwc_upload_opts *known)
{
	struct spwc__buf metadata;

	start(r, c, "POST");
	if (spwc__opts_take(known, sizeof(*known), opts) < 0 || opts == NULL)
		spwc__request_invalid(r, SPWC__OPTS_WRONG);
	spwc__request_path(r, "/files");
	spwc__request_query_ttl(r, known->ttl_s);
	spwc__request_query_u64(r, "reads", known->reads);
	spwc__buf_init(&metadata, LIST_MAX_BYTES);
	put_pair(&metadata, "filename", known->name);
	put_pair(&metadata, "filetype", known->type);
	add_built(r, "Upload-Metadata", &metadata);
}

int spwc_upload_begin(struct spwc_client *c,
    const struct spwc_upload_opts *opts, struct spwc_file *ret_file,
    struct spwc_error *reterr_error)
{
	struct spwc_upload_opts known;
	struct spwc__request r;

	build_new(&r, c, opts, &known);
	if (known.length == SPWC_UNKNOWN)
		spwc__request_header(&r, "Upload-Defer-Length", "1");
	else
		spwc__request_header_u64(&r, "Upload-Length", known.length);
	if (known.part)
		spwc__request_header(&r, "Upload-Concat", "partial");
	/* One that was made and is not known of is empty, and expires. */
	r.repeatable = true;
	return spwc__request_finish_file(&r, ret_file, reterr_error);
}

int spwc_upload_join(struct spwc_client *c, const struct spwc_upload_opts *opts,
    const char *const *ids, size_t count, struct spwc_file *ret_file,
    struct spwc_error *reterr_error)
{
	struct spwc_upload_opts known;
	struct spwc__request r;
	struct spwc__buf list;

	build_new(&r, c, opts, &known);
	spwc__buf_init(&list, LIST_MAX_BYTES);
	spwc__buf_puts(&list, "final;");
	for (size_t i = 0; i < count; i++) {
		if (!spwc__id_valid(ids[i]))
			spwc__request_invalid(&r, "a part that is no id");
		spwc__buf_puts(&list, i > 0 ? " /files/" : "/files/");
		spwc__buf_puts(&list, ids[i]);
	}
	if (count == 0)
		spwc__request_invalid(&r, "there are no parts to join");
	add_built(&r, "Upload-Concat", &list);
	return spwc__request_finish_file(&r, ret_file, reterr_error);
}

/* ---- going on ----------------------------------------------------------- */

void spwc__look_build(
    struct spwc__request *r, struct spwc_client *c, const char *ref)
{
	start(r, c, "HEAD");
	spwc__request_file(r, ref, "");
}

int spwc__upload_read(struct spwc__request *r, struct spwc_upload *ret_upload,
    struct spwc_error *reterr_error)
{
	struct spwc_upload upload = {.length = SPWC_UNKNOWN};

	if (!read_number(r, "Upload-Offset", &upload.offset))
		return spwc__error_protocol(reterr_error,
		    "the answer does not say how far the upload is");
	read_number(r, "Upload-Length", &upload.length);
	*ret_upload = upload;
	return 0;
}

int spwc_upload_look(struct spwc_client *c, const char *ref,
    struct spwc_upload *ret_upload, struct spwc_error *reterr_error)
{
	struct spwc__request r;

	spwc__look_build(&r, c, ref);
	int err = spwc__request_perform(&r, reterr_error);
	if (err == 0)
		err = spwc__upload_read(&r, ret_upload, reterr_error);
	spwc__request_fini(&r);
	return err;
}

void spwc__append_build(struct spwc__request *r, struct spwc_client *c,
    const char *ref, uint64_t offset, const struct spwc_source *source)
{
	start(r, c, "PATCH");
	spwc__request_file(r, ref, "");
	spwc__request_header(r, "Content-Type", APPEND_TYPE);
	spwc__request_header_u64(r, "Upload-Offset", offset);
	r->once = true;
	spwc__source_set(r, source);
}

static int finish_append(struct spwc__request *r, uint64_t *ret_offset,
    struct spwc_error *reterr_error)
{
	struct spwc_upload upload;

	int err = spwc__request_perform(r, reterr_error);
	if (err == 0)
		err = spwc__upload_read(r, &upload, reterr_error);
	if (err == 0 && ret_offset != NULL)
		*ret_offset = upload.offset;
	spwc__request_fini(r);
	return err;
}

int spwc_upload_append(struct spwc_client *c, const char *ref, uint64_t offset,
    const struct spwc_source *source, uint64_t *ret_offset,
    struct spwc_error *reterr_error)
{
	struct spwc__request r;

	spwc__append_build(&r, c, ref, offset, source);
	return finish_append(&r, ret_offset, reterr_error);
}

int spwc_upload_end(struct spwc_client *c, const char *ref, uint64_t length,
    struct spwc_error *reterr_error)
{
	static const struct spwc_source nothing;
	struct spwc__request r;

	spwc__append_build(&r, c, ref, length, &nothing);
	spwc__request_header_u64(&r, "Upload-Length", length);
	/* It does no more than once. */
	r.once = false;
	r.repeatable = true;
	return finish_append(&r, NULL, reterr_error);
}
