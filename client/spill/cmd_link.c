/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spillway/client_link.h>

#include "spill/commands.h"
#include "spill/target.h"
#include "spill/text.h"

enum {
	OPTION_TTL = OPTION_FIRST,
	OPTION_UPLOAD,
	OPTION_ID,
	OPTION_MAX_SIZE,
};

static const struct option_row options[] = {
    {OPTION_TTL, "ttl", "TIME",
	.help = "good for so long: 90, 90s, 15m, 2h, 7d"},
    {OPTION_UPLOAD, "upload", NULL,
	.help = "a link to upload a new file by, with POST"},
    {OPTION_ID, "id", "ID",
	.help = "with --upload: the id that the file gets, by PUT"},
    {OPTION_MAX_SIZE, "max-size", "SIZE",
	.help = "with --upload: how large it may be: 500K, 2M"},
    {0},
};

/* What a server says may be anything. */
static void print_line(const char *text)
{
	text_put(stdout, text, strlen(text));
	putchar('\n');
}

static int make(struct cli *cli, struct spwc_client *client, const char *ref,
    const struct spwc_link_opts *opts, const char *what)
{
	struct spwc_error error;
	char *url = NULL;
	char *json = NULL;

	int r = spwc_link(client, ref, opts, &url, &json, &error);
	if (r < 0)
		return cli_fail(cli, r, &error, what);

	if (cli->json)
		puts(json);
	else
		print_line(url);
	free(url);
	free(json);
	return EXIT_OK;
}

static bool take_option(
    struct cli *cli, int option, struct spwc_link_opts *opts)
{
	switch (option) {
	case OPTION_TTL:
		return cli_parse_span(cli, "--ttl", optarg, &opts->ttl_s);
	case OPTION_ID:
		opts->id = optarg;
		return true;
	default:
		return cli_parse_size(
		    cli, "--max-size", optarg, &opts->max_bytes);
	}
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct spwc_link_opts opts = {.size = sizeof(opts)};
	struct spwc_client *client;
	struct target target = {0};
	bool upload = false;
	int option;

	while ((option = cli_getopt(cli, argc, argv)) >= 0) {
		if (option == OPTION_UPLOAD)
			upload = true;
		else if (!take_option(cli, option, &opts))
			return EXIT_USAGE;
	}
	if (option != CLI_DONE)
		return cli_ended(option);
	if (argc - optind != !upload)
		return cli_usage(cli,
		    upload ? "a link for uploads is for no file in particular"
			   : "link needs one file: its id or its URL");
	if (!upload && (opts.id != NULL || opts.max_bytes > 0))
		return cli_usage(
		    cli, "--id and --max-size are of links for uploads");

	if (upload) {
		int code = cli_client(cli, &client);
		return code != EXIT_OK ? code
				       : make(cli, client, NULL, &opts, NULL);
	}
	int code = target_find(cli, argv[optind], TARGET_NO_REMOTE, &target);
	if (code != EXIT_OK)
		return code;

	code = make(cli, target.client, target.ref, &opts, target.id);
	target_fini(&target);
	return code;
}

const struct command cmd_link = {
    .name = "link",
    .synopsis = "link [OPTION]... ID|URL|--upload",
    .summary = "Print a link that needs no token, for a time",
    .options = options,
    .words = "<id>",
    .run = run,
};
