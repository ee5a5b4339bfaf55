/* SPDX-License-Identifier: MIT */
#include "deliver/events.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "http/problem.h"

#define EVENTS_MAGIC 0xe7e275u
#define TEXT_SIZE 256
/* Browsers come back after this, when a connection broke. */
#define RETRY_MS 2000
#define RATE_FIRST_MS 100

struct events {
	uint32_t magic;
	struct http_request *req; /* lives as long as read() is called */
	struct http_waker *waker;
	struct file *file;
	struct spw_watch bytes; /* more has come */
	struct file_watch news; /* the state changed */

	bool begun, ended;
	bool leaving; /* the server stops: what is there now is told last */
	uint64_t told;	  /* bytes, in the last event */
	uint64_t told_ms; /* when that was */
	uint64_t sent_ms; /* when anything went out */
	/* The rate since `since_ms`, when `since` bytes were there. */
	uint64_t rate, since, since_ms;

	/* What is still to be sent of an event. */
	size_t len, taken;
	char text[TEXT_SIZE];
};

static void bytes_came(struct spw_watch *w)
{
	struct events *ev =
	    (struct events *)(void *)((char *)w -
				      offsetof(struct events, bytes));

	http_waker_wake(ev->waker);
}

static void state_changed(struct file_watch *w)
{
	struct events *ev =
	    (struct events *)(void *)((char *)w -
				      offsetof(struct events, news));

	http_waker_wake(ev->waker);
}

/* How much is there: not always from the beginning on without a gap. */
static uint64_t received(struct file *f)
{
	struct spw_spool_info info;

	spw_spool_info(f->spool, &info);
	return info.present;
}

static struct events *new_events(struct http_request *req, struct file *f)
{
	struct events *ev = calloc(1, sizeof(*ev));
	if (!ev)
		return NULL;

	ev->waker = http_waker_get(req);
	if (!ev->waker) {
		free(ev);
		return NULL;
	}
	ev->magic = EVENTS_MAGIC;
	ev->req = req;
	ev->file = file_ref(f);
	ev->bytes.fn = bytes_came;
	ev->news.fn = state_changed;
	ev->since = received(f);
	ev->since_ms = clock_ms();
	metrics_add(METRIC_EVENT_STREAMS, 1);
	return ev;
}

static void unwatch(struct events *ev)
{
	spw_spool_unwatch(ev->file->spool, &ev->bytes);
	file_unwatch(ev->file, &ev->news);
}

static void free_events(void *ctx)
{
	struct events *ev = ctx;

	assert(ev->magic == EVENTS_MAGIC);
	unwatch(ev);
	http_waker_unref(ev->waker);
	file_unref(ev->file);
	metrics_add(METRIC_EVENT_STREAMS, -1);
	ev->magic = 0;
	free(ev);
}

/* The word for how it ended; NULL while more may come. */
static const char *end_of(struct file *f)
{
	switch (file_state(f)) {
	case FILE_READY:
		return "ready";
	case FILE_FAILED:
		return "failed";
	default:
		return atomic_load(&f->removed) ? "deleted" : NULL;
	}
}

/* From how many bytes on there is something to tell at once. */
static uint64_t next_step(const struct events *ev)
{
	uint64_t size = atomic_load(&ev->file->size);
	uint64_t step =
	    (size == FILE_SIZE_UNKNOWN ? ev->told : size) / EVENTS_STEPS;

	return ev->told + (step > EVENTS_STEP_BYTES ? step : EVENTS_STEP_BYTES);
}

/* Take the rate anew when the last one is of a while ago, or none. */
static void measure(struct events *ev, uint64_t have, uint64_t now_ms)
{
	uint64_t took = now_ms - ev->since_ms;

	if (took < (ev->rate ? EVENTS_PAUSE_MS : RATE_FIRST_MS))
		return;
	ev->rate = (have - ev->since) * 1000 / took;
	ev->since = have;
	ev->since_ms = now_ms;
}

static void tell(
    struct events *ev, const char *end, uint64_t have, uint64_t now_ms)
{
	uint64_t size = atomic_load(&ev->file->size);
	struct strbuf out;

