/* SPDX-License-Identifier: MIT */
#include "hook/hook.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/incident.h"
#include "base/thread.h"
#include "common/backoff.h"
#include "hook/call.h"

#define PAUSE_MAX_MS (UINT64_C(3600) * 1000)
/* How long it sleeps with nothing to do. */
#define IDLE_MS 60000

struct hooks {
	CURLM *multi;
	pthread_t thread;
	bool started;

	pthread_mutex_t lock;
	bool stopping;
	unsigned fresh; /* calls that were not tried, or are being made */

	size_t count;
	struct hook items[];
};

/* ---- what happens to files ---------------------------------------------- */

static bool wants(const struct hook *h, enum store_event event)
{
	static const enum conf_event names[] = {
	    [STORE_READY] = CONF_EVENT_READY,
	    [STORE_FAILED] = CONF_EVENT_FAILED,
	    [STORE_DELETED] = CONF_EVENT_DELETED,
	};
	const struct conf_events *events = h->conf->events;

	for (size_t i = 0; i < events->count; i++) {
		if (events->items[i] == names[event])
			return true;
	}
	return false;
}

/* Files have random ids, or such as clients choose. */
static unsigned lane_of(const struct file *f)
{
	uint32_t hash = 2166136261u;

	for (const char *p = f->id; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	return hash % HOOK_LANES;
}

/* Returns: whether it was taken. */
static bool enqueue(struct hooks *hs, struct call *c, const struct file *f,
    enum store_event event)
{
	struct hook *h = c->hook;
	struct lane *lane = &h->lanes[c->lane];

	pthread_mutex_lock(&hs->lock);
	/* That it is gone is told after this one, or was told before: then
	   there is no news of it. */
	bool late = event != STORE_DELETED && atomic_load(&f->removed);
	bool room = h->queued < h->conf->max_queue && !hs->stopping;
	if (room && !late) {
		*lane->last = c;
		lane->last = &c->next;
		h->queued++;
		hs->fresh++;
	}
	pthread_mutex_unlock(&hs->lock);
	if (room && !late) {
		metrics_add(METRIC_HOOK_QUEUED, 1);
		curl_multi_wakeup(hs->multi);
		return true;
	}
	if (!late)
		incident(METRIC_HOOK_DROPPED, LOG_LEVEL_WARN,
		    "hook %s: too many calls wait; one is dropped",
		    h->conf->at.name);
	return false;
}

void hooks_tell(void *ctx, enum store_event event, struct file *f)
{
	struct hooks *hs = ctx;

	for (size_t i = 0; i < hs->count; i++) {
		if (!wants(&hs->items[i], event))
			continue;

		struct call *c = call_new(&hs->items[i], event, f);
		if (!c) {
			incident(METRIC_HOOK_DROPPED, LOG_LEVEL_WARN,
			    "hook %s: no memory for a call",
			    hs->items[i].conf->at.name);
			continue;
		}
		c->lane = lane_of(f);
		if (!enqueue(hs, c, f, event))
			call_free(c);
	}
}

/* ---- calls -------------------------------------------------------------- */

/* The call at the front of its lane is over, for good. */
static void finish(struct hooks *hs, struct call *c)
{
	struct hook *h = c->hook;
	struct lane *lane = &h->lanes[c->lane];

	pthread_mutex_lock(&hs->lock);
	lane->first = c->next;
	if (!lane->first)
		lane->last = &lane->first;
	h->queued--;
	pthread_mutex_unlock(&hs->lock);
	metrics_add(METRIC_HOOK_QUEUED, -1);
	call_free(c);
}

static void not_fresh(struct hooks *hs)
{
	pthread_mutex_lock(&hs->lock);
	hs->fresh--;
	pthread_mutex_unlock(&hs->lock);
}

static void give_up(struct hooks *hs, struct call *c)
{
	incident(METRIC_HOOK_FAILED, LOG_LEVEL_WARN,
	    "hook %s: call %s failed after %u tries: %s",
	    c->hook->conf->at.name, c->id, c->tries, c->why);
	finish(hs, c);
}

static void refuse(struct hooks *hs, struct call *c)
{
	incident(METRIC_HOOK_REFUSED, LOG_LEVEL_WARN,
	    "hook %s: call %s is not made: %s", c->hook->conf->at.name, c->id,
	    c->why);
	finish(hs, c);
}

static void try_later(struct hooks *hs, struct call *c)
{
	const struct conf_hook *conf = c->hook->conf;
	uint32_t random = 0;

	if (c->tries > conf->max_retries) {
		give_up(hs, c);
		return;
	}
	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	c->due_ms = clock_ms() + backoff_ms(c->tries, conf->retry_delay,
				     PAUSE_MAX_MS, random);
	incident(METRIC_HOOK_RETRIES, LOG_LEVEL_INFO,
	    "hook %s: call %s is tried again: %s", conf->at.name, c->id,
	    c->why);
	call_reset(c);
}

static void conclude(struct hooks *hs, struct call *c, enum call_end end)
{
	/* It may be gone afterwards. */
	struct log_request log = c->log;

	c->hook->running--;
	not_fresh(hs);
	if (log.id[0])
		log_for(&log);
	switch (end) {
	case CALL_DELIVERED:
		metrics_add(METRIC_HOOK_DELIVERED, 1);
		finish(hs, c);
		break;
	case CALL_AGAIN:
		try_later(hs, c);
		break;
	case CALL_FAILED:
		give_up(hs, c);
		break;
	case CALL_REFUSED:
		refuse(hs, c);
		break;
	}
	log_for(NULL);
}

static void begin(struct hooks *hs, struct call *c)
{
	c->hook->running++;
	if (c->tries) {
		pthread_mutex_lock(&hs->lock);
		hs->fresh++;
		pthread_mutex_unlock(&hs->lock);
	}
	if (!call_begin(c) ||
	    curl_multi_add_handle(hs->multi, c->easy) != CURLM_OK)
		conclude(hs, c, call_broken(c));
}

/*
 * The next call of a hook that may be made, lanes taking turns; NULL: none, and
 * `*due_ms` is when there is one.
 */
static struct call *next(
    struct hooks *hs, struct hook *h, uint64_t now, uint64_t *due_ms)
{
	struct call *found = NULL;

	if (h->running >= h->conf->concurrency)
		return NULL;
	pthread_mutex_lock(&hs->lock);
	for (unsigned i = 0; i < HOOK_LANES && h->queued && !found; i++) {
		struct call *c = h->lanes[(h->turn + i) % HOOK_LANES].first;

		if (!c || c->easy)
			continue;
		if (c->due_ms <= now)
			found = c;
		else if (c->due_ms < *due_ms)
			*due_ms = c->due_ms;
	}
	pthread_mutex_unlock(&hs->lock);
	if (found)
		h->turn = (found->lane + 1) % HOOK_LANES;
	return found;
}

/* Start what can be. Returns: for how long there is nothing else to. */
static int start_due(struct hooks *hs)
{
	uint64_t now = clock_ms(), due = now + IDLE_MS;
	struct call *c;

	for (size_t i = 0; i < hs->count; i++) {
		while ((c = next(hs, &hs->items[i], now, &due)))
			begin(hs, c);
	}
	return (int)(due - now);
}

static void reap(struct hooks *hs)
{
	const CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(hs->multi, &left))) {
		struct call *c = NULL;
		CURLcode code = msg->data.result;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(
		    msg->easy_handle, CURLINFO_PRIVATE, (char **)&c);
		curl_multi_remove_handle(hs->multi, c->easy);
		conclude(hs, c, call_over(c, code));
	}
}

