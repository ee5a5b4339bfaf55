/* SPDX-License-Identifier: MIT */
/*
 * What all requests for archives share: limits, the policy, threads, memory,
 * and how faults are told.
 *
 * Threads: any; replies as http.h.
 */
#ifndef DELIVER_ZIP_SERVICE_H
#define DELIVER_ZIP_SERVICE_H

#include <stdatomic.h>

#include "base/allowance.h"
#include "base/clients.h"
#include "deliver/zip.h"
#include "deliver/zip_cache.h"
#include "deliver/zip_dir.h"
#include "http/problem.h"

struct zip_service {
	struct zip_limits limits;
	uint64_t max_entry_size;
	uint64_t max_ratio; /* 0: none */
	unsigned max_active;
	struct clients *clients; /* who has them */
	bool deny; /* archives that look dangerous */
	struct spw_pool *workers;
	struct zip_cache *cache;
	_Atomic unsigned active; /* entries being unpacked */
	struct allowance memory; /* for them */
	_Atomic bool stopping;	 /* nothing goes on in the background */
};

/* One of `max_active`, and the memory that it takes. Zeros: none. */
struct zip_place {
	struct clients_ticket *ticket;
	struct allotment memory;
};

/**
 * Take a place with `bytes` of memory; zip_service_leave() gives it back.
 *
 * Returns:   false: there is none, or no memory for it, or this client has as
 *            many as it may; answered.
 */
bool zip_service_enter(struct http_request *req, struct zip_service *z,
    size_t bytes, struct zip_place *ret) SPW_MUST_CHECK;
/** It may be none. */
void zip_service_leave(struct zip_service *z, struct zip_place *place);

/** Whether an entry may be unpacked, by limits and by what is known of it. */
int zip_service_check(const struct zip_service *z, const struct zip_entry *e,
    struct zip_fault *reterr) SPW_MUST_CHECK;

/** Returns: what is wrong, for who asks now or later; of a file that was to be
    made, with whose it is (or NULL) and how long it may be. */
struct http_problem zip_problem(
    const struct zip_fault *f, const struct account *a, uint64_t file_max);

/** Answer with what is wrong, and count it. */
void zip_reply_fault(struct http_request *req, const struct zip_fault *f);

/** Answer that the system failed here. */
void zip_reply_errno(struct http_request *req, int err);

#endif
