/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "spill/cli.h"
#include "spill/commands.h"

static int run(struct cli *cli, int argc, char **argv)
{
	int option = cli_getopt(cli, argc, argv);

	if (option != CLI_DONE)
		return cli_ended(option);
	if (argc - optind != 1 || !completion_print(stdout, argv[optind]))
		return cli_usage(cli,
		    "completion needs the name of a shell: bash, zsh or fish");
	return EXIT_OK;
}

const struct command cmd_completion = {
    .name = "completion",
    .synopsis = "completion bash|zsh|fish",
    .summary = "Print what makes a shell complete the words of spill",
    .words = "bash zsh fish",
    .run = run,
};
