/* SPDX-License-Identifier: MIT */
/*
 * Processors: programs of the configuration, and functions of the program
 * that embeds the server, that make one file of another.
 *
 *   process_new() -> process_add()... -> process_ready()
 *   process_find() -> process_start()        for each run
 *   process_stop()                           runs end soon
 *   process_free()                           and are waited for
 *
 * A run has a thread of its processor's, which waits for the program, puts what
 * it writes into the output file, and finishes that. Of a processor so many run
 * at a time as it has threads; the others wait, clients taking turns. Output
 * can be read as it comes.
 *
 * A run ends early when its output file is `removed`.
 *
 * Threads: process_find(), process_start() and what tells things any; the
 * others one, before the first and after the last request.
 */
#ifndef PROCESS_PROCESS_H
#define PROCESS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spillway/pool.h>
#include <spillway/server.h>

#include "base/conf.h"
#include "base/log.h"
#include "common/text.h"
#include "process/zygote.h"
#include "store/store.h"

struct process;

/* One of them; the numbers at the end change. */
struct processor {
	struct process *service;
	char name[CONF_NAME_SIZE];
	char type[FILE_TYPE_SIZE]; /* of the output */
	unsigned index;		   /* of a program, as the zygote counts */
	const struct conf_processor *conf; /* of a program; or NULL */
	int (*fn)(void *ctx, struct spw_processor_in *in,
	    struct spw_processor_out *out); /* of a function */
	void *ctx;
	uint64_t timeout_ms;
	uint64_t max_output;
	unsigned concurrency, max_waiting;
	struct spw_pool *pool; /* `concurrency` threads */
	_Atomic unsigned load; /* runs that take a place, or wait for one */
	struct clients *clients; /* and whose they are */
	_Atomic unsigned running; /* until the end of its output is told */
};

/**
 * Make the service with the processors of the configuration.
 *
 * `z`:       NULL when there are none. All must outlive it.
 * Errors:    -ENOMEM; -EAGAIN there can be no threads.
 */
int process_new(const struct conf *conf, struct store *store,
    struct zygote *z, struct process **ret) SPW_MUST_CHECK;

/**
 * Add a function. All of `p` is copied; `fn` and `ctx` must outlive it.
 *
 * Errors:    -EINVAL; -EEXIST the name is taken; -ENOMEM; -EAGAIN.
 */
int process_add(struct process *ps, const struct spw_processor *p)
    SPW_MUST_CHECK;

/** Returns: the one of that name; NULL when there is none. */
struct processor *process_find(struct process *ps, struct str name);

/** Returns: number `i`, from 0 on; NULL past the last. */
struct processor *process_at(struct process *ps, size_t i);

/** Returns: how many runs one client may have that take a place or wait. */
unsigned process_client_max(const struct processor *p);

/** Returns: whether one more could be started now. */
bool process_has_room(const struct processor *p);

/**
 * Start a run, at once or when it is its turn.
 *
 * `in`:      sealed and ready, and open as long as somebody has a reference.
 * `out`:     as it was made; if it is in the store it is made to survive as
 *            others. It is ready at the end, or fails.
 * `log`:     for whom; copied.
 * Returns:   0.
 * Errors:    -EBUSY too many wait; -EUSERS too many of this client
 *            (process_client_max()); -ESHUTDOWN; -ENOMEM.
 * Ownership: takes references on both.
 */
int process_start(struct processor *p, struct file *in, struct file *out,
    bool stored, const struct log_request *log) SPW_MUST_CHECK;

/**
 * See whether what starts programs still lives, and have the log tell once if
 * not. Now and then; one thread.
 */
void process_look(struct process *ps);

/** Returns: whether no program can be started any more; as of the last look. */
bool process_is_gone(struct process *ps);

/** Returns: whether any run or wait. */
bool process_is_busy(struct process *ps);

/** Have all runs end soon; NULL is allowed. */
void process_stop(struct process *ps);

/** Wait for them and free it; NULL is allowed. */
void process_free(struct process *ps);

#endif
