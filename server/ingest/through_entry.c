/* SPDX-License-Identifier: MIT */
#include "ingest/through_entry.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* An origin that failed is left alone for so long, if there is something to
 * give out meanwhile. */
#define PAUSE_MS 5000

static int64_t now_s(void)
{
	return clock_unix_ms() / 1000;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* When it was said, and so how long it holds. */
static void take_times(struct through_entry *e, const struct file_origin *o)
{
	e->asked_s = o->asked_ms / 1000;
	e->received_s = o->received_ms / 1000;
	e->lifetime_s = caching_lifetime_s(&e->said, e->received_s);
	if (o->redirects_s != UINT64_MAX)
		e->lifetime_s =
		    least(e->lifetime_s, caching_age_s(&e->said, e->asked_s,
					     e->received_s, e->received_s) +
					     o->redirects_s);
}

void through_entry_read(struct through_entry *e, const struct file_origin *o)
{
	caching_read(o->fields, o->len, &e->said);
	take_times(e, o);
}

uint64_t through_entry_age(const struct through_entry *e)
{
	return caching_age_s(&e->said, e->asked_s, e->received_s, now_s());
}

bool through_entry_covers(
    const struct through_entry *e, const struct conf_fetch *conf)
{
	return e && e->file &&
	       caching_usable_on_error(&e->said, e->lifetime_s,
		   through_entry_age(e), conf->cache_stale / 1000);
}

/* It is known what comes: from now on that is what there is. */
static void adopt(struct through_entry *e)
{
	struct file *file = SPW_TAKE(e->coming);
	struct file_origin *o = file_origin(file);

	through_entry_forget(e);
	e->file = file;
	if (o)
		through_entry_read(e, o);
	free(e->url);
	e->url = o ? strdup(o->url) : NULL;
	if (!e->url || !caching_storable(&e->said))
		through_entry_forget(e);
	free(o);
}

/* What is kept is still what the origin has. */
static void freshen(struct through_entry *e, struct file *unchanged)
{
	struct file_origin *o = file_origin(unchanged);
	struct caching newer;

	if (o)
		caching_read(o->fields, o->len, &newer);
	if (o && caching_freshen(&e->said, &newer) &&
	    caching_storable(&e->said))
		take_times(e, o);
	else
		through_entry_forget(e);
	free(o);
}

/* Does an origin that answers so have it no more? */
static bool is_gone(const struct failure *err)
{
	return err->status == 403 ||
	       (err->answered >= 400 && err->answered < 500 &&
		   err->answered != 408 && err->answered != 429);
}

/* What was to come has failed, or need not come. */
static void reject(struct through_entry *e, const struct conf_fetch *conf)
{
	struct file *file = SPW_TAKE(e->coming);
	struct failure err;

	if (!file_error(file, &err) || (e->file && is_gone(&err)))
		through_entry_forget(e);
	else if (e->file && err.status == 304)
		freshen(e, file);
	else if (through_entry_covers(e, conf))
		e->paused_ms = clock_ms() + PAUSE_MS;
	file_unref(file);
}

static uint64_t bytes_of(const struct through_entry *e)
{
	uint64_t said = strlen(e->key) + (e->url ? strlen(e->url) : 0);

	if (!e->file)
		return said;
	uint64_t size = atomic_load(&e->file->size);
	if (size == FILE_SIZE_UNKNOWN)
		size = spw_spool_committed(e->file->spool);
	return size + atomic_load(&e->file->texts) + said;
}

struct through_entry *through_entry_settle(struct through_cache *c,
    const struct conf_fetch *conf, struct through_entry *e)
{
	if (e->coming && atomic_load(&e->coming->described))
		adopt(e);
	else if (e->coming && file_state(e->coming) == FILE_FAILED)
		reject(e, conf);
	if (e->file && file_state(e->file) == FILE_FAILED)
		through_entry_forget(e);
	if (!e->file && !e->coming) {
		through_cache_drop(c, e);
		return NULL;
	}

	bool busy = e->coming || file_state(e->file) == FILE_RECEIVING;
	return through_cache_settle(c, e, bytes_of(e), busy) ? e : NULL;
}
