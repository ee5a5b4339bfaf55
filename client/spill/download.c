/* SPDX-License-Identifier: MIT */
#include "spill/download.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <spillway/client_multi.h>
#include <spillway/client_zip.h>
#include <spillway/crypto.h>

#include "spill/lanes.h"
#include "spill/text.h"

#define PIECE_BYTES ((size_t)256 << 10)

/* ---- one part after the other ------------------------------------------- */

static int begin_file(void *arg, const struct spwc_content *content)
{
	struct download *d = arg;

	/* A part that was asked for is not what a later run could go on
	 * from: it starts anywhere. */
	if (d->has_range)
		return partial_begin(&d->part, 0, "");
	return partial_begin(&d->part, content->offset, content->etag);
}

int download_write(void *arg, const void *buf, size_t len)
{
	struct download *d = arg;

	d->taken += len;
	return partial_write(&d->part, buf, len);
}

static int read_range(struct download *d, const struct spwc_get_opts *range,
    struct spwc_content *ret_content, struct spwc_error *reterr_error)
{
	const struct spwc_sink sink = {begin_file, download_write, d};
	const struct target *t = d->target;

	if (d->is_entry)
		return spwc_zip_read(t->client, t->ref, d->entry, d->index,
		    range, &sink, ret_content, reterr_error);
	return spwc_get(
	    t->client, t->ref, range, &sink, ret_content, reterr_error);
}

static int fail(struct spwc_error *e, int err, const char *text)
{
	*e = (struct spwc_error){.status = 0};
	snprintf(e->detail, sizeof(e->detail), "%s", text);
	return err;
}

/* One request. `*ret_whole` when all of the file is there. */
static int get_once(
    struct download *d, bool *ret_whole, struct spwc_error *reterr_error)
{
	struct spwc_get_opts range = d->range;
	struct spwc_content content = {0};
	uint64_t had = d->part.have;

	if (had > 0) {
		range.offset = had;
		range.if_range = d->part.etag;
	}
	int r = read_range(d, &range, &content, reterr_error);
	if (r == -ERANGE && had > 0) {
		/* Nothing lies behind what we have: either it is the whole,
		 * or it is not what the mark says. */
		*ret_whole = content.total == had;
		r = *ret_whole ? 0 : partial_begin(&d->part, 0, "");
		return r < 0 ? fail(reterr_error, r, strerror(-r)) : 0;
	}
	if (r < 0)
		return r;

	/* Of a file that is still received and has no size yet, a range ends
	 * where the bytes do; a whole answer ends with the file. */
	*ret_whole = d->has_range || content.offset == 0 ||
		     content.total != SPWC_UNKNOWN;
	return 0;
}

/* What breaks off without a byte was tried again already. */
static bool goes_on(const struct download *d, int r,
    const struct spwc_error *error, uint64_t had)
{
	uint64_t pause = spwc_pause_ms(1, error);

	if (d->cli->retries == 0 || d->part.have <= had ||
	    d->part.etag[0] == '\0' || !spwc_transient(r, error) ||
	    pause == UINT64_MAX)
		return false;
	poll(NULL, 0, (int)pause);
	return !cli_interrupted();
}

static int get_in_turn(struct download *d, struct spwc_error *reterr_error)
{
	bool whole = false;
	int r = 0;

	while (r == 0 && !whole) {
		uint64_t had = d->part.have;

		r = get_once(d, &whole, reterr_error);
		if (r < 0 && goes_on(d, r, reterr_error, had))
			r = 0;
	}
	return r;
}

/* ---- several parts at the same time ------------------------------------- */

static struct download *download_of(const struct lane *lane)
{
	return lane->all->arg;
}

/* No byte of another version, and none from another place. */
static int begin_part(void *arg, const struct spwc_content *content)
{
	struct lane *lane = arg;

	if (content->offset != lane->at ||
	    content->length != lane->end - lane->at ||
	    strcmp(content->etag, download_of(lane)->part.etag) != 0)
		return -ESTALE;
	return 0;
}

