/* SPDX-License-Identifier: MIT */
#include <spillway/client_metrics.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/promtext.h"
#include "core/error.h"
#include "core/request.h"

/* Longer than any that a spillwayd has. */
#define NAME_SIZE 512

static int tell(const struct promtext_sample *s, spwc_metric_fn fn, void *arg,
    struct spwc_error *reterr_error)
{
	char name[NAME_SIZE];
	struct spwc_metric metric = {.name = name, .value = s->value};
	const char *end = s->labels.n > 0
			      ? s->labels.p + s->labels.n + 1 /* } */
			      : s->name.p + s->name.n;
	size_t len = (size_t)(end - s->name.p);

	if (len >= sizeof(name))
		return 0;
	memcpy(name, s->name.p, len);
	name[len] = '\0';
	int r = fn(arg, &metric);
	if (r < 0)
		spwc__error_set(
		    reterr_error, r, "callback", "%s", strerror(-r));
	return r;
}

int spwc_metrics(struct spwc_client *c, spwc_metric_fn fn, void *arg,
    struct spwc_error *reterr_error)
{
	struct promtext_sample sample;
	struct spwc__request r;

	spwc__request_init(&r, c, "GET");
	spwc__request_path(&r, "/metrics");
	int err = spwc__request_perform(&r, reterr_error);
	struct str rest = {r.body.data, r.body.len};
	while (err == 0 && (err = promtext_next(&rest, &sample)) != 0) {
		if (err > 0)
			err = tell(&sample, fn, arg, reterr_error);
		else
			err = spwc__error_protocol(
			    reterr_error, "the answer holds what is no number");
		if (err != 0)
			break;
	}
	spwc__request_fini(&r);
	return err < 0 ? err : 0;
}