static bool is_stopping(struct hooks *hs)
{
	pthread_mutex_lock(&hs->lock);
	bool stopping = hs->stopping;
	pthread_mutex_unlock(&hs->lock);
	return stopping;
}

static void *run(void *arg)
{
	struct hooks *hs = arg;
	int left;

	while (!is_stopping(hs)) {
		curl_multi_perform(hs->multi, &left);
		reap(hs);
		/* Last: what ends may be due again, and lets others begin. */
		curl_multi_poll(hs->multi, NULL, 0, start_due(hs), NULL);
	}
	return NULL;
}

/* ---- the service -------------------------------------------------------- */

/* Whether the guard would refuse every call, by the text of the URL alone. */
static int check_guard(const struct conf *c, const struct conf_hook *h,
    struct conf_error *reterr)
{
	struct conf_fetch rules = {
	    .allow_networks = h->allow_networks,
	    .deny_networks = c->fetch.deny_networks,
	    .ports = c->fetch.ports,
	};
	struct guard_reason why;
	struct url_parts parts;

	if (guard_url(&rules, str_from(h->url), &parts, &why) !=
	    GUARD_FORBIDDEN)
		return 0;

	conf_error_set(reterr, -EINVAL,
	    "[hook %s] url: '%.200s' is refused (%s); %s", h->at.name, h->url,
	    why.rule,
	    guard_is_denied(&why)
		? "fetch.deny_networks lists its address; take it out there, "
		  "or write another one"
		: "addresses that are not public have to be in "
		  "allow_networks of the hook");
	conf_error_at(c, &h->url, reterr);
	return -EINVAL;
}

/* Errors: as hooks_new(); `ret` holds the secret, if there is one. */
static int take(const struct conf *c, const struct conf_hook *h,
    struct sign_secret *ret, struct conf_error *reterr)
{
	struct url_parts parts;
	const char *rule;