static int write_part(void *arg, const void *buf, size_t len)
{
	struct lane *lane = arg;
	struct download *d = download_of(lane);
	size_t index = (size_t)(lane - lane->all->lane);

	d->taken += len;
	int r = partial_write_at(&d->part, index, buf, len);
	lane->at = d->part.spans[index].at;
	lane->sure = lane->at;
	return r;
}

static int begin_lane(struct lane *lane, struct spwc_error *reterr_error)
{
	struct download *d = download_of(lane);
	const struct spwc_sink sink = {begin_part, write_part, lane};
	const struct spwc_get_opts range = {
	    .size = sizeof(range),
	    .offset = lane->at,
	    .length = lane->end - lane->at,
	    .if_range = d->part.etag,
	};

	lane->look = false;
	if (lane->at == lane->end)
		return 0;
	return spwc_multi_get(lane->all->multi, d->target->client,
	    d->target->ref, &range, &sink, lanes_done, lane, &lane->call,
	    reterr_error);
}

static int get_at_once(struct download *d, struct spwc_error *reterr_error)
{
	struct lanes l = {
	    .cli = d->cli,
	    .count = d->part.span_count,
	    .begin = begin_lane,
	    .arg = d,
	};

	for (size_t i = 0; i < l.count; i++)
		l.lane[i] = (struct lane){
		    .first = d->part.spans[i].first,
		    .at = d->part.spans[i].at,
		    .end = d->part.spans[i].end,
		};
	return lanes_run(&l, reterr_error);
}

/* Whether, and into how many: what is not there yet would only be waited
 * for, and without an ETag parts of two versions could meet. */
static unsigned int parts_of(const struct download *d)
{
	const struct spwc_file *f = d->file;

	if (d->has_range || d->is_entry || d->part.have > 0 || f->id == NULL ||
	    f->state != SPWC_READY || f->etag == NULL ||
	    !partial_etag_usable(f->etag) || f->size == SPWC_UNKNOWN)
		return 1;
	return cli_parts_for(d->parts, f->size);
}

static int get_content(struct download *d, struct spwc_error *reterr_error)
{
	unsigned int parts = parts_of(d);
	int r = 0;

	if (d->part.span_count == 0 && parts > 1) {
		r = partial_split(
		    &d->part, d->file->etag, d->file->size, parts);
		if (r < 0)
			return fail(reterr_error, r, strerror(-r));
	}
	if (d->part.span_count > 0) {
		r = get_at_once(d, reterr_error);
		if (r != -ESTALE)
			return r;
		/* It is another by now: from the beginning. */
		partial_discard(&d->part);
	}
	return get_in_turn(d, reterr_error);
}

/* ---- is it what the server has? ----------------------------------------- */

/* Reads it again: it may have come in parts, or in an earlier run. */
static int hash_content(int fd, void *state, uint8_t ret_sha256[32])
{
	const struct spw_digest_algo *algo = spw_crypto_sha256();
	uint64_t at = 0;
	ssize_t n = 1;
	char *piece = malloc(PIECE_BYTES);
	if (piece == NULL)
		return -ENOMEM;

	int r = algo->begin(state);
	while (r == 0 && n > 0) {
		n = pread(fd, piece, PIECE_BYTES, (off_t)at);
		if (n < 0 && errno != EINTR)
			r = -errno;
		else if (n > 0)
			r = algo->update(state, piece, (size_t)n);
		at += n > 0 ? (uint64_t)n : 0;
		if (cli_interrupted())
			r = -ECANCELED;
	}
	if (r == 0)
		r = algo->value(state, ret_sha256);
	if (algo->end != NULL)
		algo->end(state);
	free(piece);
	return r;
}

static int digest_of(int fd, uint8_t ret_sha256[32])
{
	void *state = calloc(1, spw_crypto_sha256()->state_bytes);
	if (state == NULL)
		return -ENOMEM;

	int r = hash_content(fd, state, ret_sha256);
	free(state);
	return r;
}

