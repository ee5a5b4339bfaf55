/* SPDX-License-Identifier: MIT */
#include "descriptors.h"

#include <limits.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/metrics.h"

/* A part of them, and at least one. */
static unsigned part(unsigned divisor)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) < 0 || rl.rlim_cur > UINT_MAX)
		return UINT_MAX;
	return rl.rlim_cur < divisor ? 1 : (unsigned)(rl.rlim_cur / divisor);
}

unsigned descriptors_for_files(const struct conf *c)
{
	struct rlimit rl;
	rlim_t want = c->server.max_connections;

	if (getrlimit(RLIMIT_NOFILE, &rl) < 0)
		return c->store.max_open_files;
	if (c->store.durability != CONF_DURABILITY_NONE)
		want += c->store.max_open_files;
	if (rl.rlim_cur < want)
		log_warn("%llu descriptors (ulimit -n, LimitNOFILE=) are few "
			 "for server.max_connections and "
			 "store.max_open_files: who needs one more is told "
			 "to try again",
		    (unsigned long long)rl.rlim_cur);
	return part(2) < c->store.max_open_files ? part(2)
						 : c->store.max_open_files;
}

unsigned descriptors_for_client(void)
{
	return part(8);
}

unsigned descriptors_for_uploads(void)
{
	return part(4);
}

bool descriptors_short(int64_t *known)
{
	int64_t before = *known;

	*known = metrics_get(METRIC_ERRORS_DESCRIPTORS) +
		 metrics_get(METRIC_CONNECTIONS_REJECTED_FDS);
	return *known != before;
}
