/* SPDX-License-Identifier: MIT */
/* A run of a function of the embedding program, and what that calls. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "process/run.h"

struct spw_processor_in {
	struct run *run;
	char name[FILE_NAME_SIZE], type[FILE_TYPE_SIZE];
	uint64_t pos;
};

struct spw_processor_out {
	struct run *run;
	char reason[sizeof(((struct run *)NULL)->detail)];
};

/* It cannot be killed: whoever calls us is told. */
static int go_on(struct run *r)
{
	uint64_t limit = r->p->timeout_ms;

	if (limit && clock_ms() - r->begun_ms > limit)
		run_end(r, RUN_TIMED_OUT,
		    "The processor '%s' was not done after %llu ms.",
		    r->p->name, (unsigned long long)limit);
	(void)run_is_over(r);
	switch (r->end) {
	case RUN_DONE:
		return 0;
	case RUN_TIMED_OUT:
		return -ETIMEDOUT;
	case RUN_TOO_LONG:
		return -EFBIG;
	case RUN_NO_SPACE:
		return -ENOSPC;
	default:
		return -ECANCELED;
	}
}

uint64_t spw_processor_size(const struct spw_processor_in *in)
{
	return spw_spool_committed(in->run->in->spool);
}

const char *spw_processor_name(const struct spw_processor_in *in)
{
	return in->name;
}

const char *spw_processor_type(const struct spw_processor_in *in)
{
	return in->type;
}

ssize_t spw_processor_pread(
    struct spw_processor_in *in, void *buf, size_t len, uint64_t off)
{
	int r = go_on(in->run);

	return r < 0 ? r : spw_spool_pread(in->run->in->spool, buf, len, off);
}

ssize_t spw_processor_read(struct spw_processor_in *in, void *buf, size_t len)
{
	ssize_t n = spw_processor_pread(in, buf, len, in->pos);

	if (n > 0)
		in->pos += (uint64_t)n;
	return n;
}

int spw_processor_write(
    struct spw_processor_out *out, const void *data, size_t len)
{
	int r = go_on(out->run);

	if (r < 0 || run_write(out->run, data, len))
		return r;
	return go_on(out->run);
}

int spw_processor_refuse(struct spw_processor_out *out, const char *why)
{
	snprintf(out->reason, sizeof(out->reason), "%s", why);
	return -EINVAL;
}

void run_function(struct run *r)
{
	struct spw_processor_in in = {.run = r};
	struct spw_processor_out out = {.run = r};

	(void)file_name(r->in, in.name);
	(void)file_type(r->in, in.type);
	int err = go_on(r);
	if (err == 0)
		err = r->p->fn(r->p->ctx, &in, &out);
	if (err == 0)
		return;
	if (out.reason[0])
		run_end(r, RUN_FAILED, "%s", out.reason);
	else
		run_end(r, RUN_FAILED, "The processor '%s' failed: %s.",
		    r->p->name, strerror(err < 0 ? -err : err));
}
