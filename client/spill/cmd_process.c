/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <spillway/client_process.h>

#include "spill/commands.h"
#include "spill/target.h"
#include "spill/text.h"

enum {
	OPTION_TYPE = OPTION_FIRST,
	OPTION_SAVE,
};

static const struct option_row options[] = {
    {OPTION_SAVE, "save", NULL,
	.help = "let the output become a file; print its URL"},
    {OPTION_TYPE, "type", "TYPE",
	.help = "media type of what is sent; else\n"
		"application/octet-stream"},
    {0},
};

struct process {
	struct cli *cli;
	const char *name;
	bool save;
	struct spwc_client *client;
	struct spwc_input input;
	int fd;
	uint64_t taken;
};

static int write_output(void *arg, const void *buf, size_t len)
{
	struct process *p = arg;

	p->taken += len;
	return cli_write(STDOUT_FILENO, buf, len);
}

/* Room for the names of processors, of which there may be any number. */
#define NAMES_SIZE 512

struct names {
	char text[NAMES_SIZE];
	size_t len;
};

static int add_name(void *arg, const struct spwc_processor *one)
{
	struct names *names = arg;
	char name[64];

	text_escape(name, sizeof(name), one->name);
	if (names->len + strlen(name) + sizeof(", , ...") > NAMES_SIZE) {
		snprintf(names->text + names->len, NAMES_SIZE - names->len,
		    ", ...");
		return 1;
	}
	names->len += (size_t)snprintf(names->text + names->len,
	    NAMES_SIZE - names->len, "%s%s", names->len ? ", " : "", name);
	return 0;
}

/* Says which processors there are instead, if the server tells. */
static int fail_unknown(struct process *p)
{
	struct names names = {.len = 0};
	struct spwc_error error;

	int r = spwc_processors(p->client, add_name, &names, &error);
	if (r < 0)
		cli_say(p->cli,
		    "the server has no processor '%s'; 'spill process' lists "
		    "those that it has",
		    p->name);
	else if (names.len == 0)
		cli_say(p->cli,
		    "the server has no processor '%s', and no other; its "
		    "operator can set up some ([processor NAME])",
		    p->name);
	else
		cli_say(p->cli,
		    "the server has no processor '%s'; it has: %s ('spill "
		    "process --json' tells more)",
		    p->name, names.text);
	return EXIT_NOT_FOUND;
}

static int work(struct process *p, const char *what)
{
	const struct spwc_sink sink = {.write = write_output, .arg = p};
	struct spwc_file file = {0};
	struct spwc_error error;
	int code;

	cli_start_output(p->cli, p->name);
	int r = p->save ? spwc_process_file(
			      p->client, p->name, &p->input, &file, &error)
			: spwc_process(
			      p->client, p->name, &p->input, &sink, &error);
	progress_clear(&p->cli->progress);
	if (r == -ENOENT && strcmp(error.type, "no-processor") == 0)
		return fail_unknown(p);
	if (r < 0)
		return cli_fail_output(p->cli, r, &error, what, p->taken);

	code = p->save ? cli_print_file(p->cli, p->client, &file) : EXIT_OK;
	spwc_file_fini(&file);
	return code;
}

/* ---- what is sent along ------------------------------------------------- */

static ssize_t read_input(void *arg, void *buf, size_t len)
{
	struct process *p = arg;

	for (;;) {
		ssize_t n = read(p->fd, buf, len);

		if (n >= 0)
			return n;
		if (errno != EINTR)
			return -errno;
		if (cli_interrupted())
			return -ECANCELED;
	}
}

static int seek_input(void *arg, uint64_t offset)
{
	struct process *p = arg;

	return lseek(p->fd, (off_t)offset, SEEK_SET) < 0 ? -errno : 0;
}

static int work_on_local(struct process *p, const char *path)
{
	bool from_stdin = strcmp(path, "-") == 0;
	struct spwc_source source = {
	    .read = read_input,
	    .arg = p,
	    .size = SPWC_UNKNOWN,
	};
	struct stat st;

	int code = cli_client(p->cli, &p->client);
	if (code != EXIT_OK)
		return code;

	p->fd = from_stdin ? STDIN_FILENO
			   : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (p->fd < 0)
		return cli_fail_errno(p->cli, -errno, path);
	if (!from_stdin && fstat(p->fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size > 0) {
		source.size = (uint64_t)st.st_size;
		source.seek = seek_input;
	}
	p->input.source = &source;
	p->input.name = from_stdin ? NULL : basename(path);
	code = work(p, path);
	p->input.source = NULL;
	if (!from_stdin)
		close(p->fd);
	return code;
}

static int work_on_file(struct process *p, const char *text)
{
	struct target target;

	int code = target_find(p->cli, text, TARGET_REMOTE_WHOLE, &target);
	if (code != EXIT_OK)
		return code;

	p->client = target.client;
	p->input.ref = target.ref;
	code = work(p, target.label);
	target_fini(&target);
	return code;
}

/* ---- which there are ---------------------------------------------------- */

static int print_processor(void *arg, const struct spwc_processor *one)
{
	struct process *p = arg;

	if (p->cli->json) {
		puts(one->json);
	} else {
		text_put(stdout, one->name, strlen(one->name));
		putchar('\n');
	}
	return cli_output_failed(p->cli);
}

static int list(struct process *p)
{
	struct spwc_error error;

	int code = cli_client(p->cli, &p->client);
	if (code != EXIT_OK)
		return code;

	int r = spwc_processors(p->client, print_processor, p, &error);
	return r < 0 ? cli_fail(p->cli, r, &error, NULL) : EXIT_OK;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct process p = {.cli = cli, .input.size = sizeof(p.input)};
	int option;

	while ((option = cli_getopt(cli, argc, argv)) >= 0) {
		if (option == OPTION_TYPE)
			p.input.type = optarg;
		else
			p.save = true;
	}
	if (option != CLI_DONE)
		return cli_ended(option);

	int count = argc - optind;
	if (count > 2)
		return cli_usage(
		    cli, "process needs a name and one input at most");
	if (count == 0)
		return list(&p);

	const char *input = count == 2 ? argv[optind + 1] : "-";
	p.name = argv[optind];
	return target_is_local(input) ? work_on_local(&p, input)
				      : work_on_file(&p, input);
}

const struct command cmd_process = {
    .name = "process",
    .synopsis = "process [OPTION]... [NAME [ID|URL|./FILE|-]]",
    .summary = "Have a processor of the server work, and print its output",
    .options = options,
    .notes = "Without an input it reads standard input; without NAME it "
	     "lists what there is.\n",
    .words = "<any>",
    .others = 1,
    .takes_local = true,
    .run = run,
};
