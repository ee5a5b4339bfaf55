/* SPDX-License-Identifier: MIT */
#include "ingest/append.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "common/media.h"

#define APPEND_MAGIC 0xa44e4du
/* An expiry in the far future need not be moved with every buffer, nor has
   all that came to survive at once. */
#define TOUCH_BYTES (UINT64_C(8) * 1024 * 1024)
#define TOUCH_MS 5000

static struct append *append_of(void *ctx)
{
	struct append *a = ctx;

	assert(a->magic == APPEND_MAGIC);
	return a;
}

struct append *append_new(
    struct ingest *in, struct file *f, const struct append_ops *ops)
{
	struct append *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;

	a->magic = APPEND_MAGIC;
	a->ops = ops;
	a->in = in;
	a->file = file_ref(f);
	a->r = resumable_of(f);
	a->length = FILE_SIZE_UNKNOWN;
	a->error = -ECONNABORTED;
	a->touched_ms = clock_ms();
	return a;
}

void append_free(struct append *a)
{
	if (!a)
		return;

	append_stage_free(a->stage);
	idempotency_forget(a->claim);
	http_waker_unref(a->turn.waker);
	file_unref(a->file);
	a->magic = 0;
	free(a);
}

uint64_t append_room(const struct append *a)
{
	uint64_t max = a->in->conf->store.max_file_size;
	uint64_t end = a->length < max ? a->length : max;

	return end > a->offset ? end - a->offset : 0;
}

static const char *ended_text(int err)
{
	switch (err) {
	case -ENOENT:
		return "The upload was deleted, or has expired; begin a new "
		       "one.";
	case -ECANCELED:
		return "A newer request appends to this upload; ask for the "
		       "offset before going on.";
	case -EALREADY:
		return "Nothing can be appended to it: it is complete.";
	default:
		return "The whole is not what Repr-Digest said; it was not "
		       "kept.";
	}
}

/* It was not kept, and the file says why. */
static struct http_problem wrong_whole(const struct append *a)
{
	struct failure e;

	return http_problem(PROBLEM_DIGEST_MISMATCH, "%s",
	    file_error(a->file, &e) ? e.detail : ended_text(-EBADE));
}

static struct http_problem wrong_part(const struct append *a)
{
	char how[DIGEST_DIFFERENCE_SIZE];

	append_stage_differs(a->stage, how);
	if (!how[0])
		return http_problem(PROBLEM_CHECKSUM,
		    "The bytes that came are not those that the checksum was "
		    "made of; none was kept. Send them again.");

	return http_problem(PROBLEM_CHECKSUM,
	    "The bytes' %s; none was kept. Send them again.", how);
}

struct http_problem append_problem(const struct append *a, int err)
{
	struct http_problem p;
	uint64_t here = resumable_safe(a->r);

	switch (err) {
	case -ENOENT:
		return http_problem(PROBLEM_GONE, "%s", ended_text(err));
	case -ECANCELED:
		return http_problem(PROBLEM_CONFLICT, "%s", ended_text(err));
	case -EALREADY:
		return http_problem(
		    PROBLEM_UPLOAD_COMPLETE, "%s", ended_text(err));
	case -EBADE:
		return wrong_whole(a);
	case -EBADMSG:
		return wrong_part(a);
	case -ESTALE:
		if (here == a->offset)
			return http_problem(PROBLEM_CONFLICT,
			    "More of it has come by now; ask for the offset "
			    "before going on.");
		p = http_problem(PROBLEM_UPLOAD_OFFSET,
		    "The upload goes on at %llu, the request at %llu.",
		    (unsigned long long)here, (unsigned long long)a->offset);
		p.offset = here;
		p.provided_offset = a->offset;
		return p;
	case -EFBIG:
		p = http_problem(PROBLEM_TOO_LARGE,
		    "The content goes past the end of the upload, of which "
		    "%llu bytes are missing.",
		    (unsigned long long)append_room(a));
		p.limit = append_room(a);
		return p;
	default:
		return http_problem_limited(err, a->file->account,
		    a->in->conf->store.max_file_size);
	}
}

/* Over, one way or the other. Returns: `err`, for the sink. */
static int conclude(struct http_request *req, struct append *a, int err)
{
	a->error = err;
	resumable_release(a->r, &a->turn);
	if (err == 0) {
		upload_claim_done(a->claim, 201, &a->file, 1);
		a->claim = NULL;
	}
	a->ops->answer(req, a, err);
	return err;
}

/* It goes on where it is safe, and more has come, which is not: as when the
   disk was full. Then that has to be had first. */
static int claim_safe(struct append *a)
{
	int err = resumable_claim(a->r, &a->turn, a->offset, a->cut_first);
	int kept = 0;

	if (err == -ESTALE && a->offset == resumable_safe(a->r))
		kept = resumable_keep(a->r, &a->turn.wait);
	return kept < 0 ? kept : err;
}