static int verify(struct download *d)
{
	struct spwc_content content;
	struct spwc_error error;
	uint8_t sha256[32];

	int r =
	    spwc_digest(d->target->client, d->target->ref, &content, &error);
	if (r < 0) {
		cli_note(d->cli, "%s: not verified: %s", d->path, error.detail);
		return r == -ECANCELED ? EXIT_PARTIAL : EXIT_OK;
	}
	if (d->part.etag[0] != '\0' &&
	    strcmp(d->part.etag, content.etag) != 0) {
		cli_note(
		    d->cli, "%s: not verified: the file was replaced", d->path);
		return EXIT_OK;
	}

	r = digest_of(d->part.fd, sha256);
	if (r == -ECANCELED)
		return EXIT_PARTIAL;
	if (r < 0)
		return cli_fail_errno(d->cli, r, d->path);
	if (memcmp(sha256, content.sha256, sizeof(sha256)) != 0) {
		partial_discard(&d->part);
		cli_say(d->cli,
		    "%s: what arrived is not what the server has (by its "
		    "SHA-256); it was removed, so try again",
		    d->path);
		return EXIT_FAILED;
	}
	d->verified = true;
	return EXIT_OK;
}

/* ---- all of it ---------------------------------------------------------- */

/* What the mark says it is: its URL on the server. */
static int name_content(const struct download *d, char **ret_url)
{
	char *url = NULL;

	int r = spwc_url(d->target->client, d->target->id, &url);
	if (r < 0 || !d->is_entry) {
		*ret_url = url;
		return r;
	}
	int n = d->entry != NULL ? asprintf(ret_url, "%s/zip/%s", url, d->entry)
				 : asprintf(ret_url, "%s/zip/?index=%llu", url,
				       (unsigned long long)d->index);
	free(url);
	return n < 0 ? -ENOMEM : 0;
}

int download_open(struct download *d)
{
	char *url = NULL;

	int r = d->target != NULL ? name_content(d, &url) : 0;
	if (r == 0)
		r = partial_open(&d->part, d->path, url != NULL ? url : "",
		    d->resume && url != NULL);
	if (r == 0 && url == NULL)
		r = partial_begin(&d->part, 0, "");
	free(url);
	if (r == 0)
		return EXIT_OK;

	if (r == -EBUSY)
		cli_say(d->cli, "%s.part is being written by another spill",
		    d->path);
	else if (r == -ELOOP || r == -EPERM || r == -ENXIO)
		cli_say(d->cli,
		    "%s.part is a link or no plain file; remove it, or choose "
		    "another name with -o",
		    d->path);
	else
		cli_say(d->cli, "%s.part: %s", d->path, strerror(-r));
	partial_close(&d->part);
	return EXIT_FAILED;
}

int download_close(struct download *d, int code)
{
	char size[TEXT_NUMBER_SIZE];

	d->size = partial_there(&d->part);
	text_size(size, d->size);
	int r = code == EXIT_OK ? partial_commit(&d->part, d->force) : 0;
	if (partial_close(&d->part) && code == EXIT_PARTIAL)
		cli_remark(d->cli,
		    "%s of it are in %s.part; the same command goes on there",
		    size, d->path);
	if (r == 0)
		return code;

	cli_say(d->cli, "%s: %s; the content is in %s.part", d->path,
	    strerror(-r), d->path);
	return EXIT_FAILED;
}

/* What a failure is about; of what came from elsewhere nobody knows the id,
 * nor the name that follows from it. */
static const char *subject(const struct download *d)
{
	const struct target *t = d->target;

	return t->label != t->id ? t->label : d->path;
}

int download_run(struct download *d)
{
	struct spwc_error error = {0};

	int code = download_open(d);
	if (code != EXIT_OK)
		return code;

	d->range.size = sizeof(d->range);
	progress_start(&d->cli->progress, d->path);
	int r = get_content(d, &error);
	if (r < 0) {
		target_explain(d->target, &error);
		code = cli_fail_output(d->cli, r, &error, subject(d), d->taken);
	} else if (d->verify && !d->has_range && !d->is_entry) {
		code = verify(d);
	}
	progress_clear(&d->cli->progress);
	return download_close(d, code);
}
