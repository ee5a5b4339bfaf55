/* SPDX-License-Identifier: MIT */
#include "ingest/tus.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "common/httpdate.h"
#include "common/media.h"
#include "common/tusmeta.h"
#include "ingest/create.h"

#define VERSION "1.0.0"
#define EXTENSIONS                                                             \
	"creation,creation-with-upload,creation-defer-length,expiration,"      \
	"checksum,checksum-trailer,termination,concatenation,"                 \
	"concatenation-unfinished"

/* As tus calls them, sha1 first, which every server has. */
static const struct {
	const char *name;
	enum digest_alg alg;
} ALGORITHMS[] = {
    {"sha1", DIGEST_SHA1},
    {"sha256", DIGEST_SHA256},
    {"sha512", DIGEST_SHA512},
    {"md5", DIGEST_MD5},
    {"crc32c", DIGEST_CRC32C},
};
#define ALGORITHM_COUNT (sizeof(ALGORITHMS) / sizeof(ALGORITHMS[0]))

/* ---- every request ------------------------------------------------------ */

bool tus_is(const struct http_request *req)
{
	static const char *const marks[] = {"Tus-Resumable",
	    "Upload-Defer-Length", "Upload-Metadata", "Upload-Concat",
	    "Upload-Checksum"};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (http_header(req, marks[i]).p)
			return true;
	}
	if (http_method(req) == HTTP_PATCH)
		return media_type_is(
		    http_header(req, "Content-Type"), TUS_TYPE);

	/* The other protocol has it too, but never alone. */
	return http_method(req) == HTTP_POST &&
	       http_header(req, "Upload-Length").p &&
	       !http_header(req, "Upload-Complete").p;
}

static void mark(struct http_request *req)
{
	http_answer_field(req, "Tus-Resumable", VERSION);
}

bool tus_enter(struct http_request *req)
{
	mark(req);
	if (http_header_count(req, "Tus-Resumable") == 1 &&
	    str_eq(http_header(req, "Tus-Resumable"), VERSION))
		return true;

	http_answer_field(req, "Tus-Version", VERSION);
	http_reply_error(req, PROBLEM_PRECONDITION_FAILED,
	    "tus is spoken here in version " VERSION
	    "; the field Tus-Resumable must say so.");
	return false;
}

void tus_announce(struct http_request *req, const struct ingest *in)
{
	char text[80];
	struct strbuf names;

	strbuf_init_fixed(&names, text, sizeof(text));
	for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
		if (digest_able() & DIGEST_BIT(ALGORITHMS[i].alg))
			strbuf_addf(&names, "%s%s", names.len ? "," : "",
			    ALGORITHMS[i].name);
	}
	mark(req);
	http_answer_field(req, "Tus-Version", VERSION);
	http_answer_field(req, "Tus-Extension", EXTENSIONS);
	http_answer_field(req, "Tus-Checksum-Algorithm", names.data);
	if (create_max(in) != CREATE_LENGTH_MAX)
		create_number(req, "Tus-Max-Size", create_max(in));
}

static void bad(struct http_request *req, const char *why)
{
	http_reply_error(req, PROBLEM_BAD_REQUEST, "%s", why);
}

bool tus_read_length(
    struct http_request *req, const struct ingest *in, uint64_t *ret)
{
	struct str field = http_header(req, "Upload-Length");

	if (!field.p)
		return true;

	int err = http_header_count(req, "Upload-Length") == 1
		      ? str_u64(field, ret)
		      : -EINVAL;
	if (err == -EINVAL) {
		bad(req, "Upload-Length is one number of bytes.");
		return false;
	}
	if (err == -ERANGE)
		*ret = UINT64_MAX;
	if (*ret > create_max(in)) {
		create_too_large(req, in, *ret);
		return false;
	}
	return true;
}

void tus_add_expires(struct http_request *req, struct resumable *r)
{
	char date[HTTPDATE_SIZE];
	int64_t at = atomic_load(&r->file->expires_ms);

	if (!at || resumable_complete(r))
		return;

	httpdate_format(at / 1000, date);
	http_answer_field(req, "Upload-Expires", date);
}

/* ---- checksums ---------------------------------------------------------- */

/*
 * Read one Upload-Checksum into a set. Returns: 0; -ENOTSUP an algorithm that
 * is not known; -EINVAL.
 */
static int read_checksum(struct str field, struct digest_set *set)
{
	uint8_t value[DIGEST_BYTES_MAX];
	struct str name;
	enum digest_alg alg;
	ssize_t n = tus_checksum_read(field, &name, value, sizeof(value));

	if (n < 0)
		return -EINVAL;
	for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
		alg = ALGORITHMS[i].alg;
		if (!str_eq(name, ALGORITHMS[i].name) ||
		    !(digest_able() & DIGEST_BIT(alg)))
			continue;
		if ((size_t)n != digest_alg_size(alg))
			return -EINVAL;
		if ((set->have & DIGEST_BIT(alg)) &&
		    memcmp(set->value[alg], value, (size_t)n) != 0)
			return -EINVAL;
		set->have |= DIGEST_BIT(alg);
		memcpy(set->value[alg], value, (size_t)n);
		return 0;
	}
	return -ENOTSUP;
}

static void refuse_checksum(struct http_request *req, int err)
{
	bad(req, err == -ENOTSUP
		     ? "Upload-Checksum names an algorithm that is not among "
		       "those of Tus-Checksum-Algorithm."
		     : "Upload-Checksum is the name of an algorithm, a space "
		       "and a digest of its length in base64; there is one.");
}