	strbuf_init_fixed(&out, ev->text, sizeof(ev->text));
	if (!ev->begun)
		strbuf_addf(&out, "retry: %d\n", RETRY_MS);
	if (end)
		strbuf_adds(&out, "event: end\nid: end\n");
	else
		strbuf_addf(&out, "event: progress\nid: %" PRIu64 "\n", have);
	strbuf_addf(&out, "data: {\"state\":\"%s\",\"received\":%" PRIu64,
	    end ? end : "receiving", have);
	if (size == FILE_SIZE_UNKNOWN)
		strbuf_adds(&out, ",\"size\":null");
	else
		strbuf_addf(&out, ",\"size\":%" PRIu64, size);
	strbuf_addf(&out, ",\"rate\":%" PRIu64 "}\n\n", ev->rate);
	assert(!out.failed);
	ev->len = out.len;
	ev->taken = 0;
	ev->begun = true;
	ev->ended = end;
	ev->told = have;
	ev->told_ms = ev->sent_ms = now_ms;
}

static void beat(struct events *ev, uint64_t now_ms)
{
	static const char text[] = ":\n\n";

	ev->len = sizeof(text) - 1;
	memcpy(ev->text, text, ev->len);
	ev->taken = 0;
	ev->sent_ms = now_ms;
}

/* Write what there is to say; `*ret_due_ms` is when there may be more. */
static void look(struct events *ev, uint64_t *ret_due_ms)
{
	uint64_t now = clock_ms();
	const char *end = end_of(ev->file);
	uint64_t have = received(ev->file);
	/* Something went on since the last event, if only the pause in it. */
	bool news = have != ev->told || ev->rate > 0;

	measure(ev, have, now);
	*ret_due_ms = ev->sent_ms + EVENTS_HEARTBEAT_MS;
	/* Nobody tells of bytes that come elsewhere. */
	if (atomic_load(&ev->file->fixed))
		*ret_due_ms = now + EVENTS_PAUSE_MS;
	if (!ev->begun || end || have >= next_step(ev) ||
	    (ev->leaving && have != ev->told) ||
	    (news && now - ev->told_ms >= EVENTS_PAUSE_MS))
		tell(ev, end, have, now);
	else if (now - ev->sent_ms >= EVENTS_HEARTBEAT_MS)
		beat(ev, now);
	else if (news)
		*ret_due_ms = ev->told_ms + EVENTS_PAUSE_MS;
}

/* Where the next byte is waited for: the first one after a silence is news,
 * then a step is. Where bytes come in any order, the first that is missing
 * has to do. */
static uint64_t place(const struct events *ev)
{
	struct spw_spool *s = ev->file->spool;
	uint64_t have = spw_spool_committed(s);

	if (atomic_load(&ev->file->fixed))
		return have;
	return have == ev->told ? have : next_step(ev) - 1;
}

/* Returns: false when something happened meanwhile. */
static bool watch(struct events *ev)
{
	struct spw_spool *s = ev->file->spool;
	uint64_t off = place(ev);

	if (file_watch(ev->file, &ev->news))
		return false;
	/* Once the spool is closed the file's state is what counts. */
	return spw_spool_watch(s, &ev->bytes, off) == 0 ||
	       spw_spool_state(s) != SPW_STATE_OPEN;
}

static ssize_t read_events(void *ctx, uint64_t pos, char *buf, size_t max)
{
	struct events *ev = ctx;
	uint64_t due_ms = 0;

	(void)pos;
	assert(ev->magic == EVENTS_MAGIC);
	unwatch(ev);
	for (;;) {
		if (ev->taken < ev->len) {
			size_t n = ev->len - ev->taken;
			if (n > max)
				n = max;
			memcpy(buf, ev->text + ev->taken, n);
			ev->taken += n;
			return (ssize_t)n;
		}
		/* Who listens comes back by itself, to the next server. */
		if (ev->ended || ev->leaving)
			return HTTP_READ_END;

		ev->leaving = http_draining(ev->req);
		look(ev, &due_ms);
		if (ev->taken < ev->len || ev->leaving)
			continue;
		if (watch(ev)) {
			http_deadline(ev->req, due_ms);
			return HTTP_READ_WAIT;
		}
		unwatch(ev);
	}
}

void events_reply(struct http_request *req, struct file *f)
{
	static const struct http_stream ops = {
	    .read = read_events, .free = free_events};
	struct http_reply r = {.status = 200};

	if (str_eq(http_header(req, "Last-Event-ID"), "end") && end_of(f)) {
		r = http_reply_empty(204);
	} else {
		struct events *ev = new_events(req, f);
		if (ev)
			r = http_reply_stream(
			    req, 200, HTTP_LENGTH_UNKNOWN, &ops, ev);
		http_reply_header(&r, "Content-Type", "text/event-stream");
		/* nginx keeps back what it proxies unless told. */
		http_reply_header(&r, "X-Accel-Buffering", "no");
	}
	http_reply_header(&r, "Cache-Control", "no-store");
	http_reply(req, &r);
}
