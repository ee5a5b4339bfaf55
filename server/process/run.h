/* SPDX-License-Identifier: MIT */
/*
 * One run, on a thread of its processor's.
 * Threads: that one.
 */
#ifndef PROCESS_RUN_H
#define PROCESS_RUN_H

#include "process/process.h"

/* How it ended. */
enum run_end {
	RUN_DONE,
	RUN_FAILED,    /* by the processor's own fault */
	RUN_TIMED_OUT, /* its time, or its processor time */
	RUN_TOO_LONG,  /* its output */
	RUN_TEMP,      /* its temporary directory */
	RUN_MEMORY,    /* its memory */
	RUN_CANCELLED, /* nobody wants it any more */
	RUN_NO_SPACE,  /* the disk */
	RUN_BROKEN,    /* it could not be started, or something else here */
};

struct run {
	struct spw_job job; /* first: the pool gives it back */
	struct processor *p;
	struct file *in, *out;
	struct clients_ticket *place;
	bool stored;
	struct log_request log;
	uint64_t begun_ms;
	uint64_t written;

	enum run_end end;
	char detail[256]; /* of a failure, for people */
	char said[FAILURE_SAID_SIZE]; /* what a program complained of */
};

/** Say how it ended. Returns: false, always. */
bool run_end(struct run *r, enum run_end end, const char *fmt, ...)
    SPW_PRINTF(3, 4);

/** Say that a call on the disk or for memory failed. Returns: false. */
bool run_error(struct run *r, int err);

/**
 * Put bytes of output where they belong. May block.
 *
 * Returns:   false when it ends, and why was said.
 */
bool run_write(struct run *r, const void *p, size_t len);

/** Returns: whether it is to end, and that was said. */
bool run_is_over(struct run *r);

/** Run a program (program.c): to the end. */
void run_program(struct run *r, struct zygote *z);

/** Run a function (function.c): to the end. */
void run_function(struct run *r);

#endif
