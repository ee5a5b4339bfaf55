/* SPDX-License-Identifier: MIT */
/*
 * GET /files/{id}/info, which can wait for the file to be complete and for
 * its digests; and a GET of the file itself that wants one.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/clients.h"
#include "base/clock.h"
#include "front/front.h"
#include "http/document.h"
#include "ingest/integrity.h"
#include "store/descriptor.h"
#include "store/hasher.h"

#define WAIT_MAX_S 60

typedef void answer_fn(struct http_request *req, struct file *file);

/* Who waits for a file, first for its state, then for its digests. */
struct info_wait {
	struct file_watch state;
	struct hash_watch hash;
	struct http_waker *waker;
	struct front *front;
	struct file *file;
	answer_fn *answer;
	bool needed;	   /* without the digests there is no answer */
	unsigned algs;	   /* 0: none are wanted */
	uint64_t until_ms; /* 0: as long as it takes */
	bool hashing;
	_Atomic bool hashed;
};

static void reply_descriptor(struct http_request *req, struct file *file)
{
	struct strbuf out;
	struct json j;

	strbuf_init(&out, DESCRIPTOR_MAX);
	json_init(&j, &out);
	descriptor_write_placed(&j, file);
	strbuf_addc(&out, '\n');
	struct http_reply r;
	if (!http_document(req, 200, &out, &r))
		return;

	http_reply_header(&r, "Content-Type", "application/json");
	http_reply_header(&r, "Cache-Control", "no-store");
	http_reply(req, &r);
}

static void state_changed(struct file_watch *w)
{
	struct info_wait *iw =
	    (struct info_wait *)(void *)((char *)w -
					 offsetof(struct info_wait, state));

	http_waker_wake(iw->waker);
}

static void hash_done(struct hash_watch *w)
{
	struct info_wait *iw =
	    (struct info_wait *)(void *)((char *)w -
					 offsetof(struct info_wait, hash));

	atomic_store(&iw->hashed, true);
	http_waker_wake(iw->waker);
}

static void refuse(struct http_request *req, int err)
{
	if (err == -EUSERS)
		http_reply_error(req, PROBLEM_TOO_MANY_REQUESTS,
		    "This client has %u digests computed, as many as it may "
		    "(three quarters of store.max_digest_jobs); try again "
		    "when one has ended.",
		    clients_part(http_conf(req)->store.max_digest_jobs));
	else if (err == -EBUSY)
		http_reply_error(req, PROBLEM_UNAVAILABLE,
		    "Too many digests are being computed; try again in a "
		    "moment.");
	else if (err == -ECANCELED)
		http_reply_error(
		    req, PROBLEM_DRAINING, PROBLEM_DRAINING_TEXT);
	else {
		struct http_problem p = http_problem_errno(err);
		http_reply_problem(req, &p);
	}
}

/* Answer, with or without what was waited for. */
static void answer(struct http_request *req, struct info_wait *iw, int err)
{
	if (err < 0 && err != -EAGAIN && iw->needed)
		refuse(req, err);
	else
		iw->answer(req, iw->file);
}

/* It is complete, or time is up. */
static void ask(struct http_request *req, struct info_wait *iw)
{
	int r = iw->algs ? hasher_ask(iw->front->hasher, iw->file, iw->algs,
			       http_client_share(req), &iw->hash)
			 : 1;

	if (r)
		answer(req, iw, r);
	else
		iw->hashing = true;
}

static void look(struct http_request *req, void *ctx)
{
	struct info_wait *iw = ctx;
	/* A server that stops does not wait for others either. */
	bool late = http_peer_gone(req) ||
		    (iw->until_ms && (http_draining(req) ||
					 clock_ms() >= iw->until_ms));

	if (iw->hashing) {
		if (atomic_load(&iw->hashed))
			answer(req, iw, iw->hash.error);
		else if (late)
			answer(req, iw, 0);
		return;
	}
	if (late)
		answer(req, iw, 0);
	else if (file_state(iw->file) != FILE_RECEIVING)
		ask(req, iw);
}

static void drop(struct http_request *req, void *ctx)
{
	struct info_wait *iw = ctx;

	(void)req;
	file_unwatch(iw->file, &iw->state);
	if (iw->hashing)
		hasher_forget(iw->front->hasher, &iw->hash);
	http_waker_unref(iw->waker);
	file_unref(iw->file);
	free(iw);
}

/* Returns: false without memory, and nothing has happened. */
static bool wait_for(
    struct http_request *req, const struct info_wait *what, uint64_t wait_s)
{
	static const struct http_waiter ops = {
	    .woken = look, .free = drop};
	struct info_wait *iw = malloc(sizeof(*iw));

	if (!iw)
		return false;

	*iw = *what;
	iw->waker = http_waker_get(req);
	if (!iw->waker) {
		free(iw);
		return false;
	}
	iw->state.fn = state_changed;
	iw->hash.fn = hash_done;
	iw->file = file_ref(what->file);
	http_wait(req, &ops, iw);
	if (wait_s) {
		iw->until_ms = clock_ms() + wait_s * 1000;
		http_deadline(req, iw->until_ms);
	}
	if (file_watch(iw->file, &iw->state))
		http_waker_wake(iw->waker);
	return true;
}

/* Returns: the algorithms of `algs` that are not known of a ready file. */
static unsigned missing(struct file *file, unsigned algs)
{
	struct digest_set known;

	if (!algs || file_state(file) != FILE_READY)
		return 0;
	return algs & ~file_digests(file, &known);
}

static bool parse_wait(struct http_request *req, uint64_t *ret)
{
	char text[32];
	size_t len;

	*ret = 0;
	if (!http_query_get(req, "wait", text, sizeof(text), &len))
		return true;
	if (len >= sizeof(text) || str_u64((struct str){text, len}, ret) < 0) {
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    "The parameter wait is not a whole number of seconds.");
		return false;
	}
	if (*ret > WAIT_MAX_S)
		*ret = WAIT_MAX_S;
	return true;
}

void files_info(struct http_request *req, struct front *f, struct file *file)
{
	struct info_wait iw = {
	    .front = f,
	    .file = file,
	    .answer = reply_descriptor,
	    .needed = true,
	};
	uint64_t wait_s;

	if (!parse_wait(req, &wait_s) || !integrity_asked(req, &iw.algs))
		return;

	bool receiving = file_state(file) == FILE_RECEIVING;
	if ((!wait_s || !receiving) && !missing(file, iw.algs))
		reply_descriptor(req, file);
	else if (!wait_for(req, &iw, wait_s))
		refuse(req, -ENOMEM);
}

bool files_digest_first(struct http_request *req, struct front *f,
    struct file *file, unsigned algs,
    void (*answer_with)(struct http_request *req, struct file *file))
{
	struct info_wait iw = {
	    .front = f,
	    .file = file,
	    .answer = answer_with,
	    .algs = algs,
	};

	return missing(file, algs) && wait_for(req, &iw, 0);
}
