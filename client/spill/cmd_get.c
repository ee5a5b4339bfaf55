/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "spill/cli.h"
#include "spill/partial.h"
#include "spill/text.h"

enum {
	OPTION_RANGE = 256,
};

static const struct option options[] = {
    {"output", required_argument, NULL, 'o'},
    {"range", required_argument, NULL, OPTION_RANGE},
    {"continue", no_argument, NULL, 'c'},
    {"force", no_argument, NULL, 'f'},
    {NULL, 0, NULL, 0},
};

struct get {
	struct cli *cli;
	struct target target;
	/** NULL takes the file's own name. */
	const char *output;
	struct spwc_get_opts range;
	bool has_range;
	bool resume;
	bool force;
	/** Where it goes: a stream, or a file with its name. */
	int fd;
	char *path;
	struct partial part;
	/** Bytes that arrived in this run. */
	uint64_t taken;
};

static bool take_option(struct get *g, int option)
{
	switch (option) {
	case 'o':
		g->output = optarg;
		return true;
	case 'c':
		g->resume = true;
		return true;
	case 'f':
		g->force = true;
		return true;
	default:
		g->has_range = true;
		if (text_parse_range(optarg, &g->range))
			return true;
		cli_usage(g->cli,
		    "--range: '%s' is no range; 0-99, 100- or -500 is", optarg);
		return false;
	}
}

/* --- to what cannot be renamed: standard output, a pipe, a device --------- */

static int write_stream(void *arg, const void *buf, size_t len)
{
	struct get *g = arg;

	g->taken += len;
	return cli_write(g->fd, buf, len);
}

static int get_stream(struct get *g)
{
	struct spwc_sink sink = {.write = write_stream, .arg = g};
	struct spwc_error error;

	cli_start_output(g->cli, g->target.id);
	int r = spwc_get(
	    g->target.client, g->target.ref, &g->range, &sink, NULL, &error);
	progress_clear(&g->cli->progress);
	return r == 0
		   ? EXIT_OK
		   : cli_fail_output(g->cli, r, &error, g->target.id, g->taken);
}

static int get_special(struct get *g)
{
	g->fd = open(g->output, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (g->fd < 0)
		return cli_fail_errno(g->cli, -errno, g->output);

	int code = get_stream(g);
	if (close(g->fd) < 0 && code == EXIT_OK)
		code = cli_fail_errno(g->cli, -errno, g->output);
	return code;
}

static bool is_special(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode) &&
	       !S_ISDIR(st.st_mode);
}

/* --- to a file ---------------------------------------------------------- */

/* The name the file has on the server, made harmless; its id if a link lets
 * us read the content but not ask for the name. */
static int default_path(struct get *g)
{
	char name[TEXT_NAME_MAX + 1];
	struct spwc_file file = {0};
	struct spwc_error error;

	int r = spwc_info(g->target.client, g->target.ref, 0, &file, &error);
	if (r < 0 && r != -EACCES)
		return cli_fail(g->cli, r, &error, g->target.id);

	text_file_name(name, file.name, g->target.id);
	spwc_file_fini(&file);
	g->path = strdup(name);
	return g->path != NULL ? EXIT_OK
			       : cli_fail_errno(g->cli, -ENOMEM, "the name");
}

static int choose_path(struct get *g)
{
	struct stat st;

	if (g->output == NULL) {
		int code = default_path(g);
		if (code != EXIT_OK)
			return code;
	} else {
		g->path = strdup(g->output);
		if (g->path == NULL)
			return cli_fail_errno(g->cli, -ENOMEM, g->output);
	}
	if (lstat(g->path, &st) < 0)
		return EXIT_OK;
	if (S_ISDIR(st.st_mode))
		return cli_fail_errno(g->cli, -EISDIR, g->path);
	if (g->force)
		return EXIT_OK;
	cli_say(g->cli, "%s exists; -f overwrites it, -o names another file",
	    g->path);
	return EXIT_FAILED;
}

static int begin_file(void *arg, const struct spwc_content *content)
{
	struct get *g = arg;

	/* A part that was asked for is not what a later run could go on
	 * from: it starts anywhere. */
	if (g->has_range)
		return partial_begin(&g->part, 0, "");
	return partial_begin(&g->part, content->offset, content->etag);
}

static int write_file(void *arg, const void *buf, size_t len)
{
	struct get *g = arg;

	g->taken += len;
	return partial_write(&g->part, buf, len);
}

/* One request. `*ret_whole` when all of the file is there. */
static int get_once(
    struct get *g, bool *ret_whole, struct spwc_error *reterr_error)
{
	struct spwc_sink sink = {
	    .begin = begin_file,
	    .write = write_file,
	    .arg = g,
	};
	struct spwc_get_opts range = g->range;
	struct spwc_content content = {0};
	uint64_t had = g->part.have;

