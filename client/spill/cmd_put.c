/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spill/cli.h"

enum {
	OPTION_NAME = 256,
	OPTION_TYPE,
	OPTION_ID,
	OPTION_TTL,
	OPTION_READS,
};

static const struct option options[] = {
    {"name", required_argument, NULL, OPTION_NAME},
    {"type", required_argument, NULL, OPTION_TYPE},
    {"id", required_argument, NULL, OPTION_ID},
    {"ttl", required_argument, NULL, OPTION_TTL},
    {"reads", required_argument, NULL, OPTION_READS},
    {NULL, 0, NULL, 0},
};

static bool take_option(struct cli *cli, int option, struct spwc_put_opts *opts)
{
	switch (option) {
	case OPTION_NAME:
		opts->name = optarg;
		return true;
	case OPTION_TYPE:
		opts->type = optarg;
		return true;
	case OPTION_ID:
		opts->id = optarg;
		return true;
	case OPTION_TTL:
		return cli_parse_seconds(cli, "--ttl", optarg, &opts->ttl_s);
	default:
		return cli_parse_count(cli, "--reads", optarg, &opts->reads);
	}
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static int put_open(struct cli *cli, const char *path, int *ret_fd)
{
	struct stat st;

	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return cli_fail_errno(cli, -errno, path);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		return cli_fail_errno(cli, -EISDIR, path);
	}
	*ret_fd = fd;
	return EXIT_OK;
}

/* Sends one file. `*ret_dead` when the others need not be tried. */
static int put_one(struct cli *cli, struct spwc_client *c, const char *path,
    const struct spwc_put_opts *given, bool *ret_dead)
{
	struct spwc_put_opts opts = *given;
	struct spwc_file file = {0};
	struct spwc_error error;
	bool from_stdin = strcmp(path, "-") == 0;
	int fd = STDIN_FILENO;

	if (!from_stdin) {
		int code = put_open(cli, path, &fd);
		if (code != EXIT_OK)
			return code;
		if (opts.name == NULL)
			opts.name = base_name(path);
	}

	progress_start(&cli->progress, from_stdin ? "standard input" : path);
	int r = spwc_put_fd(c, &opts, fd, &file, &error);
	progress_clear(&cli->progress);
	if (!from_stdin)
		close(fd);
	if (r < 0) {
		*ret_dead = r == -ECANCELED || r == -ECONNREFUSED ||
			    r == -EHOSTUNREACH || error.status == 401;
		return cli_fail(cli, r, &error, path);
	}

	int code = cli_print_file(cli, c, &file);
	spwc_file_fini(&file);
	return code;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct spwc_put_opts opts = {0};
	struct spwc_client *c;
	bool dead = false;
	int worst = EXIT_OK;
	int option;

	while ((option = cli_getopt(cli, argc, argv, "", options)) >= 0) {
		if (!take_option(cli, option, &opts))
			return EXIT_USAGE;
	}
	if (option != CLI_DONE)
		return cli_ended(option);
	if (optind == argc)
		return cli_usage(cli, "put needs a file, or - for its input");
	if (argc - optind > 1 && (opts.name != NULL || opts.id != NULL))
		return cli_usage(
		    cli, "--name and --id go with one file, not with several");

	int code = cli_client(cli, &c);
	if (code != EXIT_OK)
		return code;

	for (int i = optind; i < argc && !dead; i++) {
		code = put_one(cli, c, argv[i], &opts, &dead);
		if (code != EXIT_OK && (worst == EXIT_OK || dead))
			worst = code;
	}
	return worst;
}

const struct command cmd_put = {
    .name = "put",
    .synopsis = "put [OPTION]... FILE...",
    .summary = "Store files and print their URLs, one a line",
    .help = "  FILE                 what to store; - is standard input\n"
	    "      --name NAME      name to give it; else FILE's own\n"
	    "      --type TYPE      media type; else "
	    "application/octet-stream\n"
	    "      --id ID          id to give it; replaces what has it\n"
	    "      --ttl TIME       keep it so long: 90, 90s, 15m, 2h, 7d\n"
	    "      --reads N        delete it after N downloads\n",
    .run = run,
};
