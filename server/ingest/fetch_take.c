/* SPDX-License-Identifier: MIT */
/* Taking what a transfer brings: the first answer, which decides how the file
   is fetched, later ones, and the bytes. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <spillway/sparse.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "ingest/fetch_job.h"
#include "ingest/fetch_loop.h"

/* ---- the first answer ---------------------------------------------------- */

/* What caches go by; who has the file in the store asks nobody for it. */
static int keep_origin(struct fetch_transfer *t)
{
	if (!t->job->apart)
		return 0;

	const struct strbuf *kept = &t->head.kept;
	int64_t now_ms = clock_unix_ms();
	const struct file_origin o = {
	    .asked_ms = now_ms - (int64_t)(clock_ms() - t->begun_ms),
	    .received_ms = now_ms,
	    .redirects_s = t->redirects_s,
	    .url = t->url,
	    .fields = kept->data,
	    .len = kept->len,
	};

	return file_set_origin(t->job->file, &o);
}

/* The name that the origin gives it, or none. */
static size_t name_of(const struct fetch_transfer *t, char ret[FILE_NAME_SIZE])
{
	size_t len = strlen(t->head.name);

	ret[0] = '\0';
	if (t->job->named)
		return 0;
	memcpy(ret, t->head.name, len + 1);
	return len ? len : fetch_url_name(&t->parts, ret);
}

/* What is said of it, if there is room for that. */
static int set_texts(struct fetch_transfer *t)
{
	const struct fetch_head *h = &t->head;
	struct file *file = t->job->file;
	char name[FILE_NAME_SIZE];
	size_t named = name_of(t, name), type = strlen(h->type);
	size_t coding = strlen(h->coding);
	int e = 0;

	if (!file_has_room(file, named + type + coding))
		return -ETOOMANYREFS;
	if (type > 0)
		e = file_set_type(file, h->type, type);
	if (e == 0 && named > 0)
		e = file_set_name(file, name, named);
	if (e == 0 && coding > 0)
		e = file_set_coding(file, h->coding, coding);
	return e == 0 ? keep_origin(t) : e;
}

static int describe_file(
    struct fetch_transfer *t, const struct fetch_identity *id)
{
	const struct fetch_head *h = &t->head;
	struct file *file = t->job->file;

	int e = set_texts(t);
	if (h->has_modified)
		file_set_modified_ms(file, h->modified_s * 1000);
	if (id->size != FETCH_SIZE_UNKNOWN)
		file_set_size(file, id->size);
	if (e == 0 && id->size != FETCH_SIZE_UNKNOWN)
		e = file_charge(file, id->size);
	return e;
}

/* May it be as long as it is? */
static bool size_fits(
    struct fetch_transfer *t, const struct fetch_identity *id)
{
	const struct fetch_job *job = t->job;

	if (id->size == FETCH_SIZE_UNKNOWN)
		return true;
	if (id->size > job->size_max) {
		fetch_transfer_fail_errno(t, -EFBIG);
		return false;
	}
	if (job->size != FETCH_SIZE_UNKNOWN && id->size != job->size) {
		fetch_transfer_fail(t, FETCH_CAUSE_SIZE,
		    "The content has %" PRIu64 " bytes, not %" PRIu64 ".",
		    id->size, job->size);
		return false;
	}
	int e = job->lazy ? 0 : store_check_space(job->store, id->size);
	if (e < 0)
		fetch_transfer_fail_errno(t, e);
	return e == 0;
}

/* Can it be filled in any order, and is it worth that? */
static bool can_be_sparse(
    const struct fetch_job *job, const struct fetch_identity *id)
{
	return id->strong && id->ranges && id->size != FETCH_SIZE_UNKNOWN &&
	       (job->lazy ? id->size > 0 : id->size > job->conf->block_size);
}

static void writer_told(void *user_data)
{
	fetch_nudge(user_data);
}

static int become_sparse(struct fetch_job *job, uint64_t size)
{
	const struct fetch_writer_opts opts = {
	    .spool = job->file->spool,
	    .pool = store_writers(job->store),
	    .budget = store_budget(job->store),
	    .share = job->file->share,
	    .algs = job->said.have,
	    .told = writer_told,
	    .user_data = job,
	};

	int e = fetch_writer_new(&opts, &job->writer);
	if (e == 0)
		e = spw_spool_set_sparse(job->file->spool, size);
	if (e < 0)
		return e;

	digest_free(job->digest);
	job->digest = NULL;
	job->sparse = true;
	return 0;
}