static int claim(struct http_request *req, struct append *a)
{
	if (a->claimed)
		return 0;

	int err = claim_safe(a);
	if (err < 0)
		return err;

	uint64_t known = resumable_length(a->r);
	a->claimed = true;
	if (a->length == FILE_SIZE_UNKNOWN)
		a->length = known;
	err = a->ops->check(req, a);
	if (err == 0 && a->length != known)
		err = resumable_set_length(a->r, &a->turn, a->length);
	return err;
}

static int put(
    struct append *a, struct http_request *req, const char *p, size_t len)
{
	if (a->stage)
		return append_stage_write(a, req, p, len);

	return resumable_write(a->r, &a->turn, p, len);
}

static ssize_t take(
    struct http_request *req, void *ctx, const char *p, size_t len)
{
	struct append *a = append_of(ctx);

	int err = claim(req, a);
	uint64_t room = append_room(a) - a->received;
	size_t n = len < room ? len : (size_t)room;
	if (err == 0 && n)
		err = put(a, req, p, n);
	if (err == -EAGAIN)
		return 0;
	if (err < 0)
		return conclude(req, a, err);

	uint64_t before = a->received;
	a->received += n;
	if (n < len)
		return conclude(req, a, -EFBIG);
	if (before / TOUCH_BYTES != a->received / TOUCH_BYTES ||
	    clock_ms() - a->touched_ms > TOUCH_MS) {
		a->touched_ms = clock_ms();
		resumable_touch(a->r);
		resumable_keep_behind(a->r);
	}
	if (a->interim && !a->stage)
		a->ops->progress(req, a);
	return (ssize_t)len;
}

/* Returns: 0 when nothing is left to do, -EAGAIN, or what is wrong. */
static int complete(struct http_request *req, struct append *a)
{
	int err = claim(req, a);

	if (err == 0)
		err = a->ops->arrived(req, a);
	a->arrived = true;
	if (err == 0 && a->stage)
		err = append_stage_commit(a);
	if (err == 0 && a->ops->completes(a))
		err = resumable_finish(a->r, &a->turn);
	if (err == 0)
		err = resumable_keep(a->r, &a->turn.wait);
	return err;
}

static void end(struct http_request *req, void *ctx)
{
	struct append *a = append_of(ctx);
	int err = complete(req, a);

	if (err == -EAGAIN)
		return;
	/* The turn ends before the answer: its client may be as quick as to
	   send the next one while this request is not quite over. */
	conclude(req, a, err);
}

static void drop(struct http_request *req, void *ctx)
{
	struct append *a = append_of(ctx);

	(void)req;
	resumable_release(a->r, &a->turn);
	if (a->claimed)
		resumable_settle(a->r);
	if (a->creates && a->error < 0 && !a->interim)
		resumable_orphan(a->r);
	append_free(a);
}

static const struct http_sink SINK = {take, end, drop};

bool append_fits(struct http_request *req, const struct resumable *r,
    const char *type, const char *wrong)
{
	if (r->kind == RESUMABLE_FINAL) {
		http_reply_error(req, PROBLEM_FORBIDDEN,
		    "An upload put together of others is not appended to.");
		return false;
	}
	if (!media_type_is(http_header(req, "Content-Type"), type)) {
		http_answer_field(req, "Accept-Patch", type);
		http_reply_error(req, PROBLEM_UNSUPPORTED_TYPE, "%s", wrong);
		return false;
	}
	return true;
}

bool append_admit(struct http_request *req, struct ingest *in)
{
	uint64_t len = http_content_length(req);

	if (!upload_framed(req,
		"Content-Range does not say where in an upload bytes go."))
		return false;
	int err = len == HTTP_LENGTH_UNKNOWN
		      ? 0
		      : store_check_space(in->store, len);
	if (err < 0) {
		upload_failed(req, err);
		return false;
	}
	if (!upload_enter(req, in))
		return false;

	metrics_add(METRIC_UPLOADS_APPENDS, 1);
	return true;
}

static int prepare(struct http_request *req, struct append *a)
{
	a->turn.waker = http_waker_get(req);
	if (!a->turn.waker)
		return -ENOMEM;

	int err = a->staged ? append_stage_new(a) : 0;
	if (err == 0)
		err = claim(req, a);
	/* From when its client may come back. */
	if (err == 0 && a->creates)
		resumable_keep_behind(a->r);
	/* Whoever is at it will be through soon; the body waits for it. */
	return err == -EAGAIN ? 0 : err;
}

void append_start(struct http_request *req, struct append *a)
{
	int err = prepare(req, a);

	if (err < 0) {
		conclude(req, a, err);
		drop(req, a);
		return;
	}
	http_take_body(req, &SINK, a);
}
