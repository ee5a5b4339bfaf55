/* SPDX-License-Identifier: MIT */
#include "deliver/zip_service.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/metrics.h"
#include "deliver/zip_name.h"
#include "deliver/zip_unpack.h"
#include "http/problem.h"

#define RETRY_AFTER_S 2
/* What archives and entries are worked on in may be this part of the memory. */
#define MEMORY_PART 4

int zip_new(const struct conf *conf, struct spw_pool *workers,
    struct spw_budget *budget, struct zip_service **ret)
{
	struct zip_service *z = calloc(1, sizeof *z);
	if (!z)
		return -ENOMEM;

	int err = zip_cache_new(conf->zip.cache_size, budget, &z->cache);
	if (err == 0)
		err = clients_new(&z->clients);
	if (err < 0) {
		zip_free(z);
		return err;
	}
	z->limits.max_entries = conf->zip.max_entries;
	z->limits.max_directory = conf->zip.max_directory;
	z->limits.max_ratio = conf->zip.max_ratio;
	z->limits.check_reads =
	    conf->zip.deny ? SPW_UNLIMITED : conf->zip.check_reads;
	z->max_entry_size = conf->zip.max_entry_size;
	z->max_ratio = conf->zip.max_ratio;
	z->max_active = conf->zip.max_active;
	z->memory.budget = budget;
	z->memory.max = (size_t)(conf->spool.memory_budget / MEMORY_PART);
	z->deny = conf->zip.deny;
	z->workers = workers;
	*ret = z;
	return 0;
}

void zip_free(struct zip_service *z)
{
	if (!z)
		return;

	zip_cache_free(z->cache);
	clients_free(z->clients);
	free(z);
}

void zip_stop(struct zip_service *z)
{
	if (z)
		atomic_store(&z->stopping, true);
}

static void refuse(struct http_request *req, int err, unsigned client_max)
{
	struct http_problem p;

	if (err == -EUSERS)
		p = http_problem(PROBLEM_TOO_MANY_REQUESTS,
		    "This client has %u archives or entries of them read, "
		    "or made, at a time, as many as one may (three quarters "
		    "of zip.max_active); try again when one has ended.",
		    client_max);
	else if (err == -EAGAIN)
		p = http_problem(PROBLEM_UNAVAILABLE,
		    "Too many archives are being worked on; try "
		    "again in a moment.");
	else if (err == -ENOBUFS)
		p = http_problem(PROBLEM_UNAVAILABLE,
		    "Archives that are being worked on take all the memory "
		    "they may (a quarter of spool.memory_budget); try again "
		    "in a moment.");
	else
		p = http_problem_errno(err);
	p.retry_after_s = RETRY_AFTER_S;
	http_reply_problem(req, &p);
}

static int take(struct zip_service *z, uint64_t client, unsigned most,
    size_t bytes, struct zip_place *ret)
{
	int r = clients_enter(z->clients, client, most, &ret->ticket);
	if (r < 0)
		return r;
	if (atomic_fetch_add(&z->active, 1) >= z->max_active)
		r = -EAGAIN;
	else if (!allot(&ret->memory, &z->memory, bytes))
		r = -ENOBUFS;
	if (r < 0) {
		atomic_fetch_sub(&z->active, 1);
		clients_leave(ret->ticket);
	}
	return r;
}

bool zip_service_enter(struct http_request *req, struct zip_service *z,
    size_t bytes, struct zip_place *ret)
{
	unsigned most = clients_part(z->max_active);
	struct zip_place place = {0};

	int r = take(z, http_client_share(req), most, bytes, &place);
	if (r < 0) {
		refuse(req, r, most);
		return false;
	}
	metrics_add(METRIC_ZIP_ACTIVE, 1);
	*ret = place;
	return true;
}

void zip_service_leave(struct zip_service *z, struct zip_place *place)
{
	if (!place->ticket)
		return;

	allot_end(&place->memory);
	clients_leave(place->ticket);
	place->ticket = NULL;
	atomic_fetch_sub(&z->active, 1);
	metrics_add(METRIC_ZIP_ACTIVE, -1);
}

/** Whether unpacking it would pass a limit, by what the directory says. */
static int check_limits(const struct zip_service *z, const struct zip_entry *e,
    struct zip_fault *reterr)
{
	if (e->size > z->max_entry_size)
		return zip_fault_limit(reterr, z->max_entry_size,
		    "The entry has %" PRIu64 " bytes; %" PRIu64 " are allowed.",
		    e->size, z->max_entry_size);
	/* size > packed * ratio, without passing 2^64. */
	if (z->max_ratio && e->size / z->max_ratio >= e->packed_size &&
	    e->size > e->packed_size * z->max_ratio)
		return zip_fault_limit(reterr, z->max_ratio,
		    "The entry would grow to more than %" PRIu64
		    " times its size.",
		    z->max_ratio);
	return 0;
}