/* It cannot be had in parts that belong together. */
static bool ask_for_all(struct fetch_transfer *t)
{
	t->job->lazy = false;
	t->asked = (struct fetch_asked){0};
	t->again = true;
	return false;
}

static bool take_first(struct fetch_transfer *t, enum fetch_worth worth)
{
	struct fetch_job *job = t->job;
	struct fetch_identity id;
	int e = 0;

	fetch_identity_of(&t->head, &id);
	bool sparse = can_be_sparse(job, &id);
	if (worth == FETCH_WORTH_PART && !sparse)
		return ask_for_all(t);
	if (!sparse)
		job->lazy = false;
	if (!size_fits(t, &id))
		return false;
	if (sparse)
		e = become_sparse(job, id.size);
	if (e == 0)
		e = describe_file(t, &id);
	if (e < 0) {
		fetch_transfer_fail_errno(t, e);
		return false;
	}

	free(job->last_url);
	job->last_url = strdup(t->url);
	job->strayed = t->strayed;
	job->id = id;
	if (sparse)
		file_set_fixed(job->file, job->lazy);
	fetch_loop_described(job);
	return true;
}

/* ---- later ones ---------------------------------------------------------- */

/* All came where a part was asked for. */
static void take_all(struct fetch_transfer *t)
{
	struct fetch_job *job = t->job;

	if (t->asked.part && job->id.ranges && t->place && !job->lazy) {
		/* The others bring it. */
		job->id.ranges = false;
		t->done = true;
		return;
	}
	job->id.ranges = false;
	job->lazy = false;
	file_set_fixed(job->file, false);
	for (struct fetch_transfer *i = job->transfers; i; i = i->next)
		i->overlaps = true;
	t->place = false;
	t->end = job->id.size;
	t->limit = UINT64_MAX;
}

/* Say which bytes follow, and which of them are wanted. */
static bool take_piece(struct fetch_transfer *t, enum fetch_worth worth,
    const struct fetch_piece *piece, bool first)
{
	struct fetch_job *job = t->job;

	t->at = t->pos = piece->off;
	t->stop = piece->end;
	if (!job->sparse) {
		/* What was appended already is read over. */
		t->pos = job->received;
		t->end = FETCH_SIZE_UNKNOWN;
	} else if (worth == FETCH_WORTH_PART) {
		t->shorter = piece->end < t->end && !t->asked.suffix;
		t->end = t->end < piece->end ? t->end : piece->end;
	} else if (first) {
		/* A lazy one takes what it has at hand, and looks what the
		 * origin makes of a part that it says it can do. */
		t->end = job->lazy && job->conf->block_size < job->id.size
		    ? job->conf->block_size
		    : job->id.size;
	} else {
		take_all(t);
	}
	return !t->done;
}

static void measure_latency(struct fetch_transfer *t)
{
	uint64_t ms = t->head_ms - t->begun_ms + 1;

	if (t->job->latency_ms == 0 || ms < t->job->latency_ms)
		t->job->latency_ms = ms;
}

/* The version at hand is still the one. */
static void take_unchanged(struct fetch_transfer *t)
{
	int e = keep_origin(t);

	if (e < 0)
		fetch_transfer_fail_errno(t, e);
	fetch_transfer_fail(t, FETCH_CAUSE_UNCHANGED,
	    "The content at the origin is the one at hand.");
}

