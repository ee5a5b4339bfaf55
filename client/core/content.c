/* SPDX-License-Identifier: MIT */
#include <spillway/client_url.h>
#include <spillway/client_zip.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/request.h"

/* A zip holds names of 64 KiB at most; percent-encoded, thrice that. */
#define ENTRY_MAX_BYTES ((size_t)200 << 10)

/* Runs a request whose path is there; frees it. */
static int read_content(struct spwc__request *r,
    const struct spwc_get_opts *opts, const struct spwc_sink *sink,
    struct spwc_content *ret_content, struct spwc_error *reterr_error)
{
	r->sink = sink;
	spwc__request_range(r, opts);
	int err = spwc__request_perform(r, reterr_error);
	if (ret_content != NULL && (err == 0 || err == -ERANGE))
		*ret_content = r->content;
	spwc__request_fini(r);
	return err;
}

int spwc_get(struct spwc_client *c, const char *ref,
    const struct spwc_get_opts *opts, const struct spwc_sink *sink,
    struct spwc_content *ret_content, struct spwc_error *reterr_error)
{
	struct spwc__request r;

	spwc__request_init(&r, c, "GET");
	spwc__request_file(&r, ref, "");
	return read_content(&r, opts, sink, ret_content, reterr_error);
}

int spwc_read_url(struct spwc_client *c, const char *url,
    const struct spwc_get_opts *opts, const struct spwc_sink *sink,
    struct spwc_content *ret_content, struct spwc_error *reterr_error)
{
	struct spwc__request r;

	spwc__request_init(&r, c, "GET");
	spwc__request_path(&r, "/fetch");
	spwc__request_query(&r, "url", url);
	return read_content(&r, opts, sink, ret_content, reterr_error);
}

int spwc_digest(struct spwc_client *c, const char *ref,
    struct spwc_content *ret_content, struct spwc_error *reterr_error)
{
	struct spwc__request r;

	spwc__request_init(&r, c, "HEAD");
	spwc__request_file(&r, ref, "");
	spwc__request_header(&r, "Want-Repr-Digest", "sha-256=10");
	int err = spwc__request_perform(&r, reterr_error);
	if (err == 0 && !r.content.has_sha256)
		err = spwc__error_set(reterr_error, -ENODATA,
		    "http_protocol_error", "the server tells no digest");
	if (err == 0)
		*ret_content = r.content;
	spwc__request_fini(&r);
	return err;
}

int spwc_zip_read(struct spwc_client *c, const char *ref, const char *name,
    uint64_t index, const struct spwc_get_opts *opts,
    const struct spwc_sink *sink, struct spwc_content *ret_content,
    struct spwc_error *reterr_error)
{
	struct spwc__request r;
	struct spwc__buf suffix;
	char digits[24];

	if (name != NULL && *name == '\0')
		return spwc__error_set(reterr_error, -EINVAL,
		    "invalid_argument", "an entry without a name");

	spwc__buf_init(&suffix, ENTRY_MAX_BYTES);
	spwc__buf_puts(&suffix, "/zip/");
	if (name != NULL)
		spwc__buf_put_escaped(&suffix, name, strlen(name), "/");
	spwc__request_init(&r, c, "GET");
	if (spwc__request_built(
		&r, &suffix, "the name of the entry is too long"))
		spwc__request_file(&r, ref, suffix.data);
	spwc__buf_fini(&suffix);
	if (name == NULL) {
		snprintf(digits, sizeof(digits), "%" PRIu64, index);
		spwc__request_query(&r, "index", digits);
	}
	return read_content(&r, opts, sink, ret_content, reterr_error);
}
