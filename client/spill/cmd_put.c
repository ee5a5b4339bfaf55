/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spill/cli.h"
#include "spill/commands.h"
#include "spill/state.h"
#include "spill/upload.h"

enum {
	OPTION_NAME = OPTION_FIRST,
	OPTION_TYPE,
	OPTION_ID,
	OPTION_TTL,
	OPTION_READS,
	OPTION_PARTS,
	OPTION_RESUME,
	OPTION_NO_RESUME,
};

static const struct option_row options[] = {
    {OPTION_NAME, "name", "NAME", .help = "name to give it; else FILE's own"},
    {OPTION_TYPE, "type", "TYPE",
	.help = "media type; else application/octet-stream"},
    {OPTION_ID, "id", "ID",
	.help = "id to give it; replaces what has it, and is sent\n"
		"in one piece"},
    {OPTION_TTL, "ttl", "TIME",
	.help = "keep it so long: 90, 90s, 15m, 2h, 7d; 0 is for ever"},
    {OPTION_READS, "reads", "N",
	.help = "delete it after N downloads; what is got in parts\n"
		"('get --parts 1' has none) does not count"},
    {OPTION_PARTS, "parts", "N",
	.help = "send N parts of it at the same time; else 4 of a\n"
		"file from 64 MiB on"},
    {OPTION_RESUME, "resume", NULL,
	.help = "only go on with uploads that were interrupted: of\n"
		"the FILEs, or without any, of all"},
    {OPTION_NO_RESUME, "no-resume", NULL,
	.help = "begin anew, and remember nothing"},
    {0},
};

struct put {
	struct cli *cli;
	struct spwc_client *client;
	struct spwc_put_opts opts;
	unsigned int parts;
	bool only_resume;
	bool no_resume;
	/** The others need not be tried. */
	bool dead;
	int worst;
};

static bool take_option(struct put *p, int option)
{
	switch (option) {
	case OPTION_NAME:
		p->opts.name = optarg;
		return true;
	case OPTION_TYPE:
		p->opts.type = optarg;
		return true;
	case OPTION_ID:
		p->opts.id = optarg;
		return true;
	case OPTION_TTL:
		return cli_parse_ttl(p->cli, optarg, &p->opts.ttl_s);
	case OPTION_READS:
		return cli_parse_count(
		    p->cli, "--reads", optarg, &p->opts.reads);
	case OPTION_PARTS:
		return cli_parse_parts(p->cli, optarg, &p->parts);
	case OPTION_RESUME:
		p->only_resume = true;
		return true;
	default:
		p->no_resume = true;
		return true;
	}
}

static int open_file(
    struct cli *cli, const char *path, int *ret_fd, struct stat *ret_stat)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return cli_fail_errno(cli, -errno, path);

	int code = EXIT_OK;
	if (fstat(fd, ret_stat) < 0) {
		code = cli_fail_errno(cli, -errno, path);
	} else if (S_ISDIR(ret_stat->st_mode)) {
		cli_say(cli,
		    "%s is a directory; 'tar c DIR | spill put --name DIR.tar "
		    "-' stores one as a file",
		    path);
		code = EXIT_FAILED;
	}
	if (code != EXIT_OK)
		close(fd);
	else
		*ret_fd = fd;
	return code;
}

/* Worth to go on with later; what has an id of the user's is in one piece. */
static bool is_resumable(const struct put *p, const struct stat *st)
{
	return S_ISREG(st->st_mode) && p->opts.id == NULL && st->st_size > 0 &&
	       (p->only_resume || p->parts > 0 ||
		   (uint64_t)st->st_size >= UPLOAD_FROM_BYTES);
}

static int send_file(struct put *p, const char *path, int fd,
    const struct stat *st, const struct spwc_put_opts *opts,
    struct spwc_file *ret_file, bool *ret_kept, struct spwc_error *e)
{
	const struct upload_opts upload = {
	    .path = path,
	    .fd = fd,
	    .st = *st,
	    .name = opts->name,
	    .type = opts->type,
	    .ttl_s = opts->ttl_s,
	    .reads = opts->reads,
	    .parts = p->parts,
	    .remember = !p->no_resume,
	    .only_resume = p->only_resume,
	};
	int r = -EOPNOTSUPP;

	if (is_resumable(p, st))
		r = upload_run(
		    p->cli, p->client, &upload, ret_file, ret_kept, e);
	/* Other servers may know no uploads but plain ones. */
	if (r == -EOPNOTSUPP && !p->only_resume)
		r = spwc_put_fd(p->client, opts, fd, ret_file, e);
	else if (r == -EOPNOTSUPP)
		snprintf(e->detail, sizeof(e->detail),
		    "nothing of it can be resumed");
	return r;
}

