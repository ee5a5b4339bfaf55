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

#include "spill/text.h"

/* Whoever lists or reads a remote zip comes back to it soon, or never. */
#define REMOTE_TTL_S 600u
/* How long a server may take to answer that it has something to read. */
#define REMOTE_WAIT_S 30u

static volatile sig_atomic_t interrupted;

void cli_interrupt(void)
{
	interrupted = 1;
}

bool cli_interrupted(void)
{
	return interrupted != 0;
}

/* --- telling ------------------------------------------------------------ */

SPW_PRINTF(2, 0)
static void say(struct cli *cli, const char *format, va_list args)
{
	char text[2048];

	progress_clear(&cli->progress);
	vsnprintf(text, sizeof(text), format, args);
	fputs("spill: ", stderr);
	text_put(stderr, text, strlen(text));
	fputc('\n', stderr);
}

void cli_say(struct cli *cli, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(cli, format, args);
	va_end(args);
}

int cli_usage(struct cli *cli, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(cli, format, args);
	va_end(args);
	if (cli->command != NULL)
		fprintf(stderr, "Try 'spill %s --help'.\n", cli->command->name);
	else
		fputs("Try 'spill --help'.\n", stderr);
	return EXIT_USAGE;
}

static const char *hint(const struct spwc_error *e)
{
	if (e->status == 401)
		return "; --token or SPILLWAY_TOKEN says who you are";
	if (e->status != 0)
		return "";
	if (strcmp(e->type, "connection_refused") == 0)
		return "; is spillwayd running? (--server or SPILLWAY_URL "
		       "names another)";
	if (strcmp(e->type, "dns_error") == 0 ||
	    strcmp(e->type, "connection_timeout") == 0 ||
	    strcmp(e->type, "connection_failed") == 0)
		return "; --server or SPILLWAY_URL names another";
	return "";
}

static int exit_code(int err)
{
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
	cli_say(cli, "%s%s%s%s%s", what != NULL ? what : "",
	    what != NULL ? ": " : "", error->detail, hint(error), later);
	return exit_code(err);
}

int cli_fail_errno(struct cli *cli, int err, const char *what)
{
	cli_say(cli, "%s: %s", what, strerror(-err));
	return EXIT_FAILED;
}

/* --- options ------------------------------------------------------------ */

enum {
	OPTION_SERVER = 1000,
	OPTION_TOKEN,
	OPTION_PROXY,
	OPTION_CACERT,
	OPTION_JSON,
};

const struct option cli_global_options[] = {
    {"server", required_argument, NULL, OPTION_SERVER},
    {"token", required_argument, NULL, OPTION_TOKEN},
    {"proxy", required_argument, NULL, OPTION_PROXY},
    {"cacert", required_argument, NULL, OPTION_CACERT},
    {"json", no_argument, NULL, OPTION_JSON},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

bool cli_take_global(struct cli *cli, int option)
{
	switch (option) {
	case OPTION_SERVER:
		cli->server = optarg;
		return true;
	case OPTION_TOKEN:
		free(cli->token);
		cli->token = strdup(optarg);
		cli->token_for_all = true;
		/* Others can read the command line of a process. */
		memset(optarg, '*', strlen(optarg));
		return true;
	case OPTION_PROXY:
		cli->proxy = optarg;
		return true;
	case OPTION_CACERT:
		cli->ca_file = optarg;
		return true;
	case OPTION_JSON:
		cli->json = true;
		return true;
	case 'q':
		cli->quiet = true;
		cli->progress.enabled = false;
		return true;
	default:
		return false;
	}
}

int cli_getopt(struct cli *cli, int argc, char **argv, const char *shorts,
    const struct option *options)
{
	struct option all[32] = {0};
	char all_shorts[32];
	size_t n = 0;

	for (; options[n].name != NULL && n < 16; n++)
		all[n] = options[n];
	for (const struct option *o = cli_global_options; o->name != NULL; o++)
		all[n++] = *o;
	snprintf(
	    all_shorts, sizeof(all_shorts), "%s" CLI_GLOBAL_SHORTS, shorts);

	for (;;) {
		int c = getopt_long(argc, argv, all_shorts, all, NULL);

		if (c == -1)
			return CLI_DONE;
		if (c == '?') {
			fprintf(stderr, "Try 'spill %s --help'.\n",
			    cli->command->name);
			return CLI_BAD;
		}
		if (c == 'h') {
			printf("Usage: spill %s\n%s.\n\n%s"
			       "\n'spill --help' has the options of every "
			       "command.\n",
			    cli->command->synopsis, cli->command->summary,
			    cli->command->help);
			return CLI_HELPED;
		}
		if (!cli_take_global(cli, c))
			return c;
	}
}

int cli_ended(int option)
{
	return option == CLI_HELPED ? EXIT_OK : EXIT_USAGE;
}

bool cli_parse_seconds(struct cli *cli, const char *option, const char *text,
    uint64_t *ret_seconds)
{
	if (text_parse_seconds(text, ret_seconds) && *ret_seconds <= INT32_MAX)
		return true;
	cli_usage(cli, "%s: '%s' is no time; 90, 90s, 15m, 2h or 7d is", option,
	    text);
	return false;
}

bool cli_parse_count(
    struct cli *cli, const char *option, const char *text, uint64_t *ret_count)
{
	if (text_parse_u64(text, ret_count) && *ret_count > 0 &&
	    *ret_count <= INT32_MAX)
		return true;
	cli_usage(cli, "%s: '%s' is no number from 1 on", option, text);
	return false;
}

/* --- servers and files -------------------------------------------------- */

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
	    .server = server,
	    .token = with_token ? cli->token : NULL,
	    .proxy = cli->proxy,
	    .ca_file = cli->ca_file,
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

int cli_client(struct cli *cli, struct spwc_client **ret_client)
{
	if (cli->client == NULL) {
		int code = open_client(cli, cli->server, true, &cli->client);
		if (code != EXIT_OK)
			return code;
	}
	*ret_client = cli->client;
	return EXIT_OK;
}

/* The client for a server that a URL names. */
static int client_for(
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
		code =
		    open_client(cli, server, cli->token_for_all, &cli->other);
		if (code != EXIT_OK)
			return code;
	}
	*ret_client = cli->other;
	return EXIT_OK;
}

