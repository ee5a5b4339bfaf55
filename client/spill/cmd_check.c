/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include <spillway/client_url.h>

#include "spill/cli.h"
#include "spill/commands.h"
#include "spill/text.h"

struct check {
	struct cli *cli;
	const char *url;
	bool allowed;
};

static void put(const char *text)
{
	text_put(stdout, text, strlen(text));
}

/* A line for each address, then one for the URL. */
static int print_verdict(void *arg, const struct spwc_verdict *verdict)
{
	struct check *c = arg;

	c->allowed = verdict->allowed;
	if (c->cli->json) {
		if (verdict->json != NULL)
			puts(verdict->json);
		return 0;
	}

	printf("%-7s ", verdict->allowed ? "allowed" : "denied");
	put(verdict->address != NULL ? verdict->address : c->url);
	if (!verdict->allowed) {
		fputs("  ", stdout);
		put(verdict->rule);
		fputs(": ", stdout);
		put(verdict->detail);
	}
	putchar('\n');
	return 0;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct check check = {.cli = cli};
	struct spwc_error error;
	struct spwc_client *c;

	int option = cli_getopt(cli, argc, argv);
	if (option != CLI_DONE)
		return cli_ended(option);
	if (argc - optind != 1)
		return cli_usage(cli, "check-url needs one URL");

	int code = cli_client(cli, &c);
	if (code != EXIT_OK)
		return code;

	check.url = argv[optind];
	int r = spwc_check_url(c, check.url, print_verdict, &check, &error);
	if (r < 0)
		return cli_fail(cli, r, &error, check.url);
	return check.allowed ? EXIT_OK : EXIT_FAILED;
}

const struct command cmd_check = {
    .name = "check-url",
    .synopsis = "check-url [OPTION]... URL",
    .summary = "Tell whether the server would fetch a URL, and why not",
    .notes = "Names are looked up by the server, and nothing is connected "
	     "to.\n",
    .run = run,
};
