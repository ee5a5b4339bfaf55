/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "spill/cli.h"
#include "spill/commands.h"
#include "spill/state.h"
#include "spill/text.h"

enum {
	OPTION_FORGET = OPTION_FIRST,
};

static const struct option_row options[] = {
    {OPTION_FORGET, "forget", NULL,
	.help = "forget those named, or without any, all"},
    {0},
};

struct uploads {
	struct cli *cli;
	bool forget;
	bool titles;
	uint64_t now;
	/** Those to forget; none is all. */
	char **names;
	int count;
	int found;
	int code;
};

static void print_json(const struct state_entry *e)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:I, s:I, s:b}", "upload",
	    e->name, "file", e->path, "server", e->server, "size",
	    (json_int_t)e->size, "since", (json_int_t)e->since, "running",
	    e->running);

	if (json != NULL)
		json_dumpf(json, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(json);
	putchar('\n');
}

static void print_text(const struct uploads *u, const struct state_entry *e)
{
	char size[TEXT_NUMBER_SIZE];
	char age[TEXT_NUMBER_SIZE];

	if (u->titles && u->found == 1)
		printf("%-21s %10s %4s %-7s %s\n", "UPLOAD", "SIZE", "AGE",
		    "STATE", "FILE");
	text_size(size, e->size);
	text_age(age, u->now > e->since ? u->now - e->since : 0);
	printf("%-21s %10s %4s %-7s ", e->name, size, age,
	    e->running ? "running" : "waiting");
	text_put(stdout, e->path, strlen(e->path));
	fputs(" to ", stdout);
	text_put(stdout, e->server, strlen(e->server));
	putchar('\n');
}

static int print_entry(struct uploads *u, const struct state_entry *e)
{
	if (u->cli->json)
		print_json(e);
	else
		print_text(u, e);
	return cli_output_failed(u->cli);
}

/* By the name of the upload, or the path of the file. */
static bool is_meant(const struct uploads *u, const struct state_entry *e)
{
	for (int i = 0; i < u->count; i++) {
		char *path = realpath(u->names[i], NULL);
		bool same =
		    strcmp(u->names[i], e->name) == 0 ||
		    strcmp(path != NULL ? path : u->names[i], e->path) == 0;

		free(path);
		if (same)
			return true;
	}
	return u->count == 0;
}

/* Its parts go from the server as well, if that is the configured one. */
static void delete_parts(struct uploads *u, const struct state_entry *e)
{
	struct spwc_client *client;

	if (cli_client(u->cli, &client) != EXIT_OK ||
	    strcmp(spwc_server(client), e->server) != 0)
		return;
	for (size_t i = 0; i < e->state->count; i++)
		(void)!spwc_delete(client, e->state->parts[i].id, NULL);
}

static int forget(struct uploads *u, const struct state_entry *e)
{
	int r = state_forget(e->name);

	if (r == -EBUSY)
		cli_say(u->cli, "%s: another spill is uploading it", e->path);
	else if (r < 0)
		cli_fail_errno(u->cli, r, e->path);
	else
		delete_parts(u, e);
	if (r < 0)
		u->code = EXIT_FAILED;
	return 0;
}

static int on_entry(void *arg, const struct state_entry *e)
{
	struct uploads *u = arg;

	if (!is_meant(u, e))
		return 0;
	u->found++;
	return u->forget ? forget(u, e) : print_entry(u, e);
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct uploads u = {
	    .cli = cli,
	    .titles = isatty(STDOUT_FILENO) == 1,
	    .now = (uint64_t)time(NULL),
	};
	int option;

	while ((option = cli_getopt(cli, argc, argv)) >= 0)
		u.forget = true;
	if (option != CLI_DONE)
		return cli_ended(option);

	u.names = argv + optind;
	u.count = argc - optind;
	int r = state_each(on_entry, &u);
	if (r < 0)
		return cli_fail_errno(cli, r, "the uploads");
	if (u.count > 0 && u.found == 0) {
		cli_say(cli, "%s: no such upload is remembered", u.names[0]);
		return EXIT_NOT_FOUND;
	}
	return u.code;
}

const struct command cmd_uploads = {
    .name = "uploads",
    .synopsis = "uploads [OPTION]... [UPLOAD|FILE]...",
    .summary = "List the uploads that were interrupted, or forget them",
    .options = options,
    .notes = "'spill put --resume' goes on with them.\n",
    .words = "<file>",
    .run = run,
};
