/* SPDX-License-Identifier: MIT */
/* The commands of spill, one in each cmd_NAME.c. */
#ifndef SPILLWAY_SPILL_COMMANDS_H
#define SPILLWAY_SPILL_COMMANDS_H

#include "spill/options.h"

extern const struct command cmd_cat;
extern const struct command cmd_check;
extern const struct command cmd_completion;
extern const struct command cmd_fetch;
extern const struct command cmd_get;
extern const struct command cmd_help;
extern const struct command cmd_info;
extern const struct command cmd_link;
extern const struct command cmd_ls;
extern const struct command cmd_process;
extern const struct command cmd_put;
extern const struct command cmd_rm;
extern const struct command cmd_top;
extern const struct command cmd_uploads;

/**
 * Print the help of a command; NULL is all of them.
 *
 * Returns:   nothing.
 */
void help_print(const struct command *command);

#endif