/* Waits until any place of a file can be asked for: an archive's directory is
 * at its end, and of one that just comes in the server tells what has come. A
 * file that has its ETag is of one version from end to end. */
static int wait_for_places(struct cli *cli, struct spwc_client *client,
    const char *url, struct spwc_file *file)
{
	while (file->state == SPWC_RECEIVING && file->etag == NULL) {
		struct spwc_file newer = {0};
		struct spwc_error error;

		int r = spwc_info(
		    client, file->id, REMOTE_WAIT_S, &newer, &error);
		if (r < 0)
			return cli_fail(cli, r, &error, url);
		spwc_file_fini(file);
		*file = newer;
	}
	if (file->state != SPWC_FAILED)
		return EXIT_OK;
	cli_say(cli, "fetching %s failed: %s", url, file->error.detail);
	return EXIT_FAILED;
}

static int target_remote_zip(
    struct cli *cli, const char *url, struct target *ret_target)
{
	struct spwc_fetch_opts opts = {
	    .url = url,
	    .lazy = true,
	    .ttl_s = REMOTE_TTL_S,
	    .wait_s = REMOTE_WAIT_S,
	};
	struct spwc_client *client;
	struct spwc_error error;
	struct spwc_file file = {0};

	int code = cli_client(cli, &client);
	if (code != EXIT_OK)
		return code;

	int r = spwc_fetch(client, &opts, &file, &error);
	if (r < 0)
		return cli_fail(cli, r, &error, url);

	code = wait_for_places(cli, client, url, &file);
	if (code != EXIT_OK) {
		spwc_file_fini(&file);
		return code;
	}
	ret_target->client = client;
	ret_target->ref = strdup(file.id);
	ret_target->id = SPW_TAKE(file.id);
	spwc_file_fini(&file);
	if (ret_target->ref == NULL) {
		cli_target_fini(ret_target);
		return cli_fail_errno(cli, -ENOMEM, url);
	}
	return EXIT_OK;
}

static int target_remote(struct cli *cli, const char *url,
    enum cli_remote remote, struct target *ret_target)
{
	if (remote == CLI_REMOTE_ZIP)
		return target_remote_zip(cli, url, ret_target);

	int code = cli_client(cli, &ret_target->client);
	if (code != EXIT_OK)
		return code;

	ret_target->id = strdup(url);
	return ret_target->id != NULL ? EXIT_OK
				      : cli_fail_errno(cli, -ENOMEM, url);
}

static bool is_url(const char *text)
{
	return strncmp(text, "http://", 7) == 0 ||
	       strncmp(text, "https://", 8) == 0;
}

int cli_target(struct cli *cli, const char *text, enum cli_remote remote,
    struct target *ret_target)
{
	struct spwc_ref ref = {0};

	*ret_target = (struct target){0};
	int r = spwc_ref_parse(text, &ref);
	if (r == -EINVAL && is_url(text)) {
		if (remote)
			return target_remote(cli, text, remote, ret_target);
		return cli_usage(cli,
		    "'%s' is not the URL of a file of a spillwayd; 'spill "
		    "fetch' makes it one",
		    text);
	}
	if (r == -EINVAL)
		return cli_usage(
		    cli, "'%s' is neither the id nor the URL of a file", text);
	if (r < 0)
		return cli_fail_errno(cli, r, text);

	int code = client_for(cli, ref.server, &ret_target->client);
	if (code == EXIT_OK) {
		ret_target->ref = strdup(text);
		ret_target->id = SPW_TAKE(ref.id);
		if (ret_target->ref == NULL) {
			cli_target_fini(ret_target);
			code = cli_fail_errno(cli, -ENOMEM, text);
		}
	}
	spwc_ref_fini(&ref);
	return code;
}

void cli_target_fini(struct target *t)
{
	free(t->ref);
	free(t->id);
	*t = (struct target){0};
}

/* --- output ------------------------------------------------------------- */

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
	fflush(stdout);
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
