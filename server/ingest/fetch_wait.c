/* SPDX-License-Identifier: MIT */
#include "ingest/fetch_wait.h"

#include <stddef.h>

#include "http/http.h"

/* Under the file's lock. */
static void on_state(struct file_watch *w)
{
	struct fetch_wait *wait =
	    (struct fetch_wait *)(void *)((char *)w -
					  offsetof(struct fetch_wait, watch));

	http_waker_wake(wait->waker);
}

bool fetch_wait_begin(struct fetch_wait *w, struct http_request *req,
    struct fetcher *f, struct file *file, uint64_t deadline_ms)
{
	struct http_waker *waker = http_waker_get(req);
	if (!waker)
		return false;

	*w = (struct fetch_wait){
	    .fetcher = f,
	    .req = req,
	    .file = file_ref(file),
	    .waker = waker,
	    .alarm = {.waker = waker, .file = file, .deadline_ms = deadline_ms},
	    .watch = {.fn = on_state},
	};
	http_waits_for(req, HTTP_WAIT_ORIGIN);
	bool over = file_watch(file, &w->watch) != 0;
	fetch_alarm_set(f, &w->alarm);
	/* What it waits for may have come before it did. */
	if (over || atomic_load(&file->described))
		http_waker_wake(waker);
	return true;
}

void fetch_wait_end(struct fetch_wait *w)
{
	if (!w->waker)
		return;

	http_waits_for(w->req, HTTP_WAIT_OTHER);
	file_unwatch(w->file, &w->watch);
	fetch_alarm_clear(w->fetcher, &w->alarm);
	http_waker_unref(w->waker);
	file_unref(w->file);
	*w = (struct fetch_wait){0};
}