/* Sends what is open there. */
static void put_open(struct put *p, const char *path, int fd,
    const struct stat *st, const struct spwc_put_opts *opts)
{
	bool from_stdin = strcmp(path, "-") == 0;
	struct spwc_file file = {0};
	struct spwc_error error = {0};
	bool kept = false;

	progress_start(&p->cli->progress, from_stdin ? "standard input" : path);
	int r = from_stdin
		    ? spwc_put_fd(p->client, opts, fd, &file, &error)
		    : send_file(p, path, fd, st, opts, &file, &kept, &error);
	progress_clear(&p->cli->progress);
	int code = r < 0 ? cli_fail(p->cli, r, &error, path)
			 : cli_print_file(p->cli, p->client, &file);
	if (r < 0 && kept && (r == -ECANCELED || spwc_transient(r, &error))) {
		code = EXIT_PARTIAL;
		cli_remark(p->cli,
		    "what arrived of %s is kept; the same command goes on "
		    "there",
		    path);
	}
	spwc_file_fini(&file);
	p->dead = r < 0 && cli_is_fatal(r, &error);
	if (code != EXIT_OK && (p->worst == EXIT_OK || p->dead))
		p->worst = code;
}

static void put_one(
    struct put *p, const char *path, const struct spwc_put_opts *given)
{
	struct spwc_put_opts opts = *given;
	struct stat st = {0};
	int fd = STDIN_FILENO;

	if (strcmp(path, "-") == 0) {
		put_open(p, path, fd, &st, &opts);
		return;
	}

	int code = open_file(p->cli, path, &fd, &st);
	if (code != EXIT_OK) {
		p->worst = p->worst == EXIT_OK ? code : p->worst;
		return;
	}
	if (opts.name == NULL)
		opts.name = basename(path);
	put_open(p, path, fd, &st, &opts);
	close(fd);
}

/* Goes on with one of those that are remembered. */
static int resume_entry(void *arg, const struct state_entry *entry)
{
	struct put *p = arg;
	const struct spwc_put_opts opts = {
	    .size = sizeof(opts),
	    .name = entry->key.name,
	    .type = entry->key.type,
	    .ttl_s = entry->key.ttl_s,
	    .reads = entry->key.reads,
	};

	if (!entry->running &&
	    strcmp(entry->server, spwc_server(p->client)) == 0)
		put_one(p, entry->path, &opts);
	return p->dead;
}

static int resume_all(struct put *p)
{
	int r = state_each(resume_entry, p);

	return r < 0 ? cli_fail_errno(p->cli, r, "the uploads") : p->worst;
}

static int check(const struct put *p, int count, char **paths)
{
	struct cli *cli = p->cli;

	if (p->only_resume && (p->no_resume || p->opts.id != NULL))
		return cli_usage(
		    cli, "--resume goes with neither --no-resume nor --id");
	if (count == 0 && !p->only_resume)
		return cli_usage(cli, "put needs a file, or - for its input");
	if (count != 1 && (p->opts.name != NULL || p->opts.id != NULL))
		return cli_usage(cli, "--name and --id go with one file");
	for (int i = 0; i < count; i++) {
		if (*paths[i] == '\0')
			return cli_usage(cli,
			    "the name of a file is empty; - is standard input");
	}
	return EXIT_OK;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct put p = {.cli = cli, .opts.size = sizeof(p.opts)};
	int option;

	while ((option = cli_getopt(cli, argc, argv)) >= 0) {
		if (!take_option(&p, option))
			return EXIT_USAGE;
	}
	if (option != CLI_DONE)
		return cli_ended(option);

	int code = check(&p, argc - optind, argv + optind);
	if (code == EXIT_OK)
		code = cli_client(cli, &p.client);
	if (code != EXIT_OK)
		return code;

	if (optind == argc)
		return resume_all(&p);
	for (int i = optind; i < argc && !p.dead; i++)
		put_one(&p, argv[i], &p.opts);
	return p.worst;
}

const struct command cmd_put = {
    .name = "put",
    .synopsis = "put [OPTION]... FILE...",
    .summary = "Store files and print their URLs, one a line",
    .options = options,
    .notes = "FILE may be -, standard input.\n"
	     "\n"
	     "Files from 8 MiB on are remembered until they are there; if an "
	     "upload\n"
	     "breaks off, the same command goes on with it. 'spill uploads' "
	     "lists them.\n",
    .words = "<file>",
    .run = run,
};
