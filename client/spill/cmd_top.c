/* SPDX-License-Identifier: MIT */
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "spill/cli.h"
#include "spill/clock.h"
#include "spill/commands.h"
#include "spill/text.h"
#include "spill/top.h"

#define INTERVAL_S 2u
#define FILES_USUAL 20u

enum {
	OPTION_ONCE = OPTION_FIRST,
	OPTION_INTERVAL,
};

static const struct option_row options[] = {
    {OPTION_ONCE, "once", NULL, .help = "print it once"},
    {OPTION_INTERVAL, "interval", "TIME",
	.help = "look so often: 2s without it"},
    {'n', "limit", "N", .help = "N files at most: 20 without it"},
    {0},
};

struct view {
	struct cli *cli;
	struct spwc_client *client;
	bool once;
	uint64_t interval_s;
	uint64_t limit;
	/** Drawn over and over on a terminal. */
	bool live;
};

static bool take_option(struct view *v, int option)
{
	switch (option) {
	case OPTION_ONCE:
		v->once = true;
		return true;
	case OPTION_INTERVAL:
		return cli_parse_span(
		    v->cli, "--interval", optarg, &v->interval_s);
	default:
		return cli_parse_count(v->cli, "--limit", optarg, &v->limit);
	}
}

static int look(struct view *v, struct top *t)
{
	const struct spwc_list_opts all = {.size = sizeof(all)};
	struct spwc_error error;

	top_init(t, (size_t)v->limit, clock_ms());
	int r = spwc_metrics(v->client, top_take_metric, t, &error);
	if (r == 0)
		r = spwc_list(v->client, &all, top_take_file, t, &error);
	if (r == 0)
		return EXIT_OK;
	top_fini(t);
	return cli_fail(v->cli, r, &error, NULL);
}

static void show(
    const struct view *v, const struct top *t, const struct top *before)
{
	struct winsize size;

	if (v->cli->json) {
		(void)!top_print_json(stdout, t, before);
	} else if (v->live) {
		if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 ||
		    size.ws_col == 0 || size.ws_row < 4)
			size = (struct winsize){.ws_col = 80, .ws_row = 24};
		/* Over what is there, which would flicker if cleared. */
		printf("\033[H%s\033[K\n\033[K\n", spwc_server(v->client));
		top_print(stdout, t, before, size.ws_col, size.ws_row - 3u);
		fputs("\033[J", stdout);
	} else {
		top_print(stdout, t, before, 0, 0);
	}
	cli_flush(v->cli);
}

static void wait_for(const struct view *v, uint64_t until_ms)
{
	uint64_t now;

	while ((now = clock_ms()) < until_ms && !cli_interrupted())
		poll(NULL, 0,
		    until_ms - now < 1000 ? (int)(until_ms - now) : 1000);
	if (!v->live && !v->cli->json && !cli_interrupted())
		putchar('\n');
}

static int watch(struct view *v)
{
	struct top looks[2];
	struct top *before = NULL;
	int code = EXIT_OK;

	for (unsigned int i = 0; code == EXIT_OK; i ^= 1u) {
		struct top *now = &looks[i];

		code = look(v, now);
		if (code != EXIT_OK)
			break;
		show(v, now, before);
		if (before != NULL)
			top_fini(before);
		before = now;
		if (v->once || cli_output_failed(v->cli))
			break;
		wait_for(v, now->at_ms + v->interval_s * 1000);
		/* That is how a live view ends. */
		if (cli_interrupted())
			break;
	}
	if (before != NULL)
		top_fini(before);
	return code;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct view v = {
	    .cli = cli,
	    .interval_s = INTERVAL_S,
	    .limit = FILES_USUAL,
	};
	int option;

	while ((option = cli_getopt(cli, argc, argv)) >= 0) {
		if (!take_option(&v, option))
			return EXIT_USAGE;
	}
	if (option != CLI_DONE)
		return cli_ended(option);
	if (optind != argc)
		return cli_usage(cli, "top takes no files");

	int code = cli_client(cli, &v.client);
	if (code != EXIT_OK)
		return code;

	v.live = !v.once && !cli->json && isatty(STDOUT_FILENO) == 1;
	return watch(&v);
}

const struct command cmd_top = {
    .name = "top",
    .synopsis = "top [OPTION]...",
    .summary = "Watch memory, disk, transfers and the largest files",
    .options = options,
    .notes = "On a terminal until Ctrl-C; elsewhere it prints one view after "
	     "the other.\n",
    .run = run,
};
