/* SPDX-License-Identifier: MIT */
/* The table of commands, in the order in which --help has them. */
#include "spill/commands.h"

const struct command *const command_table[] = {
    &cmd_put,
    &cmd_uploads,
    &cmd_fetch,
    &cmd_get,
    &cmd_ls,
    &cmd_cat,
    &cmd_info,
    &cmd_rm,
    &cmd_link,
    &cmd_process,
    &cmd_top,
    &cmd_check,
    &cmd_completion,
    &cmd_help,
    NULL,
};
