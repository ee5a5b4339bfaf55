/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <unistd.h>

#include "spill/commands.h"
#include "spill/localzip.h"
#include "spill/stream.h"
#include "spill/text.h"

enum {
	OPTION_INDEX = OPTION_FIRST,
};

static const struct option_row options[] = {
    {OPTION_INDEX, "index", "N",
	.help = "the entry with this number, for names that are\n"
		"not unique or not safe"},
    {0},
};

static int cat_local(const char *path, struct stream *s)
{
	if (!s->is_entry)
		return cli_usage(s->cli,
		    "of a zip of this machine cat needs an entry; cat(1) "
		    "writes all of a file");
	return localzip_copy(s->cli, path, s->entry, s->index, stream_write, s);
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct stream s = {.cli = cli, .fd = STDOUT_FILENO};
	struct target target;
	int option;

	while ((option = cli_getopt(cli, argc, argv)) >= 0) {
		s.is_entry = true;
		if (!text_parse_u64(optarg, &s.index))
			return cli_usage(
			    cli, "--index: '%s' is no number", optarg);
	}
	if (option != CLI_DONE)
		return cli_ended(option);

	int names = argc - optind;
	if (names < 1 || names > 2 || (names == 2 && s.is_entry))
		return cli_usage(cli,
		    "cat needs one file, and an entry if the file is a zip");
	if (names == 2) {
		s.is_entry = true;
		s.entry = argv[optind + 1];
	}
	if (target_is_local(argv[optind]))
		return cat_local(argv[optind], &s);

	int code = target_find(cli, argv[optind],
	    s.is_entry ? TARGET_REMOTE_ZIP : TARGET_REMOTE, &target);
	if (code != EXIT_OK)
		return code;

	s.target = &target;
	code = stream_run(&s);
	target_fini(&target);
	return code;
}

const struct command cmd_cat = {
    .name = "cat",
    .synopsis = "cat [OPTION]... ID|URL|./FILE|- [ENTRY]",
    .summary = "Write a file, or an entry of a zip, to standard output",
    .options = options,
    .notes = "ENTRY is the name of an entry, as 'spill ls' has it.\n"
	     "A zip of this machine is named by a path with a slash in it.\n",
    .words = "<any>",
    .takes_local = true,
    .run = run,
};
