/* SPDX-License-Identifier: MIT */
/*
 * spill: the command line of Spillway.
 *
 * Here: the options before the command, finding the command, signals, and
 * the last flush of standard output.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spill/cli.h"
#include "spill/commands.h"

#define RETRIES_USUAL 5u

static void on_signal(int number)
{
	(void)number;
	cli_interrupt();
}

/* The first signal ends what runs in good order, the second at once. */
static void catch_signals(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction catch = {.sa_handler = on_signal};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction old;

	catch.sa_flags = (int)SA_RESETHAND;
	sigemptyset(&catch.sa_mask);
	sigemptyset(&ignore.sa_mask);
	sigaction(SIGPIPE, &ignore, NULL);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		/* nohup and background jobs ignore them: so do we. */
		if (sigaction(numbers[i], NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN)
			sigaction(numbers[i], &catch, NULL);
	}
}

/* What is wrong with an option is told as JSON also when that is asked for
 * behind it. */
static bool asks_json(char **argv)
{
	for (; *argv != NULL && strcmp(*argv, "--") != 0; argv++) {
		if (strcmp(*argv, "--json") == 0)
			return true;
	}
	return false;
}

/* Reads the options before the command. An exit code, or -1 to go on. */
static int read_options(struct cli *cli, int argc, char **argv)
{
	enum { OPTION_VERSION = OPTION_FIRST };
	static const struct option_row version[] = {
	    {OPTION_VERSION, "version", NULL, .help = ""},
	    {0},
	};
	struct option_set set = {.shorts = "+"};
	int option;

	option_set_add(&set, version);
	option_set_add(&set, option_globals);
	while ((option = getopt_long(
		    argc, argv, set.shorts, set.longs, NULL)) != -1) {
		if (option == 'h') {
			help_print(NULL);
			return EXIT_OK;
		}
		if (option == OPTION_VERSION) {
			printf("spill %s\n", spwc_version());
			return EXIT_OK;
		}
		if (option == '?')
			return cli_bad_option(cli, argv);
		if (cli_take_global(cli, option) != 0)
			return EXIT_USAGE;
		opterr = !cli->json;
	}
	return -1;
}

static int run(struct cli *cli, int argc, char **argv)
{
	/* getopt begins its messages with argv[0]. */
	argv[0] = program_invocation_short_name;
	cli->json = asks_json(argv);
	if (cli->json)
		progress_use_json(&cli->progress);
	opterr = !cli->json;
	int code = read_options(cli, argc, argv);
	if (code >= 0)
		return code;
	if (optind == argc)
		return cli_usage(cli, "a command is missing");

	const struct command *command = command_find(argv[optind]);
	if (command == NULL)
		return cli_usage(cli, "'%s' is not a command", argv[optind]);

	cli->command = command;
	argc -= optind;
	argv += optind;
	argv[0] = program_invocation_short_name;
	optind = 0;
	return command->run(cli, argc, argv);
}

/* What was printed counts only once it is out. */
static int flush_output(struct cli *cli, int code)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

	errno = 0;
	cli_flush(cli);
	if (!cli_output_failed(cli))
		return code;
	int r = cli->output_error;
	/* stdio forgets why an earlier write failed; the pipe does not. */
	if (r == EPIPE ||
	    (r == 0 && poll(&out, 1, 0) == 1 && (out.revents & POLLERR)))
		return EXIT_PARTIAL;
	cli_say(cli, "cannot write the output: %s",
	    r != 0 ? strerror(r) : "it failed before");
	return EXIT_FAILED;
}

int main(int argc, char **argv)
{
	struct cli cli = {.retries = RETRIES_USUAL};

	catch_signals();
	progress_init(&cli.progress, false);
	int code = run(&cli, argc, argv);
	progress_clear(&cli.progress);
	code = flush_output(&cli, code);
	spwc_free(cli.client);
	spwc_free(cli.other);
	config_fini(&cli.given);
	config_fini(&cli.config);
	return code;
}
