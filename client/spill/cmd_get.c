/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "spill/commands.h"
#include "spill/download.h"
#include "spill/localzip.h"
#include "spill/stream.h"
#include "spill/text.h"

enum {
	OPTION_RANGE = OPTION_FIRST,
	OPTION_PARTS,
	OPTION_NO_RESUME,
	OPTION_NO_VERIFY,
	OPTION_ENTRY,
	OPTION_INDEX,
};

static const struct option_row options[] = {
    {'o', "output", "FILE", .words = "<file>",
	.help = "save it as FILE, or in it if it is a directory;\n"
		"- is standard output"},
    {'f', "force", NULL, .help = "overwrite FILE"},
    {'e', "entry", "NAME", .help = "an entry of the zip that the file is"},
    {OPTION_INDEX, "index", "N", .help = "the entry with this number"},
    {OPTION_RANGE, "range", "A-B",
	.help = "only bytes A to B, from 0; A- or -LAST"},
    {OPTION_PARTS, "parts", "N",
	.help = "get N parts of it at the same time; else 4 of a\n"
		"file from 64 MiB on"},
    {OPTION_NO_RESUME, "no-resume", NULL,
	.help = "begin anew, whatever FILE.part has"},
    {OPTION_NO_VERIFY, "no-verify", NULL,
	.help = "do not compare it with the server's digest"},
    {0},
};

struct get {
	struct cli *cli;
	/** NULL takes the file's own name. */
	const char *output;
	/** `output` is a directory. */
	bool into;
	/** What all of them have in common. */
	struct download how;
};

static bool take_number(struct get *g)
{
	g->how.is_entry = true;
	if (text_parse_u64(optarg, &g->how.index))
		return true;
	cli_usage(g->cli, "--index: '%s' is no number", optarg);
	return false;
}

static bool take_range(struct get *g)
{
	g->how.has_range = true;
	if (text_parse_range(optarg, &g->how.range))
		return true;
	cli_usage(
	    g->cli, "--range: '%s' is no range; 0-99, 100- or -500 is", optarg);
	return false;
}

static bool take_option(struct get *g, int option)
{
	switch (option) {
	case 'o':
		g->output = optarg;
		return true;
	case 'f':
		g->how.force = true;
		return true;
	case 'e':
		g->how.is_entry = true;
		g->how.entry = optarg;
		return true;
	case OPTION_INDEX:
		return take_number(g);
	case OPTION_RANGE:
		return take_range(g);
	case OPTION_PARTS:
		return cli_parse_parts(g->cli, optarg, &g->how.parts);
	case OPTION_NO_RESUME:
		g->how.resume = false;
		return true;
	default:
		g->how.verify = false;
		return true;
	}
}

/* ---- to what cannot be renamed: standard output, a pipe, a device ------- */

static int to_stream(
    struct get *g, const struct target *target, const char *local, int fd)
{
	const struct download *how = &g->how;
	struct stream s = {
	    .cli = g->cli,
	    .target = target,
	    .fd = fd,
	    .range = how->range,
	    .is_entry = how->is_entry,
	    .entry = how->entry,
	    .index = how->index,
	};

	return local == NULL ? stream_run(&s)
			     : localzip_copy(g->cli, local, s.entry, s.index,
				   stream_write, &s);
}

static int to_special(
    struct get *g, const struct target *target, const char *local)
{
	int fd = open(g->output, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return cli_fail_errno(g->cli, -errno, g->output);

	int code = to_stream(g, target, local, fd);
	if (close(fd) < 0 && code == EXIT_OK)
		code = cli_fail_errno(g->cli, -errno, g->output);
	return code;
}

static bool is_special(const char *path)
{
	struct stat st;

	return path != NULL && stat(path, &st) == 0 && !S_ISREG(st.st_mode) &&
	       !S_ISDIR(st.st_mode);
}

/* ---- to a file ---------------------------------------------------------- */

static int choose_path(
    struct get *g, const char *name, const char *id, char **ret_path)
{
	char safe[TEXT_NAME_MAX + 1];
	char *path = NULL;
	struct stat st;
	int n;

	text_file_name(safe, name, id);
	if (g->output != NULL && !g->into)
		n = asprintf(&path, "%s", g->output);
	else if (g->into)
		n = asprintf(&path, "%s/%s", g->output, safe);
	else
		n = asprintf(&path, "%s", safe);
	if (n < 0)
		return cli_fail_errno(g->cli, -ENOMEM, safe);

	int code = EXIT_OK;
	if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		code = cli_fail_errno(g->cli, -EISDIR, path);
	} else if (lstat(path, &st) == 0 && !g->how.force) {
		cli_say(g->cli,
		    "%s exists; -f overwrites it, -o names another file", path);
		code = EXIT_FAILED;
	}
	if (code != EXIT_OK)
		free(path);
	else
		*ret_path = path;
	return code;
}

