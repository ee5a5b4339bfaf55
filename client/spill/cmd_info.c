/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "spill/commands.h"
#include "spill/target.h"
#include "spill/text.h"

static void line_n(const char *key, const char *value, size_t len)
{
	printf("%-9s ", key);
	text_put(stdout, value, len);
	putchar('\n');
}

static void line(const char *key, const char *value)
{
	if (value != NULL && *value != '\0')
		line_n(key, value, strlen(value));
}

static void lines(const char *key, const char *value)
{
	while (*value != '\0') {
		size_t n = strcspn(value, "\n");

		line_n(key, value, n);
		value += n + (value[n] == '\n');
	}
}

static void line_bytes(const char *key, uint64_t bytes)
{
	char size[TEXT_NUMBER_SIZE];

	if (bytes == SPWC_UNKNOWN) {
		printf("%-9s unknown\n", key);
		return;
	}
	text_size(size, bytes);
	if (bytes < 1024)
		printf("%-9s %s\n", key, size);
	else
		printf("%-9s %s (%" PRIu64 ")\n", key, size, bytes);
}

static void line_time(const char *key, uint64_t seconds)
{
	char text[TEXT_NUMBER_SIZE];

	text_time(text, seconds);
	if (seconds != SPWC_UNKNOWN)
		line(key, text);
}

/* Where the bytes are, and why. Not every server tells. */
static void line_placement(const char *descriptor)
{
	json_t *json = json_loads(descriptor, 0, NULL);
	const json_t *placement = json_object_get(json, "placement");
	const char *medium =
	    json_string_value(json_object_get(placement, "medium"));
	const char *reason =
	    json_string_value(json_object_get(placement, "reason"));

	line("placement", medium);
	line("reason", reason);
	json_decref(json);
}

static void print_info(const struct spwc_file *file)
{
	line("id", file->id);
	line("name", file->name);
	line("state", spwc_state_name(file->state));
	if (file->state == SPWC_FAILED)
		line("error", file->error.detail);
	lines("stderr", file->error.said);
	line_bytes("size", file->size);
	if (file->received != file->size)
		line_bytes("received", file->received);
	line("type", file->type);
	line("etag", file->etag);
	line_time("created", file->created);
	line_time("expires", file->expires);
	line_placement(file->json);
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct spwc_file file = {0};
	struct spwc_error error;
	struct target target;

	int option = cli_getopt(cli, argc, argv);
	if (option != CLI_DONE)
		return cli_ended(option);
	if (argc - optind != 1)
		return cli_usage(cli, "info needs one file: its id or its URL");

	int code = target_find(cli, argv[optind], TARGET_NO_REMOTE, &target);
	if (code != EXIT_OK)
		return code;

	int r = spwc_info(target.client, target.ref, 0, &file, &error);
	if (r < 0)
		code = cli_fail(cli, r, &error, target.id);
	else if (cli->json)
		puts(file.json);
	else
		print_info(&file);
	spwc_file_fini(&file);
	target_fini(&target);
	return code;
}

const struct command cmd_info = {
    .name = "info",
    .synopsis = "info [OPTION]... ID|URL",
    .summary = "Describe a file",
    .words = "<id>",
    .run = run,
};
