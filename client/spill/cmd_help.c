/* SPDX-License-Identifier: MIT */
/* What 'spill --help', 'spill COMMAND --help' and 'spill help' print. */
#include <stdio.h>

#include "spill/cli.h"
#include "spill/commands.h"

static const char help_tail[] =
    "\n"
    "FILEs of the server are named by id, as /files/ID, or by URL; files of "
    "this\n"
    "machine, where both may stand, by a path with a slash in it: ./FILE.\n"
    "\n"
    "Exit codes: 0 done, 1 refused or failed, 2 usage, 3 not found,\n"
    "4 interrupted or partial.\n";

static void print_all(void)
{
	puts("Usage: spill [OPTION]... COMMAND ...");
	puts("Store, fetch and read files on a Spillway server.\n");
	for (const struct command *const *c = command_table; *c != NULL; c++)
		printf("  %-10s %s\n", (*c)->name, (*c)->summary);
	puts("\n'spill COMMAND --help' has the options of a command.\n"
	     "\nOptions, before or after the command:");
	option_print(stdout, option_globals);
	puts("      --version        print the version");
	fputs(help_tail, stdout);
}

static void print_one(const struct command *command)
{
	printf("Usage: spill %s\n%s.\n\n", command->synopsis, command->summary);
	option_print(stdout, command->options);
	if (command->notes != NULL)
		printf("%s%s", command->options != NULL ? "\n" : "",
		    command->notes);
	puts("\n'spill --help' has the options of every command.");
}

void help_print(const struct command *command)
{
	if (command != NULL)
		print_one(command);
	else
		print_all();
}

static int run(struct cli *cli, int argc, char **argv)
{
	const struct command *command = NULL;

	int option = cli_getopt(cli, argc, argv);
	if (option != CLI_DONE)
		return cli_ended(option);
	if (argc - optind > 1)
		return cli_usage(cli, "help takes one command");
	if (optind < argc) {
		command = command_find(argv[optind]);
		if (command == NULL)
			return cli_usage(
			    cli, "'%s' is not a command", argv[optind]);
	}
	help_print(command);
	return EXIT_OK;
}

const struct command cmd_help = {
    .name = "help",
    .synopsis = "help [COMMAND]",
    .summary = "Print what there is, or the options of a command",
    .run = run,
};