bool fetch_job_answer(struct fetch_transfer *t)
{
	struct fetch_job *job = t->job;
	struct fetch_piece piece;
	bool first = !job->id.known;

	measure_latency(t);
	/* Whatever it is, somebody may wait for it. */
	fetch_nudge(job);
	if (t->conditional && t->head.status == 304) {
		take_unchanged(t);
		return false;
	}
	enum fetch_worth worth =
	    fetch_answer_weigh(&job->id, &t->asked, &t->head, &piece);
	switch (worth) {
	case FETCH_WORTH_ALL:
	case FETCH_WORTH_PART:
		return (!first || take_first(t, worth)) &&
		       take_piece(t, worth, &piece, first);
	case FETCH_WORTH_END:
		job->complete = t->done = true;
		return false;
	case FETCH_WORTH_CHANGED:
		fetch_transfer_fail(t, FETCH_CAUSE_CHANGED,
		    "The origin has another version now than when the fetch "
		    "began.");
		return false;
	case FETCH_WORTH_WRONG:
		fetch_transfer_fail(t, FETCH_CAUSE_PROTOCOL,
		    "The origin's answer cannot be trusted: %s.", piece.why);
		return false;
	case FETCH_WORTH_STATUS:
		break;
	}
	/* Some origins know no range from the end. */
	if (first && t->asked.suffix && t->head.status == 416)
		return ask_for_all(t);
	fetch_transfer_fail(t, FETCH_CAUSE_STATUS, "The origin answered %d.",
	    t->head.status);
	return false;
}

/* ---- bytes --------------------------------------------------------------- */

static int append(struct fetch_transfer *t, const uint8_t *data, size_t len)
{
	struct fetch_job *job = t->job;

	if (len > job->size_max - job->received)
		return -EFBIG;

	int e = file_grow(job->file, len);
	if (e == 0)
		e = spw_spool_try_append(job->file->spool, data, len);
	if (e == -EAGAIN)
		t->pause = FETCH_WAITS_SPOOL;
	if (e < 0)
		return e;

	if (job->digest)
		digest_add(job->digest, data, len);
	job->received += len;
	t->pos += len;
	return 0;
}

/* How many bytes from `pos` on need not be taken, because they are there, or
 * on their way there. */
static uint64_t is_there(struct fetch_transfer *t)
{
	struct fetch_pending pending[FETCH_BLOCKS_MAX];

	if (!t->overlaps)
		return 0;

	uint64_t there = spw_spool_present(t->job->file->spool, t->pos);
	if (there > 0)
		return there;

	size_t n = fetch_writer_pending(t->job->writer, pending);
	for (size_t i = 0; i < n; i++)
		if (pending[i].off <= t->pos && t->pos < pending[i].end)
			return pending[i].end - t->pos;
	return 0;
}

/* How many of the next `len` bytes to take, up to what is there. */
static size_t is_missing(struct fetch_transfer *t, size_t len)
{
	uint64_t data;

	if (len > FETCH_BLOCK_SIZE)
		len = FETCH_BLOCK_SIZE;
	if (t->end - t->pos < len)
		len = (size_t)(t->end - t->pos);
	if (t->overlaps &&
	    spw_spool_next_data(t->job->file->spool, t->pos, &data) == 0 &&
	    data - t->pos < len)
		len = (size_t)(data - t->pos);
	return len;
}

static int fill(struct fetch_transfer *t, const uint8_t *data, size_t len)
{
	struct fetch_job *job = t->job;

	while (len > 0 && t->pos < t->end) {
		uint64_t there = is_there(t);
		size_t n = there < len ? (size_t)there : len;

		if (there == 0) {
			if (t->pos >= t->limit) {
				t->pause = FETCH_WAITS_READER;
				return -EAGAIN;
			}
			n = is_missing(t, len);
			int e = fetch_writer_put(job->writer, data, n, t->pos);
			if (e == -EAGAIN)
				t->pause = FETCH_WAITS_SPOOL;
			if (e < 0)
				return e;
			fetch_loop_flush_later(job);
			job->received += n;
		}
		t->pos += n;
		data += n;
		len -= n;
	}
	t->done = t->pos >= t->end;
	return 0;
}

int fetch_job_bytes(struct fetch_transfer *t, const uint8_t *data, size_t len)
{
	struct fetch_job *job = t->job;

	/* What was taken of them before they were brought again, or need not
	 * be taken at all. */
	if (t->pos > t->at) {
		uint64_t skip = t->pos - t->at;
		if (skip >= len)
			return 0;
		data += skip;
		len -= (size_t)skip;
	}
	int e = job->sparse ? fill(t, data, len) : append(t, data, len);
	/* It makes headway. */
	if (e == 0 && job->received - job->failed_at >= job->conf->block_size)
		job->failures = 0;
	return e;
}