	if (had > 0) {
		range.offset = had;
		range.if_range = g->part.etag;
	}
	int r = spwc_get(g->target.client, g->target.ref, &range, &sink,
	    &content, reterr_error);
	if (r == -ERANGE && had > 0) {
		/* Nothing lies behind what we have: either it is the whole,
		 * or it is not what the mark says. */
		*ret_whole = content.total == had;
		r = *ret_whole ? 0 : partial_begin(&g->part, 0, "");
		if (r < 0) {
			*reterr_error = (struct spwc_error){0};
			snprintf(reterr_error->detail,
			    sizeof(reterr_error->detail), "%s", strerror(-r));
		}
		return r;
	}
	if (r < 0)
		return r;

	/* Of a file that is still received and has no size yet, a range ends
	 * where the bytes do; a whole answer ends with the file. */
	*ret_whole = g->has_range || content.offset == 0 ||
		     content.total != SPWC_UNKNOWN;
	return 0;
}

static int fail_file(struct get *g, int r, const struct spwc_error *error)
{
	char size[TEXT_NUMBER_SIZE];

	text_size(size, g->part.have);
	int code = cli_fail_output(g->cli, r, error, g->path, g->taken);
	if (partial_close(&g->part) && code == EXIT_PARTIAL)
		cli_say(g->cli,
		    "%s of it are in %s.part; 'spill get -c' goes on there",
		    size, g->path);
	return code;
}

static int print_result(struct get *g)
{
	if (!g->cli->json) {
		if (g->output == NULL)
			puts(g->path);
		return EXIT_OK;
	}

	json_t *json = json_pack("{s:s, s:s, s:I}", "id", g->target.id, "file",
	    g->path, "size", (json_int_t)g->part.have);
	if (json == NULL ||
	    json_dumpf(json, stdout, JSON_COMPACT | JSON_ENSURE_ASCII) < 0) {
		json_decref(json);
		return cli_fail_errno(g->cli, -EILSEQ, g->path);
	}
	json_decref(json);
	putchar('\n');
	return EXIT_OK;
}

static int open_part(struct get *g)
{
	char *url = NULL;

	int r = spwc_url(g->target.client, g->target.id, &url);
	if (r == 0)
		r = partial_open(&g->part, g->path, url, g->resume);
	free(url);
	if (r == 0)
		return EXIT_OK;

	if (r == -EBUSY)
		cli_say(g->cli, "%s.part is being written by another spill",
		    g->path);
	else if (r == -ELOOP || r == -EPERM || r == -ENXIO)
		cli_say(g->cli,
		    "%s.part is a link or no plain file; remove it, or choose "
		    "another name with -o",
		    g->path);
	else
		cli_say(g->cli, "%s.part: %s", g->path, strerror(-r));
	return EXIT_FAILED;
}

static int get_file(struct get *g)
{
	struct spwc_error error = {0};
	bool whole = false;
	int r = 0;

	int code = choose_path(g);
	if (code == EXIT_OK)
		code = open_part(g);
	if (code != EXIT_OK)
		return code;

	progress_start(&g->cli->progress, g->path);
	while (r == 0 && !whole)
		r = get_once(g, &whole, &error);
	progress_clear(&g->cli->progress);
	if (r < 0)
		return fail_file(g, r, &error);

	r = partial_commit(&g->part, g->force);
	if (r < 0) {
		cli_say(g->cli, "%s: %s; the content is in %s.part", g->path,
		    strerror(-r), g->path);
		return EXIT_FAILED;
	}
	return print_result(g);
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct get g = {
	    .cli = cli,
	    .fd = STDOUT_FILENO,
	    .part.fd = -1,
	};
	int option;

	while ((option = cli_getopt(cli, argc, argv, "o:cf", options)) >= 0) {
		if (!take_option(&g, option))
			return EXIT_USAGE;
	}
	if (option != CLI_DONE)
		return cli_ended(option);
	if (argc - optind != 1)
		return cli_usage(cli, "get needs one file: its id or its URL");

	bool to_stdout = g.output != NULL && strcmp(g.output, "-") == 0;
	bool special = !to_stdout && g.output != NULL && is_special(g.output);
	if (g.resume && (g.has_range || to_stdout || special))
		return cli_usage(cli,
		    "-c continues a whole file: not with --range, and only to "
		    "a plain file");

	int code = cli_target(cli, argv[optind], CLI_NO_REMOTE, &g.target);
	if (code == EXIT_OK)
		code = to_stdout ? get_stream(&g)
		       : special ? get_special(&g)
				 : get_file(&g);
	partial_close(&g.part);
	free(g.path);
	cli_target_fini(&g.target);
	return code;
}

const struct command cmd_get = {
    .name = "get",
    .synopsis = "get [OPTION]... ID|URL",
    .summary = "Download a file and print the name it is saved under",
    .help = "  -o, --output FILE    save it as FILE; - is standard output\n"
	    "      --range A-B      only bytes A to B, from 0; A- or -LAST\n"
	    "  -c, --continue       go on from FILE.part, if it is of "
	    "the same file\n"
	    "  -f, --force          overwrite FILE\n",
    .run = run,
};
