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

#define DEFAULT_SERVER "http://127.0.0.1:8080"

static const struct command *const commands[] = {
    &cmd_put,
    &cmd_fetch,
    &cmd_get,
    &cmd_ls,
    &cmd_cat,
    &cmd_info,
    &cmd_rm,
    &cmd_check,
};
enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static const char global_help[] =
    "  FILEs are named by id, as /files/ID, or by URL.\n"
    "\n"
    "Options, before or after the command:\n"
    "      --server URL     http://HOST:PORT, https://... or unix:/PATH;\n"
    "                       else $SPILLWAY_URL, else " DEFAULT_SERVER "\n"
    "      --token TOKEN    who we are; else $SPILLWAY_TOKEN\n"
    "      --proxy URL      reach the server through this proxy\n"
    "      --cacert FILE    trust the authorities in this PEM file\n"
    "      --json           print JSON, one object a line\n"
    "  -q, --quiet          no progress on a terminal\n"
    "  -h, --help           this, or the options of a command\n"
    "      --version        print the version\n"
    "\n"
    "Exit codes: 0 done, 1 refused or failed, 2 usage, 3 not found,\n"
    "4 interrupted or partial.\n";

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

static void print_help(void)
{
	puts("Usage: spill [OPTION]... COMMAND ...");
	puts("Store, fetch and read files on a Spillway server.\n");
	for (int i = 0; i < COMMANDS; i++)
		printf("  %-9s %s\n", commands[i]->name, commands[i]->summary);
	fputs(
	    "\n'spill COMMAND --help' has the options of a command.\n", stdout);
	fputs(global_help, stdout);
}

static const struct command *find_command(const char *name)
{
	for (int i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

/* Reads the options before the command. An exit code, or -1 to go on. */
static int read_options(struct cli *cli, int argc, char **argv)
{
	enum { OPTION_VERSION = 256 };
	struct option all[16] = {
	    {"version", no_argument, NULL, OPTION_VERSION}};
	int option;

	for (int n = 0; cli_global_options[n].name != NULL; n++)
		all[n + 1] = cli_global_options[n];
	while ((option = getopt_long(
		    argc, argv, "+" CLI_GLOBAL_SHORTS, all, NULL)) != -1) {
		if (option == 'h') {
			print_help();
			return EXIT_OK;
		}
		if (option == OPTION_VERSION) {
			printf("spill %s\n", spwc_version());
			return EXIT_OK;
		}
		if (!cli_take_global(cli, option)) {
			fputs("Try 'spill --help'.\n", stderr);
			return EXIT_USAGE;
		}
	}
	return -1;
}

static int run(struct cli *cli, int argc, char **argv)
{
	/* getopt begins its messages with argv[0]. */
	argv[0] = program_invocation_short_name;
	int code = read_options(cli, argc, argv);
	if (code >= 0)
		return code;
	if (optind == argc)
		return cli_usage(cli, "a command is missing");

	const struct command *command = find_command(argv[optind]);
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
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	/* stdio forgets why an earlier write failed; the pipe does not. */
	if (errno == EPIPE ||
	    (errno == 0 && poll(&out, 1, 0) == 1 && (out.revents & POLLERR)))
		return EXIT_PARTIAL;
	cli_say(cli, "cannot write the output: %s",
	    errno != 0 ? strerror(errno) : "it failed before");
	return EXIT_FAILED;
}

static const char *from_environment(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

int main(int argc, char **argv)
{
	const char *server = from_environment("SPILLWAY_URL");
	const char *token = from_environment("SPILLWAY_TOKEN");
	struct cli cli = {
	    .server = server != NULL ? server : DEFAULT_SERVER,
	    .token = token != NULL ? strdup(token) : NULL,
	};

	catch_signals();
	progress_init(&cli.progress, false);
	int code = run(&cli, argc, argv);
	progress_clear(&cli.progress);
	code = flush_output(&cli, code);
	spwc_free(cli.client);
	spwc_free(cli.other);
	free(cli.token);
	return code;
}
