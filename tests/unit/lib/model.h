/* SPDX-License-Identifier: MIT */
/*
 * What the tests of libspillway share: a world for spools to live in, and a
 * spool that is compared with a plain array after every step.
 *
 *   world_init() -> model_init()... -> model_append()... -> model_fini()
 *   -> world_fini(), which demands that nothing is left: no charged memory,
 *   no charged disk, no open file, no directory entry.
 *
 * A model call returns what the spool's call returned; when that was success
 * the array is changed the same way, and in any case everything that can be
 * asked of the spool is compared with the array.
 *
 * Threads: one model belongs to one thread.
 */
#ifndef TESTS_UNIT_LIB_MODEL_H
#define TESTS_UNIT_LIB_MODEL_H

#include <stdbool.h>

#include <spillway/spool.h>

#include "check.h"

#define KIB ((uint64_t)1024)
#define MIB (KIB * 1024)

struct world {
	char path[128];		/* of the spool directory */
	struct spw_budget *budget;
	struct spw_dir *dir;
	struct spw_pool *pool;
};

struct world_opts {
	uint64_t budget;	/* bytes; 0: there is none */
	uint64_t quota;
	uint64_t keep_free;
	unsigned threads;	/* of the pool; 0: there is none */
	bool no_dir;
};

void world_init(struct world *w, const struct world_opts *opts);
void world_fini(struct world *w);

/** A private directory on a disk; see tempdir.h. */
void make_temp_dir(char *ret, size_t size);

/** Options for a spool in world `w`, and what else is given. */
#define SPOOL_OPTS(w, ...)                                                     \
	(&(const struct spw_spool_opts){ .size = sizeof(struct spw_spool_opts),\
	    .budget = (w)->budget, .dir = (w)->dir, .pool = (w)->pool,         \
	    __VA_ARGS__ })

struct model {
	struct spw_spool *spool;
	uint8_t *bytes;		/* the content as it should be */
	bool *there;		/* of a sparse spool: which bytes are */
	size_t size, cap;
	uint64_t random;	/* state of the generator of content */
	int error;		/* the source's, when it failed */
	bool sealed;
};

/** Make a spool that may grow to `cap` bytes. */
void model_init(struct model *m, size_t cap,
    const struct spw_spool_opts *opts);
void model_fini(struct model *m);

int model_append(struct model *m, size_t len);
int model_try_append(struct model *m, size_t len);
int model_pwrite(struct model *m, size_t len, uint64_t off);
int model_truncate(struct model *m, uint64_t size);
int model_rollover(struct model *m);
int model_seal(struct model *m);
void model_fail(struct model *m, int error);

/** Compare everything that can be asked with the array. */
void model_check(struct model *m);

/** Called around every comparison: so that faults spare it. */
extern void (*model_spare)(bool begin);

/** The figures of the moment. */
struct spw_spool_info spool_info(struct spw_spool *s);
struct spw_budget_stats budget_stats(const struct world *w);
struct spw_dir_stats dir_stats(const struct world *w);

/** Spools that are busy in the pool come to rest. */
void world_settle(struct world *w);

/** The next number of a generator; `*state` is not 0. */
uint64_t next_random(uint64_t *state);

#endif
