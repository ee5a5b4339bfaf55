/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>

#include "spill/commands.h"
#include "spill/target.h"

/* Deletes one file. `*ret_dead` when the others need not be tried. */
static int rm_one(struct cli *cli, const char *name, bool *ret_dead)
{
	struct spwc_error error;
	struct target target;

	int code = target_find(cli, name, TARGET_NO_REMOTE, &target);
	if (code != EXIT_OK)
		return code;

	int r = spwc_delete(target.client, target.ref, &error);
	if (r < 0) {
		*ret_dead = cli_is_fatal(r, &error);
		code = cli_fail(cli, r, &error, target.id);
	} else if (cli->json) {
		/* An id needs no escape. */
		printf("{\"id\":\"%s\",\"deleted\":true}\n", target.id);
	}
	target_fini(&target);
	return code;
}

static int run(struct cli *cli, int argc, char **argv)
{
	bool dead = false;
	int worst = EXIT_OK;

	int option = cli_getopt(cli, argc, argv);
	if (option != CLI_DONE)
		return cli_ended(option);
	if (optind == argc)
		return cli_usage(cli, "rm needs files: their ids or URLs");

	for (int i = optind; i < argc && !dead; i++) {
		int code = rm_one(cli, argv[i], &dead);
		if (code != EXIT_OK && (worst == EXIT_OK || dead))
			worst = code;
	}
	return worst;
}

const struct command cmd_rm = {
    .name = "rm",
    .synopsis = "rm [OPTION]... ID|URL...",
    .summary = "Delete files",
    .words = "<id>",
    .run = run,
};