	if (url_check(h->url, strlen(h->url), &parts, &rule) < 0) {
		conf_error_set(reterr, -EINVAL,
		    "[hook %s] url: '%.200s' is of no use: %s", h->at.name,
		    h->url, url_rule_text(rule));
		conf_error_at(c, &h->url, reterr);
		return -EINVAL;
	}
	int r = check_guard(c, h, reterr);
	if (r < 0)
		return r;

	r = h->secret[0] ? sign_read(h->secret, ret) : 0;
	if (r < 0) {
		conf_error_set(reterr, r, "[hook %s] secret: %.200s: %s",
		    h->at.name, h->secret,
		    r == -EINVAL ? "there is none in it; write whsec_ and 24 "
				   "to 64 bytes in base64"
				 : strerror(-r));
		conf_error_at(c, &h->secret, reterr);
	}
	return r;
}

int hooks_check(const struct conf *conf, struct conf_error *reterr)
{
	int r = 0;

	for (size_t i = 0; i < conf->hooks.count && r == 0; i++) {
		struct sign_secret secret;

		r = take(conf, conf->hooks.items[i], &secret, reterr);
		explicit_bzero(&secret, sizeof(secret));
	}
	return r;
}

static int init(struct hook *h, const struct conf *c, size_t i,
    struct conf_error *reterr)
{
	const struct conf_hook *conf = c->hooks.items[i];

	h->conf = conf;
	h->fetch = &c->fetch;
	h->rules.allow_networks = conf->allow_networks;
	h->rules.ca_file = c->fetch.ca_file;
	/* The URL is the operator's: any port will do. */
	struct conf_ports *any =
	    malloc(sizeof(*any) + sizeof(any->items[0]));
	if (!any)
		return -ENOMEM;
	any->count = 1;
	any->items[0] = (struct conf_port_range){1, UINT16_MAX};
	h->rules.ports = any;
	for (unsigned k = 0; k < HOOK_LANES; k++)
		h->lanes[k].last = &h->lanes[k].first;
	return take(c, conf, &h->secret, reterr);
}

int hooks_new(const struct conf *conf, struct hooks **ret,
    struct conf_error *reterr)
{
	size_t n = conf->hooks.count;

	*ret = NULL;
	if (!n)
		return 0;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;

	struct hooks *hs =
	    calloc(1, sizeof(*hs) + n * sizeof(struct hook));
	if (!hs) {
		curl_global_cleanup();
		return -ENOMEM;
	}
	pthread_mutex_init(&hs->lock, NULL);
	hs->multi = curl_multi_init();
	int r = hs->multi ? 0 : -ENOMEM;
	while (r == 0 && hs->count < n) {
		size_t i = hs->count++;

		r = init(&hs->items[i], conf, i, reterr);
	}
	if (r == 0)
		r = thread_start(&hs->thread, "hooks", run, hs);
	if (r < 0) {
		hooks_free(hs);
		return r;
	}
	hs->started = true;
	*ret = hs;
	return 0;
}

bool hooks_busy(struct hooks *hs)
{
	if (!hs)
		return false;

	pthread_mutex_lock(&hs->lock);
	bool busy = hs->fresh;
	pthread_mutex_unlock(&hs->lock);
	return busy;
}

void hooks_stop(struct hooks *hs)
{
	if (!hs || !hs->started)
		return;

	pthread_mutex_lock(&hs->lock);
	hs->stopping = true;
	unsigned lost = 0;
	for (size_t i = 0; i < hs->count; i++)
		lost += hs->items[i].queued;
	pthread_mutex_unlock(&hs->lock);
	curl_multi_wakeup(hs->multi);
	pthread_join(hs->thread, NULL);
	hs->started = false;
	if (lost)
		log_warn("%u calls of hooks were not delivered", lost);
}

static void free_calls(struct hooks *hs, struct hook *h)
{
	for (unsigned i = 0; i < HOOK_LANES; i++) {
		struct call *c;

		while ((c = h->lanes[i].first)) {
			if (c->easy)
				curl_multi_remove_handle(hs->multi, c->easy);
			finish(hs, c);
		}
	}
}

void hooks_free(struct hooks *hs)
{
	if (!hs)
		return;

	hooks_stop(hs);
	for (size_t i = 0; i < hs->count; i++) {
		free_calls(hs, &hs->items[i]);
		free(hs->items[i].rules.ports);
		explicit_bzero(
		    &hs->items[i].secret, sizeof(hs->items[i].secret));
	}
	curl_multi_cleanup(hs->multi);
	pthread_mutex_destroy(&hs->lock);
	free(hs);
	curl_global_cleanup();
}
