/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <spillway/client_zip.h>

#include "spill/commands.h"
#include "spill/localzip.h"
#include "spill/target.h"
#include "spill/text.h"

enum {
	OPTION_STATE = OPTION_FIRST,
	OPTION_PREFIX,
};

static const struct option_row options[] = {
    {'n', "limit", "N", .help = "N lines at most"},
    {OPTION_STATE, "state", "STATE", .words = "receiving ready failed",
	.help = "only files that are receiving, ready or failed"},
    {OPTION_PREFIX, "prefix", "TEXT",
	.help = "only files whose ids begin so, or\n"
		"entries whose names do"},
    {0},
};

struct ls {
	struct cli *cli;
	/** Lines to print; 0 for all. */
	uint64_t limit;
	uint64_t printed;
	const char *state;
	const char *prefix;
	uint64_t now;
	/** Columns have titles; only people want them. */
	bool titles;
};

static bool take_option(struct ls *ls, int option)
{
	static const char *const states[] = {"receiving", "ready", "failed"};

	switch (option) {
	case 'n':
		return cli_parse_count(ls->cli, "--limit", optarg, &ls->limit);
	case OPTION_PREFIX:
		ls->prefix = optarg;
		return true;
	default:
		ls->state = optarg;
		for (size_t i = 0; i < 3; i++) {
			if (strcmp(optarg, states[i]) == 0)
				return true;
		}
		cli_usage(ls->cli,
		    "--state: '%s' is no state; receiving, ready or failed is",
		    optarg);
		return false;
	}
}

/* A line was printed. Ends the list at the limit, or when nobody reads. */
static int line_done(struct ls *ls)
{
	ls->printed++;
	return cli_output_failed(ls->cli) ||
	       (ls->limit > 0 && ls->printed >= ls->limit);
}

static int print_file(void *arg, const struct spwc_file *file)
{
	struct ls *ls = arg;
	char size[TEXT_NUMBER_SIZE];
	char age[TEXT_NUMBER_SIZE] = "-";

	if (ls->prefix != NULL &&
	    strncmp(file->id, ls->prefix, strlen(ls->prefix)) != 0)
		return 0;
	if (ls->cli->json) {
		puts(file->json);
		return line_done(ls);
	}

	if (ls->titles && ls->printed == 0)
		printf("%-24s %10s %-9s %4s %s\n", "ID", "SIZE", "STATE", "AGE",
		    "NAME");
	text_size(
	    size, file->size != SPWC_UNKNOWN ? file->size : file->received);
	if (file->created != SPWC_UNKNOWN)
		text_age(
		    age, ls->now > file->created ? ls->now - file->created : 0);
	printf("%-24s %10s %-9s %4s ", file->id, size,
	    spwc_state_name(file->state), age);
	if (file->name != NULL)
		text_put(stdout, file->name, strlen(file->name));
	else
		putchar('-');
	putchar('\n');
	return line_done(ls);
}

/* "2026-11-21T06:00:00..." as "2026-11-21 06:00". */
static void format_modified(char text[20], const char *modified)
{
	static const char form[] = "0000-00-00T00:00";
	size_t n = strlen(form);

	memcpy(text, "-", 2);
	if (modified == NULL || strlen(modified) < n)
		return;
	for (size_t i = 0; i < n; i++) {
		char c = modified[i];

		if (form[i] == '0' ? c < '0' || c > '9' : c != form[i])
			return;
	}
	memcpy(text, modified, n);
	text[10] = ' ';
	text[n] = '\0';
}

static int print_entry(void *arg, const struct spwc_zip_entry *entry)
{
	struct ls *ls = arg;
	char size[TEXT_NUMBER_SIZE];
	char method[16];
	char modified[20];

	if (ls->cli->json) {
		puts(entry->json);
		return line_done(ls);
	}

	if (ls->titles && ls->printed == 0)
		printf("%6s %10s %-8s %-16s %s\n", "INDEX", "SIZE", "METHOD",
		    "DATE", "NAME");
	text_size(size, entry->size);
	text_escape(method, sizeof(method), entry->method);
	format_modified(modified, entry->modified);
	printf("%6" PRIu64 " %10s %-8s %-16s ", entry->index, size, method,
	    modified);
	text_put(stdout, entry->name, entry->name_len);
	putchar('\n');
	return line_done(ls);
}

static int list_files(struct ls *ls)
{
	struct spwc_list_opts opts = {
	    .size = sizeof(opts),
	    .state = ls->state,
	};
	struct spwc_error error;
	struct spwc_client *c;

	int code = cli_client(ls->cli, &c);
	if (code != EXIT_OK)
		return code;

	/* Those that begin so may be anywhere. */
	if (ls->prefix == NULL && ls->limit > 0 && ls->limit < 1000)
		opts.page = (unsigned int)ls->limit;
	/* Shells that complete ids end it when it takes long, and have what was
	   found until then: whole lines. */
	if (ls->prefix != NULL)
		setvbuf(stdout, NULL, _IOLBF, 0);
	int r = spwc_list(c, &opts, print_file, ls, &error);
	return r < 0 ? cli_fail(ls->cli, r, &error, NULL) : EXIT_OK;
}

static int list_local(struct ls *ls, const char *path)
{
	struct localzip *zip;

	int code = localzip_open(ls->cli, path, &zip);
	if (code != EXIT_OK)
		return code;

	code = localzip_list(zip, ls->prefix, print_entry, ls);
	localzip_close(zip);
	return code;
}

static int list_zip(struct ls *ls, const char *name)
{
	struct spwc_zip_list_opts opts = {
	    .size = sizeof(opts),
	    .prefix = ls->prefix,
	};
	struct spwc_error error;
	struct target target;

	int code = target_find(ls->cli, name, TARGET_REMOTE_ZIP, &target);
	if (code != EXIT_OK)
		return code;

	if (ls->limit > 0 && ls->limit < 1000)
		opts.page = (unsigned int)ls->limit;
	int r = spwc_zip_list(
	    target.client, target.ref, &opts, print_entry, ls, &error);
	if (r < 0)
		code = cli_fail(ls->cli, r, &error, target.label);
	target_fini(&target);
	return code;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct ls ls = {
	    .cli = cli,
	    .now = (uint64_t)time(NULL),
	    .titles = isatty(STDOUT_FILENO) == 1,
	};
	int option;

	while ((option = cli_getopt(cli, argc, argv)) >= 0) {
		if (!take_option(&ls, option))
			return EXIT_USAGE;
	}
	if (option != CLI_DONE)
		return cli_ended(option);

	bool zip = argc - optind == 1;
	if (argc - optind > 1)
		return cli_usage(cli, "ls takes one zip, or nothing");
	if (zip && ls.state != NULL)
		return cli_usage(
		    cli, "--state is for files, not for entries of a zip");
	if (!zip)
		return list_files(&ls);
	return target_is_local(argv[optind]) ? list_local(&ls, argv[optind])
					     : list_zip(&ls, argv[optind]);
}

const struct command cmd_ls = {
    .name = "ls",
    .synopsis = "ls [OPTION]... [ID|URL|./FILE|-]",
    .summary = "List the files of the server, or the entries of a zip",
    .options = options,
    .notes = "The URL of a zip anywhere works too: the server reads it in "
	     "parts.\n"
	     "A zip of this machine is named by a path with a slash in it.\n",
    .words = "<any>",
    .takes_local = true,
    .run = run,
};
