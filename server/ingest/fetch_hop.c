/* SPDX-License-Identifier: MIT */
/* Redirects: followed by hand, so that each hop is checked like the first. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "common/caching.h"
#include "ingest/fetch_job.h"

/* What it leads to is kept no longer than it holds. */
static void bound_life(struct fetch_transfer *t)
{
	const struct fetch_head *h = &t->head;
	struct caching said;

	caching_read(h->kept.data, h->kept.len, &said);
	uint64_t holds_s = caching_redirect_s(&said, clock_unix_ms() / 1000,
	    h->status == 301 || h->status == 308);
	if (holds_s < t->redirects_s)
		t->redirects_s = holds_s;
}

/* Take the next URL in place of the one that led to it. */
static void replace_url(
    struct fetch_transfer *t, char *url, const struct url_parts *parts)
{
	char *fragment = strchr(url, '#');

	if (fragment)
		*fragment = '\0';
	bound_life(t);
	t->strayed |= !fetch_url_same_origin(&t->job->parts, parts);
	free(t->url);
	t->url = url;
	t->parts = *parts;
	t->hops++;
	t->job->redirects++;
	metrics_add(METRIC_FETCH_REDIRECTS, 1);
}

/* Check where it leads. */
static bool check(
    struct fetch_transfer *t, const char *url, struct url_parts *ret)
{
	struct guard_reason why;

	enum guard_verdict verdict =
	    guard_url(t->job->conf, str_from(url), ret, &why);
	if (verdict != GUARD_OK)
		fetch_transfer_fail(t,
		    verdict == GUARD_FORBIDDEN ? FETCH_CAUSE_PROHIBITED
					       : FETCH_CAUSE_BAD_REDIRECT,
		    "A redirect was refused. %s", why.text);
	else if (t->parts.https && !ret->https)
		fetch_transfer_fail(t, FETCH_CAUSE_BAD_REDIRECT,
		    "A redirect was refused: it leads from https to http.");
	return t->cause == FETCH_CAUSE_NONE;
}

bool fetch_hop_follow(struct fetch_transfer *t)
{
	const struct conf_fetch *conf = t->job->conf;
	struct url_parts parts;
	char *url;

	if (!t->head.location) {
		fetch_transfer_fail(t, FETCH_CAUSE_PROTOCOL,
		    "The origin answered %d without a usable Location.",
		    t->head.status);
		return false;
	}
	if (t->hops >= conf->max_redirects) {
		fetch_transfer_fail(t, FETCH_CAUSE_REDIRECTS,
		    "The origin redirects more than %u times; the next one "
		    "was refused.",
		    conf->max_redirects);
		return false;
	}

	int e = fetch_url_resolve(t->url, str_from(t->head.location), &url);
	if (e == -ENOMEM) {
		fetch_transfer_fail_errno(t, e);
		return false;
	}
	if (e < 0) {
		fetch_transfer_fail(t, FETCH_CAUSE_BAD_REDIRECT,
		    "A redirect was refused: its Location is not a URL.");
		return false;
	}
	if (!check(t, url, &parts)) {
		free(url);
		return false;
	}
	replace_url(t, url, &parts);
	return true;
}
