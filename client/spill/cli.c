/* SPDX-License-Identifier: MIT */
#include "spill/cli.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "common/sizes.h"
#include "spill/text.h"

/* Content that moves no byte for so long does not come any more. */
#define STALL_TIMEOUT_S 60u
/* From there on several connections are worth their while. */
#define PARTS_FROM_BYTES (UINT64_C(64) << 20)
#define PARTS_USUAL 4u
#define SECONDS_MAX INT32_MAX

static volatile sig_atomic_t interrupted;

void cli_interrupt(void)
{
	interrupted = 1;
}

bool cli_interrupted(void)
{
	return interrupted != 0;
}

/* ---- telling ------------------------------------------------------------ */

/* With what is known of the cause; NULL knows nothing. */
static void say_json(
    const char *key, const char *text, const struct spwc_error *e)
{
	json_t *json = json_pack("{s:o}", key, text_json(text));

	if (json != NULL && e != NULL) {
		json_t *known = json_pack("{s:s, s:o, s:s*, s:o*, s:s*, s:o*}",
		    "type", e->type, "detail", text_json(e->detail), "title",
		    e->title[0] != '\0' ? e->title : NULL, "status",
		    e->status != 0 ? json_integer(e->status) : NULL, "stderr",
		    e->said[0] != '\0' ? e->said : NULL, "retry_after",
		    e->retry_after_s != 0 ? json_integer(e->retry_after_s)
					  : NULL);

		json_object_update_missing(json, known);
		json_decref(known);
	}
	json_dumpf(json, stderr, JSON_COMPACT | JSON_ENSURE_ASCII);
	fputc('\n', stderr);
	json_decref(json);
}

/* `key` is what the text is, for programs. */
SPW_PRINTF(4, 0)
static void say(struct cli *cli, const char *key, const struct spwc_error *e,
    const char *format, va_list args)
{
	char text[2048];

	progress_clear(&cli->progress);
	vsnprintf(text, sizeof(text), format, args);
	if (cli->json) {
		say_json(key, text, e);
		return;
	}
	fputs("spill: ", stderr);
	text_put(stderr, text, strlen(text));
	fputc('\n', stderr);
}

void cli_say(struct cli *cli, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(cli, "error", NULL, format, args);
	va_end(args);
}

void cli_remark(struct cli *cli, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(cli, "note", NULL, format, args);
	va_end(args);
}

void cli_say_error(
    struct cli *cli, const struct spwc_error *e, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(cli, "error", e, format, args);
	va_end(args);
}

void cli_note(struct cli *cli, const char *format, ...)
{
	bool running = cli->progress.running;
	va_list args;

	if (!cli->progress.enabled)
		return;
	va_start(args, format);
	say(cli, "note", NULL, format, args);
	va_end(args);
	cli->progress.running = running;
}

int cli_usage(struct cli *cli, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(cli, "error", NULL, format, args);
	va_end(args);
	if (cli->json)
		return EXIT_USAGE;
	if (cli->command != NULL)
		fprintf(stderr, "Try 'spill %s --help'.\n", cli->command->name);
	else
		fputs("Try 'spill --help'.\n", stderr);
	return EXIT_USAGE;
}

static const char *hint(const struct cli *cli, const struct spwc_error *e)
{
	if (e->status == 401)
		return "; SPILLWAY_TOKEN, --token-file or a token in "
		       "spill.conf "
		       "says who you are";
	if (e->status != 0)
		return "";
	if (cli->config.proxy != NULL)
		return "; --proxy names another, or spill.conf";
	if (strcmp(e->type, "connection_refused") == 0)
		return "; is spillwayd running? (--server or SPILLWAY_URL "
		       "names another)";
	if (strcmp(e->type, "dns_error") == 0 ||
	    strcmp(e->type, "connection_timeout") == 0 ||
	    strcmp(e->type, "connection_failed") == 0)
		return "; --server or SPILLWAY_URL names another";
	return "";
}

static int exit_code(int err, const struct spwc_error *e)
{
	/* It could not even be asked for. */
	if (e->status == 0 && strcmp(e->type, "invalid_argument") == 0)
		return EXIT_USAGE;
	switch (err) {
	case 0:
		return EXIT_OK;
	case -ENOENT:
		return EXIT_NOT_FOUND;
	case -ECANCELED:
	case -EPIPE:
		return EXIT_PARTIAL;
	default:
		return EXIT_FAILED;
	}
}

