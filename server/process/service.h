/* SPDX-License-Identifier: MIT */
/* What process.c and the runs share of the service. */
#ifndef PROCESS_SERVICE_H
#define PROCESS_SERVICE_H

#include "process/process.h"

struct process {
	const struct conf *conf;
	struct store *store;
	struct zygote *zygote;
	_Atomic bool stopping;
	_Atomic bool gone; /* nothing starts programs any more */
	size_t count;
	struct processor **items;
};

#endif
