/* SPDX-License-Identifier: MIT */
/*
 * The command line of a [processor NAME], taken apart once, before there is a
 * process to run it.
 */
#ifndef PROCESS_COMMAND_H
#define PROCESS_COMMAND_H

#include <stdbool.h>

#include "base/conf.h"
#include "base/program.h"

struct command {
	const struct conf_processor *conf;
	bool landlock, seccomp; /* or [sandbox] wants none */
	bool required;		/* without them it is not run */
	uint64_t keep_free;	/* of the disk */
	char path[PROGRAM_PATH_SIZE];
	char **argv;  /* `{}` is replaced; ends with NULL */
	char **reads; /* the paths of `read`; ends with NULL */
};

/**
 * Take one apart.
 *
 * Errors:    -ENOMEM; -ENOENT the program is gone.
 * Ownership: `c` stays the caller's and must outlive it.
 */
int command_init(struct command *cmd, const struct conf *c,
    const struct conf_processor *p) SPW_MUST_CHECK;

/** Free what it holds; all zeros are allowed. */
void command_fini(struct command *cmd);

#endif