/* What a program of the server's complained of, line by line. */
static void say_said(struct cli *cli, const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		cli_say(cli, "| %.*s", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

int cli_fail(
    struct cli *cli, int err, const struct spwc_error *error, const char *what)
{
	char later[48] = "";

	progress_clear(&cli->progress);
	/* Nobody reads on: there is nobody to tell either. */
	if (err == -EPIPE)
		return EXIT_PARTIAL;
	if (error->retry_after_s > 0)
		snprintf(later, sizeof(later), "; try again in %u s",
		    error->retry_after_s);
	cli_say_error(cli, error, "%s%s%s%s%s", what != NULL ? what : "",
	    what != NULL ? ": " : "", error->detail, hint(cli, error), later);
	if (!cli->json)
		say_said(cli, error->said);
	/* An id and the name of a file look the same. */
	if (err == -ENOENT && what != NULL && cli->command->takes_local &&
	    strchr(what, '/') == NULL && access(what, F_OK) == 0)
		cli_remark(cli,
		    "there is a file of that name here: that is ./%s", what);
	return exit_code(err, error);
}

bool cli_is_fatal(int err, const struct spwc_error *error)
{
	return err == -ECANCELED || err == -ECONNREFUSED ||
	       err == -EHOSTUNREACH || error->status == 401;
}

int cli_fail_errno(struct cli *cli, int err, const char *what)
{
	cli_say(cli, "%s: %s", what, strerror(-err));
	return EXIT_FAILED;
}

/* ---- options ------------------------------------------------------------ */

int cli_ended(int option)
{
	return option == CLI_HELPED ? EXIT_OK : EXIT_USAGE;
}

bool cli_parse_seconds(struct cli *cli, const char *option, const char *text,
    uint64_t *ret_seconds)
{
	if (!text_parse_seconds(text, ret_seconds)) {
		cli_usage(cli, "%s: '%s' is no time; 90, 90s, 15m, 2h or 7d is",
		    option, text);
		return false;
	}
	if (*ret_seconds > SECONDS_MAX) {
		cli_usage(cli,
		    "%s: '%s' is too long; %d seconds, or %dd, is "
		    "the longest",
		    option, text, SECONDS_MAX, SECONDS_MAX / 86400);
		return false;
	}
	return true;
}

bool cli_parse_span(struct cli *cli, const char *option, const char *text,
    uint64_t *ret_seconds)
{
	uint64_t seconds;

	if (!cli_parse_seconds(cli, option, text, &seconds))
		return false;
	if (seconds == 0) {
		cli_usage(cli, "%s: it takes a second or more", option);
		return false;
	}
	*ret_seconds = seconds;
	return true;
}

bool cli_parse_ttl(struct cli *cli, const char *text, uint64_t *ret_ttl_s)
{
	if (!cli_parse_seconds(cli, "--ttl", text, ret_ttl_s))
		return false;
	if (*ret_ttl_s == 0)
		*ret_ttl_s = SPWC_FOREVER;
	return true;
}

bool cli_parse_count(
    struct cli *cli, const char *option, const char *text, uint64_t *ret_count)
{
	if (text_parse_u64(text, ret_count) && *ret_count > 0 &&
	    *ret_count <= INT32_MAX)
		return true;
	cli_usage(
	    cli, "%s: '%s' is no number from 1 to %d", option, text, INT32_MAX);
	return false;
}

bool cli_parse_size(
    struct cli *cli, const char *option, const char *text, uint64_t *ret_bytes)
{
	uint64_t bytes;

	if (size_parse(text, &bytes) == 0 && bytes > 0 && bytes <= INT64_MAX) {
		*ret_bytes = bytes;
		return true;
	}
	cli_usage(cli,
	    "%s: '%s' is no number of bytes from 1 to 8388607T; 500000, 500K "
	    "or 2M is",
	    option, text);
	return false;
}

bool cli_parse_parts(struct cli *cli, const char *text, unsigned *ret_parts)
{
	uint64_t n;

	if (text_parse_u64(text, &n) && n > 0 && n <= CLI_PARTS_MAX) {
		*ret_parts = (unsigned)n;
		return true;
	}
	cli_usage(cli, "--parts: '%s' is no number from 1 to %d", text,
	    CLI_PARTS_MAX);
	return false;
}

unsigned cli_parts_for(unsigned asked, uint64_t bytes)
{
	unsigned most = asked != CLI_PARTS_AUTO ? asked : PARTS_USUAL;

	if (asked == CLI_PARTS_AUTO && bytes < PARTS_FROM_BYTES)
		return 1;
	/* None is empty. */
	return bytes < most ? 1 : most;
}

/* ---- servers ------------------------------------------------------------ */

static int on_progress(void *arg, uint64_t done, uint64_t total)
{
	struct cli *cli = arg;

	if (!cli->own_progress)
		progress_show(&cli->progress, done, total);
	return cli_interrupted();
}

static int open_client(struct cli *cli, const char *server, bool with_token,
    struct spwc_client **ret_client)
{
	struct spwc_opts opts = {
	    .size = sizeof(opts),
	    .server = server,
	    .token = with_token ? cli->config.token : NULL,
	    .proxy = cli->config.proxy,
	    .ca_file = cli->config.ca_file,
	    .stall_timeout_s = STALL_TIMEOUT_S,
	    .retries = cli->retries,
	    .max_rate = cli->max_rate,
	};
	struct spwc_error error;

	int r = spwc_new(&opts, ret_client, &error);
	if (r == -EINVAL)
		return cli_usage(cli, "%s", error.detail);
	if (r < 0)
		return cli_fail(cli, r, &error, NULL);

	spwc_set_progress(*ret_client, on_progress, cli);
	return EXIT_OK;
}

/* Once, when the first server is wanted. */
static int settle(struct cli *cli)
{
	struct config_error error;

	if (cli->settled)
		return EXIT_OK;

	int r = config_settle(&cli->given, &cli->config, &error);
	if (r < 0) {
		cli_say(cli, "%s", error.text);
		return EXIT_USAGE;
	}
	if (error.exposed && !cli->quiet)
		cli_remark(cli,
		    "%s holds a token that others can read; 'chmod 600 %s' "
		    "ends that",
		    error.text, error.text);
	cli->settled = true;
	return EXIT_OK;
}

int cli_client(struct cli *cli, struct spwc_client **ret_client)
{
	if (cli->client == NULL) {
		int code = settle(cli);
		if (code == EXIT_OK)
			code = open_client(
			    cli, cli->config.server, true, &cli->client);
		if (code != EXIT_OK)
			return code;
	}
	*ret_client = cli->client;
	return EXIT_OK;
}

int cli_client_for(
    struct cli *cli, const char *server, struct spwc_client **ret_client)
{
	struct spwc_client *configured;

	int code = cli_client(cli, &configured);
	if (code != EXIT_OK)
		return code;

	if (server == NULL || strcmp(server, spwc_server(configured)) == 0) {
		*ret_client = configured;
		return EXIT_OK;
	}
	if (cli->other == NULL ||
	    strcmp(server, spwc_server(cli->other)) != 0) {
		spwc_freep(&cli->other);
		code = open_client(
		    cli, server, cli->config.token_for_all, &cli->other);
		if (code != EXIT_OK)
			return code;
	}
	*ret_client = cli->other;
	return EXIT_OK;
}

/* ---- output ------------------------------------------------------------- */

bool cli_output_failed(struct cli *cli)
{
	if (!ferror(stdout))
		return false;
	if (cli->output_error == 0)
		cli->output_error = errno;
	return true;
}

void cli_flush(struct cli *cli)
{
	fflush(stdout);
	(void)cli_output_failed(cli);
}

int cli_print_file(
    struct cli *cli, const struct spwc_client *c, const struct spwc_file *file)
{
	char *url = NULL;

	progress_clear(&cli->progress);
	if (cli->json) {
		puts(file->json);
	} else {
		int r = spwc_url(c, file->id, &url);
		if (r < 0)
			return cli_fail_errno(cli, r, "the address");
		puts(url);
		free(url);
	}
	/* Whoever waits for the address can use it while we go on. */
	cli_flush(cli);
	return EXIT_OK;
}

int cli_write(int fd, const void *buf, size_t len)
{
	const char *from = buf;

	while (len > 0) {
		ssize_t n = write(fd, from, len);

		if (n >= 0) {
			from += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			struct pollfd p = {.fd = fd, .events = POLLOUT};

			poll(&p, 1, -1);
		} else if (errno != EINTR) {
			return -errno;
		}
		if (len > 0 && cli_interrupted())
			return -ECANCELED;
	}
	return 0;
}

void cli_start_output(struct cli *cli, const char *label)
{
	if (!isatty(STDOUT_FILENO))
		progress_start(&cli->progress, label);
}

int cli_fail_output(struct cli *cli, int err, const struct spwc_error *error,
    const char *what, uint64_t taken)
{
	int code = cli_fail(cli, err, error, what);

	return code == EXIT_FAILED && error->status == 0 && taken > 0
		   ? EXIT_PARTIAL
		   : code;
}