static int print_result(struct get *g, const struct download *d, const char *id)
{
	if (!g->cli->json) {
		if (g->output == NULL || g->into) {
			text_put(stdout, d->path, strlen(d->path));
			putchar('\n');
		}
		cli_flush(g->cli);
		return EXIT_OK;
	}

	json_t *json = json_pack("{s:s*, s:s, s:I, s:b}", "id", id, "file",
	    d->path, "size", (json_int_t)d->size, "verified", d->verified);
	if (json == NULL ||
	    json_dumpf(json, stdout, JSON_COMPACT | JSON_ENSURE_ASCII) < 0) {
		json_decref(json);
		return cli_fail_errno(g->cli, -EILSEQ, d->path);
	}
	json_decref(json);
	putchar('\n');
	cli_flush(g->cli);
	return EXIT_OK;
}

/* What an entry is called: the end of its name, or its number. */
static const char *entry_name(
    const struct download *d, char *number, size_t size)
{
	snprintf(number, size, "entry-%llu", (unsigned long long)d->index);
	return d->entry != NULL ? d->entry : number;
}

static int to_file(struct get *g, const struct target *target)
{
	struct spwc_file file = {0};
	struct download d = g->how;
	struct spwc_error error;
	char number[32];
	char *path = NULL;

	/* Its name, its size and its version; a link lets us read the content
	 * but may not let us ask. */
	int r = spwc_info(target->client, target->ref, 0, &file, &error);
	if (r < 0 && r != -EACCES)
		return cli_fail(g->cli, r, &error, target->label);

	const char *name =
	    d.is_entry ? entry_name(&d, number, sizeof(number)) : file.name;
	int code = choose_path(g, name, target->id, &path);
	if (code == EXIT_OK) {
		d.target = target;
		d.file = &file;
		d.path = path;
		code = download_run(&d);
	}
	if (code == EXIT_OK)
		code = print_result(g, &d, target->id);
	free(path);
	spwc_file_fini(&file);
	return code;
}

static int local_to_file(struct get *g, const char *local)
{
	struct download d = g->how;
	char number[32];
	char *path = NULL;

	const char *name = entry_name(&d, number, sizeof(number));
	int code = choose_path(g, name, "entry", &path);
	if (code != EXIT_OK)
		return code;

	d.path = path;
	code = download_open(&d);
	if (code == EXIT_OK)
		code = download_close(&d, localzip_copy(g->cli, local, d.entry,
					      d.index, download_write, &d));
	if (code == EXIT_OK)
		code = print_result(g, &d, NULL);
	free(path);
	return code;
}

/* ---- each of them ------------------------------------------------------- */

static int get_one(struct get *g, const char *text)
{
	bool to_stdout = g->output != NULL && strcmp(g->output, "-") == 0;
	bool special = !to_stdout && is_special(g->output);
	const char *local = target_is_local(text) ? text : NULL;
	struct target target = {0};
	int code;

	if (local != NULL && !g->how.is_entry)
		return cli_usage(g->cli,
		    "%s is a file of this machine; with --entry an entry of "
		    "it is taken out",
		    text);
	if (local == NULL) {
		code = target_find(g->cli, text,
		    g->how.is_entry ? TARGET_REMOTE_ZIP : TARGET_REMOTE_LAZY,
		    &target);
		if (code != EXIT_OK)
			return code;
	}
	if (to_stdout)
		code = to_stream(g, &target, local, STDOUT_FILENO);
	else if (special)
		code = to_special(g, &target, local);
	else
		code = local != NULL ? local_to_file(g, local)
				     : to_file(g, &target);
	target_fini(&target);
	return code;
}

static int check(struct get *g, int count)
{
	struct stat st;

	if (count == 0)
		return cli_usage(g->cli, "get needs files: ids or URLs");
	if (g->how.is_entry && (g->how.has_range || count > 1))
		return cli_usage(
		    g->cli, "an entry is all of it, and of one zip");
	g->into = g->output != NULL && stat(g->output, &st) == 0 &&
		  S_ISDIR(st.st_mode);
	if (count > 1 && g->output != NULL && !g->into)
		return cli_usage(g->cli,
		    "several files go into a directory; '%s' is none",
		    g->output);
	return EXIT_OK;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct get g = {
	    .cli = cli,
	    .how =
		{
		    .cli = cli,
		    .resume = true,
		    .verify = true,
		    .part = {.fd = -1, .mark_fd = -1},
		},
	};
	int worst = EXIT_OK;
	int option;

	while ((option = cli_getopt(cli, argc, argv)) >= 0) {
		if (!take_option(&g, option))
			return EXIT_USAGE;
	}
	if (option != CLI_DONE)
		return cli_ended(option);

	int code = check(&g, argc - optind);
	if (code != EXIT_OK)
		return code;

	for (int i = optind; i < argc && !cli_interrupted(); i++) {
		code = get_one(&g, argv[i]);
		if (worst == EXIT_OK)
			worst = code;
	}
	return worst;
}

const struct command cmd_get = {
    .name = "get",
    .synopsis = "get [OPTION]... ID|URL|./FILE...",
    .summary = "Download files, and print the names chosen for them",
    .options = options,
    .notes = "A name that -o gives is not printed.\n"
	     "What breaks off is in FILE.part, and the same command goes on "
	     "with it.\n",
    .words = "<id>",
    .takes_local = true,
    .run = run,
};
