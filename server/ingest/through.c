/* SPDX-License-Identifier: MIT */
#include "ingest/through.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/metrics.h"
#include "base/strbuf.h"
#include "common/urlguard.h"
#include "ingest/fetch.h"
#include "ingest/through_cache.h"
#include "ingest/through_entry.h"
#include "store/store.h"

/* What is kept here is no reason to refuse an upload: with less room than this
 * on disk, as much of it goes. */
#define HEADROOM ((uint64_t)16 * 1024 * 1024)

struct through {
	const struct conf *conf;
	struct fetcher *fetcher;
	struct store *store;
	pthread_mutex_t lock;
	struct through_cache *cache; /* under it */
};

int through_new(const struct conf *c, struct fetcher *f, struct store *st,
    struct through **ret)
{
	struct through *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;

	int r = through_cache_new(c->fetch.cache_size, &t->cache);
	if (r < 0) {
		free(t);
		return r;
	}
	t->conf = c;
	t->fetcher = f;
	t->store = st;
	pthread_mutex_init(&t->lock, NULL);
	*ret = t;
	return 0;
}

void through_free(struct through *t)
{
	if (!t)
		return;

	through_cache_free(t->cache);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static struct through_entry *settle(struct through *t, struct through_entry *e)
{
	return through_entry_settle(t->cache, &t->conf->fetch, e);
}

static void trim(struct through *t)
{
	uint64_t least_bytes =
	    store_check_space(t->store, HEADROOM) < 0 ? HEADROOM : 0;
	size_t n = through_cache_trim(t->cache, least_bytes);

	metrics_add(METRIC_CACHE_EVICTED, (int64_t)n);
	metrics_set(
	    METRIC_CACHE_ENTRIES, (int64_t)through_cache_count(t->cache));
	metrics_set(METRIC_CACHE_BYTES, (int64_t)through_cache_bytes(t->cache));
}

void through_tick(struct through *t)
{
	struct through_entry *e, *next;

	pthread_mutex_lock(&t->lock);
	for (e = through_cache_busy(t->cache, NULL); e; e = next) {
		next = through_cache_busy(t->cache, e);
		settle(t, e);
	}
	trim(t);
	pthread_mutex_unlock(&t->lock);
}

/* ---- requests ------------------------------------------------------------ */

/* What says that two URLs are the same. */
static char *key_of(const struct url_parts *p)
{
	struct strbuf b;

	strbuf_init(&b, 2 * URL_MAX_BYTES);
	strbuf_addf(&b, "%d %u ", p->https, (unsigned)p->port);
	for (size_t i = 0; i < p->host.n; i++)
		strbuf_addc(&b, ascii_lower(p->host.p[i]));
	strbuf_addc(&b, ' ');
	if (p->path_query.n == 0 || p->path_query.p[0] != '/')
		strbuf_addc(&b, '/');
	strbuf_add(&b, p->path_query.p, p->path_query.n);
	return strbuf_take(&b, NULL);
}

int through_call_new(struct through *t, struct str url,
    struct through_call **ret, struct http_problem *reterr)
{
	struct url_parts parts;
	const char *rule;

	if (url_check(url.p, url.n, &parts, &rule) < 0) {
		*reterr =
		    http_problem(PROBLEM_BAD_URL, "%s", url_rule_text(rule));
		return -EINVAL;
	}

	struct through_call *call = calloc(1, sizeof(*call));
	if (call) {
		call->through = t;
		call->url = strndup(url.p, url.n);
		call->key = key_of(&parts);
	}
	if (!call || !call->url || !call->key) {
		through_call_free(call);
		*reterr = http_problem_errno(-ENOMEM);
		return -ENOMEM;
	}
	cache_control_init(&call->asked);
	*ret = call;
	return 0;
}

void through_call_free(struct through_call *call)
{
	if (!call)
		return;

	if (call->alone && call->waits)
		atomic_store(&call->waits->removed, true);
	file_unref(call->waits);
	file_unref(call->file);
	free(call->url);
	free(call->key);
	free(call);
}

/* ---- answers ------------------------------------------------------------- */

struct answer {
	const struct through_entry *entry;
	struct file *file;
	bool fresh;	  /* nothing was asked of the origin */
	bool collapsed;	  /* it was, for another request */
	int asked_status; /* and what it answered, if not with this */
	enum metric counts;
};

static void write_status(struct through_call *call, const struct answer *a)
{
	struct strbuf b;
	uint64_t age_s = through_entry_age(a->entry);
	uint64_t life_s = a->entry->lifetime_s;

	strbuf_init_fixed(&b, call->status, sizeof(call->status));
	strbuf_adds(&b, "spillway; ");
	if (a->fresh)
		strbuf_adds(&b, "hit");
	else
		strbuf_addf(&b, "fwd=%s", call->why);
	if (a->asked_status > 0)
		strbuf_addf(&b, "; fwd-status=%d", a->asked_status);
	if (!a->fresh && !call->alone)
		strbuf_adds(&b, "; stored");
	if (a->collapsed)
		strbuf_adds(&b, "; collapsed");
	if (!call->alone)
		strbuf_addf(
		    &b, "; ttl=%" PRId64, (int64_t)life_s - (int64_t)age_s);
}

/* As the origin would have it, by what was made of that. */
static void write_control(struct through_call *call, const struct answer *a)
{
	const struct cache_control *cc = &a->entry->said.control;
	struct strbuf b;

	strbuf_init_fixed(&b, call->control, sizeof(call->control));
	if (cc->no_store && !cc->must_understand) {
		strbuf_adds(&b, "no-store");
		return;
	}
	if (cc->is_private)
		strbuf_adds(&b, "private, ");
	if (cc->no_cache)
		strbuf_adds(&b, "no-cache");
	else
		strbuf_addf(&b, "max-age=%" PRIu64, a->entry->lifetime_s);
	if (cc->must_revalidate || cc->proxy_revalidate)
		strbuf_adds(&b, ", must-revalidate");
}

static enum through_step answer(
    struct through_call *call, const struct answer *a)
{
	const char *etag = a->entry->said.etag;

	call->file = file_ref(a->file);
	call->age_s = through_entry_age(a->entry);
	/* A weak one is not of these very bytes. */
	if (etag[0] == '"')
		memcpy(call->etag, etag, sizeof(call->etag));
	write_status(call, a);
	write_control(call, a);
	metrics_add(a->counts, 1);
	return THROUGH_READY;
}

/* What is kept, without asking; or in spite of what was answered. */
static enum through_step answer_kept(struct through_call *call,
    const struct through_entry *e, enum metric counts)
{
	bool comes = file_state(e->file) == FILE_RECEIVING;
	const struct answer a = {
	    .entry = e,
	    .file = e->file,
	    .fresh = !comes,
	    .collapsed = comes,
	    .counts = comes ? METRIC_CACHE_COLLAPSED : counts,
	};

	call->why = "uri-miss";
	return answer(call, &a);
}

/* What came for this request, and is for no other. */
static enum through_step answer_alone(struct through_call *call)
{
	struct through_entry e = {0};
	struct file_origin *o = file_origin(call->waits);
	const struct answer a = {
	    .entry = &e,
	    .file = call->waits,
	    .counts = METRIC_CACHE_MISSES,
	};

	call->alone = true;
	if (o)
		through_entry_read(&e, o);
	free(o);
	return answer(call, &a);
}

/* ---- asking origins ------------------------------------------------------ */

/* May what is kept be given out although the origin failed? */
static bool replaces_failure(
    const struct through_call *call, const struct through_entry *e)
{
	return !call->asked.no_cache &&
	       through_entry_covers(e, &call->through->conf->fetch);
}

/* Begin to fetch, if there is something kept on the condition that it has
 * changed. */
static int start(const struct through_call *call, struct through_entry *e,
    struct file **ret, struct http_problem *reterr)
{
	struct through *t = call->through;
	const struct fetch_unless unless = {
	    .url = e ? e->url : NULL,
	    .etag = e ? e->said.etag : "",
	    .modified = e ? e->said.modified : "",
	};
	const struct fetch_request r = {
	    .url = call->url,
	    .url_len = strlen(call->url),
	    .owner = {.share = call->share},
	    .log = call->log,
	    .apart = true,
	    .once = through_entry_covers(e, &t->conf->fetch),
	    .unless = e && e->file && (*unless.etag || *unless.modified)
			  ? &unless
			  : NULL,
	};

	return fetch_start(t->fetcher, &r, ret, reterr);
}

/* Have the request wait for what it starts, or for what is started. */
static enum through_step wait_for(struct through_call *call,
    struct through_entry *e, struct http_problem *reterr)
{
	call->led = !e || !e->coming;
	if (!call->led) {
		call->waits = file_ref(e->coming);
		return THROUGH_WAIT;
	}
	if (start(call, e, &call->waits, reterr) < 0) {
		return replaces_failure(call, e)
			   ? answer_kept(call, e, METRIC_CACHE_STALE)
			   : THROUGH_REFUSED;
	}
	if (e)
		e->coming = file_ref(call->waits);
	return THROUGH_WAIT;
}

/* There is nothing that it could get at once. */
static enum through_step ask_origin(struct through_call *call,
    struct through_entry *e, struct http_problem *reterr)
{
	struct through *t = call->through;

	if (call->asked.only_if_cached) {
		*reterr = http_problem(PROBLEM_NOT_CACHED,
		    "The content is not at hand, and only-if-cached says "
		    "not to ask the origin.");
		return THROUGH_REFUSED;
	}
	call->alone |= call->asked.no_store && !e;
	if (!call->alone && !e) {
		e = through_cache_add(t->cache, call->key);
		if (!e) {
			*reterr = http_problem_errno(-ENOMEM);
			return THROUGH_REFUSED;
		}
	}
	enum through_step step = wait_for(call, e, reterr);
	if (e)
		settle(t, e);
	return step;
}

/* Ask whether it has changed while what is kept goes out. */
static void ask_meanwhile(
    struct through *t, struct through_entry *e, const struct through_call *call)
{
	struct http_problem problem;

	if (!e->coming && clock_ms() >= e->paused_ms &&
	    start(call, e, &e->coming, &problem) == 0)
		settle(t, e);
}

static enum caching_use use_of(
    const struct through_call *call, const struct through_entry *e)
{
	uint64_t age_s = through_entry_age(e);

	enum caching_use use =
	    caching_use(&e->said, e->lifetime_s, age_s, &call->asked);
	if (use != CACHING_VALIDATE || call->asked.no_cache ||
	    call->asked.max_age == 0)
		return use;
	/* What still comes was asked for just now. */
	if (file_state(e->file) == FILE_RECEIVING &&
	    caching_usable_on_error(
		&e->said, e->lifetime_s, age_s, CACHING_MAX_S))
		return CACHING_FRESH;
	return clock_ms() < e->paused_ms && replaces_failure(call, e)
		   ? CACHING_STALE
		   : CACHING_VALIDATE;
}

static enum through_step begin(
    struct through_call *call, struct http_problem *reterr)
{
	struct through *t = call->through;
	struct through_entry *e =
	    call->alone ? NULL : through_cache_find(t->cache, call->key);

	if (e)
		e = settle(t, e);
	call->why = "uri-miss";
	if (!e || !e->file)
		return ask_origin(call, e, reterr);

	switch (use_of(call, e)) {
	case CACHING_FRESH:
		return answer_kept(call, e, METRIC_CACHE_HITS);
	case CACHING_MEANWHILE:
		ask_meanwhile(t, e, call);
		return answer_kept(call, e, METRIC_CACHE_STALE);
	case CACHING_STALE:
		return answer_kept(call, e, METRIC_CACHE_STALE);
	case CACHING_VALIDATE:
		break;
	}
	call->why = e->lifetime_s > through_entry_age(e) ? "request" : "stale";
	return ask_origin(call, e, reterr);
}

/* What it waited for has failed, or was not needed. */
static enum through_step after_failure(struct through_call *call,
    const struct through_entry *e, struct http_problem *reterr)
{
	struct failure err;
	bool told = file_error(call->waits, &err);

	if (told && err.status == 304 && (!e || !e->file)) {
		/* What it was about has gone meanwhile. */
		file_unref(SPW_TAKE(call->waits));
		return begin(call, reterr);
	}
	bool unchanged = told && err.status == 304;
	if (!unchanged && !replaces_failure(call, e)) {
		metrics_add(METRIC_CACHE_FAILED, 1);
		return THROUGH_REFUSED;
	}

	const struct answer a = {
	    .entry = e,
	    .file = e->file,
	    .asked_status = told ? err.answered : 0,
	    .collapsed = !call->led,
	    .counts = unchanged ? METRIC_CACHE_VALIDATED : METRIC_CACHE_STALE,
	};
	return answer(call, &a);
}

static enum through_step go_on(
    struct through_call *call, struct http_problem *reterr)
{
	struct through *t = call->through;
	bool described = atomic_load(&call->waits->described);

	if (!described && file_state(call->waits) == FILE_RECEIVING)
		return THROUGH_WAIT;

	struct through_entry *e =
	    call->alone ? NULL : through_cache_find(t->cache, call->key);
	if (e)
		e = settle(t, e);
	if (!described)
		return after_failure(call, e, reterr);
	if (e && e->file == call->waits) {
		const struct answer a = {
		    .entry = e,
		    .file = e->file,
		    .collapsed = !call->led,
		    .counts = call->led ? METRIC_CACHE_MISSES
					: METRIC_CACHE_COLLAPSED,
		};
		return answer(call, &a);
	}
	if (call->led)
		return answer_alone(call);

	/* It is not for sharing: who waited along asks himself. */
	file_unref(SPW_TAKE(call->waits));
	call->alone = true;
	return begin(call, reterr);
}

enum through_step through_ask(
    struct through_call *call, struct http_problem *reterr)
{
	struct through *t = call->through;

	pthread_mutex_lock(&t->lock);
	enum through_step step =
	    call->waits ? go_on(call, reterr) : begin(call, reterr);
	pthread_mutex_unlock(&t->lock);
	return step;
}
