/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <spillway/client_fetch.h>

#include "spill/cli.h"
#include "spill/clock.h"
#include "spill/commands.h"
#include "spill/text.h"

/* A server answers a wait when something changes; progress does not count as
 * that, so who watches asks more often. */
#define POLL_WATCHED_S 1u
#define POLL_QUIET_S 30u
/* For a server that answers a wait at once. */
#define POLL_PAUSE_MS 200u

enum {
	OPTION_WAIT = OPTION_FIRST,
	OPTION_NAME,
	OPTION_TTL,
	OPTION_READS,
	OPTION_LAZY,
};

static const struct option_row options[] = {
    {OPTION_WAIT, "wait", "TIME", .optional = true,
	.help = "wait for the end, TIME at most; fail if it did"},
    {OPTION_NAME, "name", "NAME", .help = "name to give it"},
    {OPTION_TTL, "ttl", "TIME",
	.help = "keep it so long: 90, 90s, 15m, 2h, 7d; 0 is for ever"},
    {OPTION_READS, "reads", "N", .help = "delete it after N downloads"},
    {OPTION_LAZY, "lazy", NULL, .help = "pull only what is read"},
    {0},
};

struct fetch {
	struct spwc_fetch_opts opts;
	bool wait;
	/** SPWC_UNKNOWN for as long as it takes. */
	uint64_t wait_s;
};

static bool take_option(struct cli *cli, int option, struct fetch *f)
{
	switch (option) {
	case OPTION_WAIT:
		f->wait = true;
		f->wait_s = SPWC_UNKNOWN;
		return optarg == NULL ||
		       cli_parse_seconds(cli, "--wait", optarg, &f->wait_s);
	case OPTION_NAME:
		f->opts.name = optarg;
		return true;
	case OPTION_TTL:
		return cli_parse_ttl(cli, optarg, &f->opts.ttl_s);
	case OPTION_READS:
		return cli_parse_count(cli, "--reads", optarg, &f->opts.reads);
	default:
		f->opts.lazy = true;
		return true;
	}
}

static void pause_until(uint64_t then_ms)
{
	uint64_t now = clock_ms();
	uint64_t left = then_ms > now ? then_ms - now : 0;
	struct timespec ts = {
	    .tv_sec = (time_t)(left / 1000),
	    .tv_nsec = (long)(left % 1000) * 1000000,
	};

	if (left > 0)
		nanosleep(&ts, NULL);
}

/* Asks once more how it goes; `file` is replaced. */
static int poll_once(struct cli *cli, struct spwc_client *c,
    struct spwc_file *file, uint64_t left_ms)
{
	unsigned int wait_s =
	    cli->progress.enabled ? POLL_WATCHED_S : POLL_QUIET_S;
	struct spwc_file newer = {0};
	struct spwc_error error;
	uint64_t began = clock_ms();

	if (left_ms / 1000 < wait_s)
		wait_s = left_ms < 1000 ? 1 : (unsigned int)(left_ms / 1000);
	int r = spwc_info(c, file->id, wait_s, &newer, &error);
	if (r < 0)
		return cli_fail(cli, r, &error, "waiting");

	spwc_file_fini(file);
	*file = newer;
	progress_show(&cli->progress, file->received, file->size);
	if (file->state == SPWC_RECEIVING)
		pause_until(began + POLL_PAUSE_MS);
	return EXIT_OK;
}

static int wait_for(struct cli *cli, struct spwc_client *c,
    const struct fetch *f, struct spwc_file *file)
{
	uint64_t end = f->wait_s == SPWC_UNKNOWN
			   ? UINT64_MAX
			   : clock_ms() + f->wait_s * 1000;
	int code = EXIT_OK;

	progress_start(
	    &cli->progress, file->name != NULL ? file->name : f->opts.url);
	cli->own_progress = true;
	while (code == EXIT_OK && file->state == SPWC_RECEIVING) {
		uint64_t now = clock_ms();

		if (now >= end)
			break;
		code = poll_once(cli, c, file, end - now);
	}
	cli->own_progress = false;
	progress_clear(&cli->progress);
	return code;
}

/* Says how it ended, where that is not well. */
static int verdict(
    struct cli *cli, const struct fetch *f, const struct spwc_file *file)
{
	char received[TEXT_NUMBER_SIZE];

	if (file->state == SPWC_FAILED) {
		cli_say_error(cli, &file->error, "fetching %s failed: %s",
		    f->opts.url, file->error.detail);
		return EXIT_FAILED;
	}
	if (file->state == SPWC_RECEIVING && f->wait) {
		text_size(received, file->received);
		cli_say(cli,
		    "%s is still being fetched, %s so far; 'spill info %s' "
		    "tells how it goes",
		    f->opts.url, received, file->id);
		return EXIT_PARTIAL;
	}
	return EXIT_OK;
}

static int fetch(struct cli *cli, const struct fetch *f)
{
	struct spwc_file file = {0};
	struct spwc_error error;
	struct spwc_client *c;

	int code = cli_client(cli, &c);
	if (code != EXIT_OK)
		return code;

	int r = spwc_fetch(c, &f->opts, &file, &error);
	if (r < 0)
		return cli_fail(cli, r, &error, f->opts.url);

	/* The file can be read from now on: its URL comes before the wait,
	 * its descriptor after. */
	if (!cli->json)
		code = cli_print_file(cli, c, &file);
	if (code == EXIT_OK && f->wait)
		code = wait_for(cli, c, f, &file);
	if (cli->json && code == EXIT_OK)
		code = cli_print_file(cli, c, &file);
	if (code == EXIT_OK)
		code = verdict(cli, f, &file);
	spwc_file_fini(&file);
	return code;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct fetch f = {.opts.size = sizeof(f.opts)};
	int option;

	while ((option = cli_getopt(cli, argc, argv)) >= 0) {
		if (!take_option(cli, option, &f))
			return EXIT_USAGE;
	}
	if (option != CLI_DONE)
		return cli_ended(option);
	if (argc - optind != 1)
		return cli_usage(cli, "fetch needs one URL");

	f.opts.url = argv[optind];
	return fetch(cli, &f);
}

const struct command cmd_fetch = {
    .name = "fetch",
    .synopsis = "fetch [OPTION]... URL",
    .summary = "Have the server fetch a URL as a file, and print its URL",
    .options = options,
    .run = run,
};
