/* SPDX-License-Identifier: MIT */
#include "ingest/fetch_alarm.h"

#include "http/http.h"
#include "ingest/fetch_loop.h"

void fetch_alarm_set(struct fetcher *f, struct fetch_alarm *a)
{
	pthread_mutex_lock(&f->lock);
	a->set = true;
	a->prev = NULL;
	a->next = f->alarms;
	if (a->next)
		a->next->prev = a;
	f->alarms = a;
	bool first = a->next == NULL;
	pthread_mutex_unlock(&f->lock);
	if (first)
		curl_multi_wakeup(f->multi);
}

/* Locked. */
static void alarm_unlink(struct fetcher *f, struct fetch_alarm *a)
{
	if (a->prev)
		a->prev->next = a->next;
	else
		f->alarms = a->next;
	if (a->next)
		a->next->prev = a->prev;
	a->set = false;
}

void fetch_alarm_clear(struct fetcher *f, struct fetch_alarm *a)
{
	pthread_mutex_lock(&f->lock);
	if (a->set)
		alarm_unlink(f, a);
	pthread_mutex_unlock(&f->lock);
}

void fetch_alarm_ring(struct fetcher *f, uint64_t now_ms)
{
	struct fetch_alarm *a, *next;

	pthread_mutex_lock(&f->lock);
	for (a = f->alarms; a; a = next) {
		next = a->next;
		if (now_ms < a->deadline_ms && !f->stopping)
			continue;
		alarm_unlink(f, a);
		http_waker_wake(a->waker);
	}
	pthread_mutex_unlock(&f->lock);
}

void fetch_alarm_ring_file(struct fetcher *f, const struct file *file)
{
	pthread_mutex_lock(&f->lock);
	for (const struct fetch_alarm *a = f->alarms; a; a = a->next)
		if (a->file == file)
			http_waker_wake(a->waker);
	pthread_mutex_unlock(&f->lock);
}
