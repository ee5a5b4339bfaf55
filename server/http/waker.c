/* SPDX-License-Identifier: MIT */
/* Reaching a request from other threads. */
#include <stdlib.h>

#include "http/loop.h"

struct http_waker *http_waker_get(struct http_request *req)
{
	if (req->waker)
		return http_waker_ref(req->waker);

	struct http_waker *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;

	/* One for the request, one for the caller. */
	atomic_store(&w->refs, 2);
	w->loop = req->loop;
	w->req = req;
	req->waker = w;
	return w;
}

struct http_waker *http_waker_ref(struct http_waker *w)
{
	atomic_fetch_add_explicit(&w->refs, 1, memory_order_relaxed);
	return w;
}

void http_waker_unref(struct http_waker *w)
{
	if (w &&
	    atomic_fetch_sub_explicit(&w->refs, 1, memory_order_acq_rel) == 1)
		free(w);
}

void http_waker_cut(struct http_waker *w)
{
	atomic_store(&w->cut, true);
	http_waker_wake(w);
}

void http_waker_wake(struct http_waker *w)
{
	struct http_loop *l = w->loop;

	if (atomic_exchange(&w->queued, true))
		return;

	http_waker_ref(w);
	w->next = NULL;
	pthread_mutex_lock(&l->inbox_lock);
	*l->wakers_end = w;
	l->wakers_end = &w->next;
	pthread_mutex_unlock(&l->inbox_lock);
	http_loop_signal(l);
}
