/* SPDX-License-Identifier: MIT */
#include "process/run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "http/problem.h"
#include "process/service.h"

bool run_end(struct run *r, enum run_end end, const char *fmt, ...)
{
	va_list ap;

	/* What came of that is not the reason. */
	if (r->end != RUN_DONE)
		return false;

	r->end = end;
	va_start(ap, fmt);
	vsnprintf(r->detail, sizeof(r->detail), fmt, ap);
	va_end(ap);
	return false;
}

bool run_error(struct run *r, int err)
{
	struct http_problem p = http_problem_limited(
	    err, r->out->account, SPW_UNLIMITED);

	return run_end(r,
	    http_problem_status(&p) == 507 ? RUN_NO_SPACE : RUN_BROKEN, "%s",
	    p.detail);
}

bool run_write(struct run *r, const void *p, size_t len)
{
	uint64_t max = r->p->max_output;
	bool fits = len <= max - r->written;
	int err = fits ? file_grow(r->out, len) : -EFBIG;

	if (err == 0)
		err = spw_spool_append(r->out->spool, p, len);
	r->written += fits ? len : 0;
	if (err == -EFBIG)
		return run_end(r, RUN_TOO_LONG,
		    "The processor '%s' wrote more than the %llu bytes that "
		    "its output may have.",
		    r->p->name, (unsigned long long)max);
	return err == 0 || run_error(r, err);
}

bool run_is_over(struct run *r)
{
	if (atomic_load(&r->p->service->stopping))
		run_end(r, RUN_CANCELLED, "The server is shutting down.");
	else if (atomic_load(&r->out->removed))
		run_end(r, RUN_CANCELLED, "Nobody waits for it any more.");
	return r->end != RUN_DONE;
}
