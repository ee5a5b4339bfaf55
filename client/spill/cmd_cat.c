/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <unistd.h>

#include <spillway/client_url.h>

#include "spill/cli.h"
#include "spill/text.h"

enum {
	OPTION_INDEX = 256,
};

static const struct option options[] = {
    {"index", required_argument, NULL, OPTION_INDEX},
    {NULL, 0, NULL, 0},
};

struct cat {
	const char *entry;
	uint64_t index;
	bool has_index;
	uint64_t taken;
};

static int write_content(void *arg, const void *buf, size_t len)
{
	struct cat *c = arg;

	c->taken += len;
	return cli_write(STDOUT_FILENO, buf, len);
}

static int cat(struct cli *cli, const struct target *t, struct cat *c)
{
	struct spwc_sink sink = {.write = write_content, .arg = c};
	struct spwc_error error;
	const char *what = c->entry != NULL ? c->entry : t->id;
	int r;

	cli_start_output(cli, what);
	if (c->entry != NULL || c->has_index)
		r = spwc_zip_read(t->client, t->ref, c->entry, c->index, NULL,
		    &sink, NULL, &error);
	else if (t->ref == NULL)
		r = spwc_read_url(t->client, t->id, NULL, &sink, NULL, &error);
	else
		r = spwc_get(t->client, t->ref, NULL, &sink, NULL, &error);
	progress_clear(&cli->progress);
	return r == 0 ? EXIT_OK
		      : cli_fail_output(cli, r, &error, what, c->taken);
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct cat c = {0};
	struct target target;
	int option;

	while ((option = cli_getopt(cli, argc, argv, "", options)) >= 0) {
		c.has_index = true;
		if (!text_parse_u64(optarg, &c.index))
			return cli_usage(
			    cli, "--index: '%s' is no number", optarg);
	}
	if (option != CLI_DONE)
		return cli_ended(option);

	int names = argc - optind;
	if (names < 1 || names > 2 || (names == 2 && c.has_index))
		return cli_usage(cli,
		    "cat needs one file, and an entry if the file is a zip");
	if (names == 2)
		c.entry = argv[optind + 1];

	int code = cli_target(cli, argv[optind],
	    c.entry != NULL || c.has_index ? CLI_REMOTE_ZIP : CLI_REMOTE,
	    &target);
	if (code != EXIT_OK)
		return code;

	code = cat(cli, &target, &c);
	cli_target_fini(&target);
	return code;
}

const struct command cmd_cat = {
    .name = "cat",
    .synopsis = "cat [OPTION]... ID|URL [ENTRY]",
    .summary = "Write a file, or an entry of a zip, to standard output",
    .help = "  ENTRY                name of an entry, as 'spill ls ID' has "
	    "it\n"
	    "      --index N        the entry with this number, for names "
	    "that are\n"
	    "                       not unique or not safe\n",
    .run = run,
};
