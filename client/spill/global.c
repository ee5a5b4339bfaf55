/* SPDX-License-Identifier: MIT */
/* The options that go with every command, and reading those of one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spill/cli.h"
#include "spill/commands.h"
#include "spill/text.h"

#define RETRIES_MAX 1000u

enum {
	OPTION_SERVER = 1000,
	OPTION_TOKEN,
	OPTION_TOKEN_FILE,
	OPTION_PROXY,
	OPTION_CACERT,
	OPTION_CONFIG,
	OPTION_JSON,
	OPTION_PROGRESS,
	OPTION_LIMIT_RATE,
	OPTION_RETRIES,
};

const struct option_row option_globals[] = {
    {OPTION_SERVER, "server", "URL",
	.help = "http://HOST:PORT, https://... or unix:/PATH;\n"
		"else $SPILLWAY_URL, else what spill.conf says,\n"
		"else http://127.0.0.1:8080"},
    {OPTION_TOKEN_FILE, "token-file", "FILE", .words = "<file>",
	.help = "who we are: the first line of FILE;\n"
		"else $SPILLWAY_TOKEN, else what spill.conf says"},
    {OPTION_TOKEN, "token", "TOKEN",
	.help = "the same, but others may see it in the list of\n"
		"processes before it is hidden"},
    {OPTION_CONFIG, "config", "FILE", .words = "<file>",
	.help = "settings; else ~/.config/spillway/spill.conf"},
    {OPTION_PROXY, "proxy", "URL",
	.help = "reach the server through this proxy"},
    {OPTION_CACERT, "cacert", "FILE", .words = "<file>",
	.help = "trust the authorities in this PEM file"},
    {OPTION_RETRIES, "retries", "N",
	.help = "try so often again what may succeed later (5)"},
    {OPTION_LIMIT_RATE, "limit-rate", "RATE",
	.help = "bytes a second at most: 500K, 2M"},
    {OPTION_JSON, "json", NULL, .help = "print JSON, one object a line"},
    {OPTION_PROGRESS, "progress", NULL,
	.help = "tell progress also where there is no terminal"},
    {'q', "quiet", NULL, .help = "tell no progress"},
    {'h', "help", NULL, .help = "this, or the options of a command"},
    {0},
};

static int take_token_file(struct cli *cli, const char *path)
{
	char *token = NULL;

	int r = config_read_token(path, &token);
	if (r < 0) {
		cli_usage(cli, "--token-file: %s: %s", path,
		    r == -EINVAL ? "there is no token in it" : strerror(-r));
		return -1;
	}
	free(cli->given.token);
	cli->given.token = token;
	cli->given.token_option = "--token-file";
	cli->given.token_for_all = true;
	return 0;
}

static int keep(const char *value, char **to)
{
	free(*to);
	*to = strdup(value);
	return *to != NULL ? 0 : -1;
}

static int take_token(struct cli *cli, char *value)
{
	int r = keep(value, &cli->given.token);

	cli->given.token_option = "--token";
	cli->given.token_for_all = true;
	/* Others can read the command line of a process. */
	memset(value, '*', strlen(value));
	return r;
}

static int take_retries(struct cli *cli)
{
	uint64_t count;

	if (!text_parse_u64(optarg, &count) || count > RETRIES_MAX) {
		cli_usage(cli, "--retries: '%s' is no number from 0 to %u",
		    optarg, RETRIES_MAX);
		return -1;
	}
	cli->retries = (unsigned int)count;
	return 0;
}

static int take_rate(struct cli *cli)
{
	return cli_parse_size(cli, "--limit-rate", optarg, &cli->max_rate) ? 0
									   : -1;
}

/* Those that are a word. */
static bool take_flag(struct cli *cli, int option)
{
	switch (option) {
	case OPTION_JSON:
		cli->json = true;
		progress_use_json(&cli->progress);
		return true;
	case OPTION_PROGRESS:
		progress_force(&cli->progress);
		return true;
	case 'q':
		cli->quiet = true;
		cli->progress.enabled = false;
		return true;
	default:
		return false;
	}
}

int cli_take_global(struct cli *cli, int option)
{
	switch (option) {
	case OPTION_SERVER:
		return keep(optarg, &cli->given.server);
	case OPTION_TOKEN:
		return take_token(cli, optarg);
	case OPTION_TOKEN_FILE:
		return take_token_file(cli, optarg);
	case OPTION_PROXY:
		return keep(optarg, &cli->given.proxy);
	case OPTION_CACERT:
		return keep(optarg, &cli->given.ca_file);
	case OPTION_CONFIG:
		return keep(optarg, &cli->given.file);
	case OPTION_RETRIES:
		return take_retries(cli);
	case OPTION_LIMIT_RATE:
		return take_rate(cli);
	default:
		return take_flag(cli, option) ? 0 : 1;
	}
}

int cli_bad_option(struct cli *cli, char **argv)
{
	if (cli->json)
		return cli_usage(cli,
		    "'%s' is no option, or something is wrong with its value",
		    argv[optind - 1]);
	/* getopt said why. */
	if (cli->command != NULL)
		fprintf(stderr, "Try 'spill %s --help'.\n", cli->command->name);
	else
		fputs("Try 'spill --help'.\n", stderr);
	return EXIT_USAGE;
}

int cli_getopt(struct cli *cli, int argc, char **argv)
{
	struct option_set set = {.count = 0};

	option_set_add(&set, cli->command->options);
	option_set_add(&set, option_globals);
	for (;;) {
		opterr = !cli->json;
		int c = getopt_long(argc, argv, set.shorts, set.longs, NULL);

		if (c == -1)
			return CLI_DONE;
		if (c == '?') {
			cli_bad_option(cli, argv);
			return CLI_BAD;
		}
		if (c == 'h') {
			help_print(cli->command);
			return CLI_HELPED;
		}
		int taken = cli_take_global(cli, c);
		if (taken < 0)
			return CLI_BAD;
		if (taken > 0)
			return c;
	}
}
