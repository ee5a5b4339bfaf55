/* SPDX-License-Identifier: MIT */
#include "base/troubles.h"

#include <stddef.h>

#include "base/log.h"
#include "base/metrics.h"

static const struct {
	enum metric count;
	const char *what;
} KINDS[TROUBLES_KINDS] = {
    {METRIC_ERRORS_MEMORY, "there was no memory"},
    {METRIC_ERRORS_DISK, "the disk did not work"},
    {METRIC_ERRORS_DISK_FULL, "the disk was full"},
    {METRIC_ERRORS_DESCRIPTORS, "too many files were open"},
    {METRIC_ERRORS_INTERNAL, "something failed that should not"},
};

void troubles_tell(struct troubles *t)
{
	for (size_t i = 0; i < TROUBLES_KINDS; i++) {
		int64_t now = metrics_get(KINDS[i].count);
		int64_t fresh = now - t->told[i];

		if (t->rest[i])
			t->rest[i]--;
		if (!fresh || t->rest[i])
			continue;

		log_error("%lld operations failed of late: %s",
		    (long long)fresh, KINDS[i].what);
		t->told[i] = now;
		t->rest[i] = TROUBLES_REST;
	}
}
