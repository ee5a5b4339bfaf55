/* SPDX-License-Identifier: MIT */
/* Redirects: followed by hand, so that each hop is checked like the first. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "ingest/fetch_job.h"

/* Take the next URL in place of the one that led to it. */
static void replace_url(
    struct fetch_transfer *t, char *url, const struct url_parts *parts)
{
	char *fragment = strchr(url, '#');

	if (fragment)
		*fragment = '\0';
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
	char why[FETCH_URL_TEXT_SIZE];

	enum fetch_url_verdict verdict =
	    fetch_url_check(t->job->conf, str_from(url), ret, why);
	if (verdict != FETCH_URL_OK)
		fetch_transfer_fail(t,
		    verdict == FETCH_URL_FORBIDDEN ? FETCH_CAUSE_PROHIBITED
						   : FETCH_CAUSE_BAD_REDIRECT,
		    "A redirect was refused. %s", why);
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