/* Does it say that a checksum comes behind the body? */
static bool trailer_announced(const struct http_request *req)
{
	struct str list, item;

	for (unsigned i = 0; (list = http_header_at(req, "Trailer", i)).p;
	     i++) {
		while (str_list_next(&list, &item)) {
			if (str_ieq(item, "Upload-Checksum"))
				return true;
		}
	}
	return false;
}

bool tus_read_checksum(struct http_request *req, struct append *a)
{
	struct str field = http_header(req, "Upload-Checksum");

	if (!create_content_digest(req, a))
		return false;
	if (field.p) {
		int err = http_header_count(req, "Upload-Checksum") == 1
			      ? read_checksum(field, &a->said)
			      : -EINVAL;

		if (err < 0) {
			refuse_checksum(req, err);
			return false;
		}
		a->staged = true;
	}
	if (trailer_announced(req) &&
	    http_content_length(req) == HTTP_LENGTH_UNKNOWN)
		a->staged = a->trailer = true;
	return true;
}

/* ---- appending ---------------------------------------------------------- */

static int check(struct http_request *req, struct append *a)
{
	uint64_t known = resumable_length(a->r);
	uint64_t len = http_content_length(req);

	/* The length of an upload never changes, and is never too short. */
	if ((known != FILE_SIZE_UNKNOWN && a->length != known) ||
	    a->length < a->offset)
		return -ERANGE;

	return len != HTTP_LENGTH_UNKNOWN && len > append_room(a) ? -EFBIG : 0;
}

static int arrived(struct http_request *req, struct append *a)
{
	if (!a->trailer || a->arrived)
		return 0;

	struct str field = http_trailer(req, "Upload-Checksum", 0);
	bool one = field.p && !http_trailer(req, "Upload-Checksum", 1).p;
	int err = one ? read_checksum(field, &a->said) : -EINVAL;
	a->bad_trailer = err;
	return err < 0 ? -EPROTO : 0;
}

static bool completes(const struct append *a)
{
	return a->length != FILE_SIZE_UNKNOWN &&
	       a->offset + a->received == a->length;
}

static void answer(struct http_request *req, struct append *a, int err)
{
	struct resumable *r = a->r;

	if (err != -ENOENT && err != -EBADE)
		create_number(req, "Upload-Offset",
		    err ? resumable_safe(r) : a->offset + a->received);
	tus_add_expires(req, r);
	if (err == -EPROTO) {
		refuse_checksum(req, a->bad_trailer);
	} else if (err == -ERANGE) {
		bad(req, "Upload-Length is not the length that was told "
			 "before, or less than what has come already.");
	} else if (err < 0) {
		struct http_problem p = append_problem(a, err);

		http_reply_problem(req, &p);
	} else if (a->creates) {
		upload_reply_told(req, a->file, 201, r->told);
	} else {
		struct http_reply reply = http_reply_empty(204);

		if (resumable_complete(r))
			integrity_field(a->file, r->told, &reply);
		http_reply(req, &reply);
	}
}

const struct append_ops tus_append_ops = {
    check, arrived, completes, answer, NULL};

/* What is wrong with the header of a PATCH? True: nothing, it is read. */
static bool read_patch(
    struct http_request *req, const struct ingest *in, struct append *a)
{
	if (http_header_count(req, "Upload-Offset") != 1 ||
	    str_u64(http_header(req, "Upload-Offset"), &a->offset) < 0) {
		bad(req, "Upload-Offset is one number of bytes.");
		return false;
	}
	return tus_read_length(req, in, &a->length) &&
	       tus_read_checksum(req, a);
}

void tus_patch(struct http_request *req, struct ingest *in, struct file *f)
{
	struct resumable *r = resumable_of(f);

	if (!append_fits(req, r, TUS_TYPE,
		"A PATCH of tus has the type " TUS_TYPE "."))
		return;

	struct append *a = append_new(in, f, &tus_append_ops);
	if (!a) {
		upload_failed(req, -ENOMEM);
		return;
	}
	if (!read_patch(req, in, a)) {
		append_free(a);
		return;
	}
	/* Nothing is left to do: a repeat of the last one is well. */
	if (resumable_complete(r) && a->offset == resumable_offset(r) &&
	    http_content_length(req) == 0) {
		answer(req, a, 0);
		append_free(a);
		return;
	}
	if (!append_admit(req, in))
		append_free(a);
	else
		append_start(req, a);
}

/* ---- looking ------------------------------------------------------------ */

static void head_lengths(struct http_request *req, struct resumable *r)
{
	bool final = r->kind == RESUMABLE_FINAL;
	uint64_t length =
	    final ? resumable_concat_length(r) : resumable_length(r);

	/* Of a final one the offset is known when it is all there. */
	if (!final || resumable_complete(r))
		create_number(req, "Upload-Offset", resumable_safe(r));
	if (length != FILE_SIZE_UNKNOWN)
		create_number(req, "Upload-Length", length);
	else if (!final)
		http_answer_field(req, "Upload-Defer-Length", "1");
}

void tus_head(struct http_request *req, struct resumable *r)
{
	if (!resumable_when_kept(req, r->file))
		return;
	if (file_state(r->file) == FILE_FAILED) {
		http_reply_error(req, PROBLEM_GONE,
		    "The upload failed, and cannot go on; begin a new one.");
		return;
	}

	head_lengths(req, r);
	tus_add_expires(req, r);
	http_answer_field(req, "Upload-Metadata", r->metadata);
	http_answer_field(req, "Upload-Concat", r->concat);
	struct http_reply reply = http_reply_empty(204);
	http_reply_header(&reply, "Cache-Control", "no-store");
	http_reply(req, &reply);
}