int zip_service_check(const struct zip_service *z, const struct zip_entry *e,
    struct zip_fault *reterr)
{
	if (e->flags & ZIP_WARN_ENCRYPTED)
		return zip_fault_set(reterr, ZIP_FAULT_ENCRYPTED,
		    "The entry needs a password to be read.");
	if (!zip_unpack_knows(e->method)) {
		char number[ZIP_METHOD_NAME_SIZE];
		return zip_fault_set(reterr, ZIP_FAULT_METHOD,
		    "The entry is packed with the method %s, which is not "
		    "known here.",
		    zip_method_name(e->method, number));
	}
	if (e->method == ZIP_METHOD_STORE && e->size != e->packed_size)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The entry is stored, yet its two sizes differ.");
	if (e->method == ZIP_METHOD_DEFLATE &&
	    e->size / ZIP_DEFLATE_MAX_RATIO > e->packed_size)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The entry's packed bytes are too few for its size.");
	if (e->flags & ZIP_WARN_OUTSIDE)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The entry's bytes are not all within the archive.");
	if (zip_entry_warnings(e) & ZIP_WARN_DAMAGED)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The entry is damaged, as was seen when it was read.");
	if (e->flags & ZIP_WARN_OVERLAP)
		return zip_fault_set(reterr, ZIP_FAULT_LIMIT,
		    "The entry's bytes are also another's.");
	return check_limits(z, e, reterr);
}

/* What a fault of the archive is; the system's and the source's are others. */
static const struct {
	enum http_problem_kind problem;
	enum metric metric;
} FAULTS[] = {
    [ZIP_FAULT_NOT_ZIP] = {PROBLEM_NOT_A_ZIP, METRIC_ZIP_FAILED_NOT_ZIP},
    [ZIP_FAULT_CORRUPT] = {PROBLEM_CORRUPT_ZIP, METRIC_ZIP_FAILED_CORRUPT},
    [ZIP_FAULT_LIMIT] = {PROBLEM_ZIP_LIMIT, METRIC_ZIP_FAILED_LIMIT},
    [ZIP_FAULT_ENCRYPTED] = {PROBLEM_ENCRYPTED_ENTRY,
	METRIC_ZIP_FAILED_ENCRYPTED},
    [ZIP_FAULT_METHOD] = {PROBLEM_INVALID, METRIC_ZIP_FAILED_CORRUPT},
    [ZIP_FAULT_UNSAFE] = {PROBLEM_UNSAFE_ZIP, METRIC_ZIP_FAILED_UNSAFE},
};

static struct http_problem system_problem(
    int err, const struct account *a, uint64_t file_max)
{
	struct http_problem p;

	switch (err) {
	case -EBUSY:
		p = http_problem(PROBLEM_UNAVAILABLE,
		    "What is known of archives that are being read takes all "
		    "the memory it may; try again in a moment.");
		p.retry_after_s = RETRY_AFTER_S;
		return p;
	case -ESTALE:
		return http_problem(PROBLEM_CONFLICT,
		    "A file was replaced or deleted before its turn came in "
		    "the archive; ask for it again.");
	case -ECANCELED:
		return http_problem(PROBLEM_UNAVAILABLE,
		    "It was broken off before it was complete: its client went "
		    "away, or the server was stopped. Ask for it again.");
	default:
		return http_problem_limited(err, a, file_max);
	}
}

struct http_problem zip_problem(
    const struct zip_fault *f, const struct account *a, uint64_t file_max)
{
	assert(f->kind != ZIP_FAULT_NONE);
	if (f->kind == ZIP_FAULT_SYSTEM)
		return system_problem(f->err, a, file_max);
	if (f->kind == ZIP_FAULT_BROKEN)
		return http_problem(PROBLEM_FETCH_FAILED,
		    "The source of a file broke before these bytes came; its "
		    "/info says why.");

	struct http_problem p =
	    http_problem(FAULTS[f->kind].problem, "%s", f->detail);
	p.limit = f->limit;
	return p;
}

void zip_reply_fault(struct http_request *req, const struct zip_fault *f)
{
	struct http_problem p = zip_problem(f, http_owner(req).account,
	    http_conf(req)->store.max_file_size);

	if (f->kind != ZIP_FAULT_SYSTEM && f->kind != ZIP_FAULT_BROKEN)
		metrics_add(FAULTS[f->kind].metric, 1);
	http_reply_problem(req, &p);
}

void zip_reply_errno(struct http_request *req, int err)
{
	struct http_problem p = system_problem(err, http_owner(req).account,
	    http_conf(req)->store.max_file_size);

	http_reply_problem(req, &p);
}
