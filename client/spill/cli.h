/* SPDX-License-Identifier: MIT */
/*
 * What every command of spill shares: the options that go with all of them,
 * the clients, how failures are told.
 *
 * A command is `int run(struct cli *, int argc, char **argv)`, argv[0] being
 * its name; it gives an exit code. It reads its options with cli_getopt()
 * and writes results to stdout, which main flushes and checks.
 *
 * Threads: one.
 */
#ifndef SPILLWAY_SPILL_CLI_H
#define SPILLWAY_SPILL_CLI_H

#include <stdbool.h>

#include <spillway/base.h>
#include <spillway/client.h>

#include "spill/config.h"
#include "spill/options.h"
#include "spill/progress.h"

enum {
	EXIT_OK = 0,
	/** The server, the network or this machine refused or failed. */
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	/** 404 and 410. */
	EXIT_NOT_FOUND = 3,
	/** Interrupted, or a part is there and the rest is not. */
	EXIT_PARTIAL = 4,
};

/** What cli_getopt() gives besides a command's own options. */
enum {
	CLI_DONE = -1,
	/** A bad option, of which the user was told. */
	CLI_BAD = -2,
	/** --help was answered. */
	CLI_HELPED = -3,
};

/** For --parts: as many as seem right. */
#define CLI_PARTS_AUTO 0
#define CLI_PARTS_MAX 16

struct cli {
	const struct command *command;
	/** What the command line says, then what goes. */
	struct config given;
	struct config config;
	bool settled;
	bool json;
	bool quiet;
	/** For the server that is configured; made when first needed. */
	struct spwc_client *client;
	/** For another one that a URL named; the last of these. */
	struct spwc_client *other;
	unsigned int retries;
	/** Bytes a second; 0 is no limit. */
	uint64_t max_rate;
	struct progress progress;
	/** Why standard output takes no more; 0 for unknown. */
	int output_error;
	/** A command draws itself; what libspillway-client tells is not. */
	bool own_progress;
};

/**
 * Tell of a failure: "spill: " and a line on standard error, or with --json
 * an object whose "error" is that line. Text of others in it is escaped; the
 * progress line is cleared first.
 *
 * Returns:   nothing.
 */
void cli_say(struct cli *cli, const char *format, ...) SPW_PRINTF(2, 3);

/**
 * The same, with what is known of the cause: for --json.
 *
 * Returns:   nothing.
 */
void cli_say_error(struct cli *cli, const struct spwc_error *e,
    const char *format, ...) SPW_PRINTF(3, 4);

/**
 * The same for what is no failure; with --json that is a "note".
 *
 * Returns:   nothing.
 */
void cli_remark(struct cli *cli, const char *format, ...) SPW_PRINTF(2, 3);

/**
 * The same for what is only good to know: where progress is drawn.
 *
 * Returns:   nothing.
 */
void cli_note(struct cli *cli, const char *format, ...) SPW_PRINTF(2, 3);

/**
 * The same, and where to read how it is done.
 *
 * Returns:   EXIT_USAGE.
 */
int cli_usage(struct cli *cli, const char *format, ...) SPW_PRINTF(2, 3);

/**
 * Tell of an option that getopt_long() did not take.
 *
 * Returns:   EXIT_USAGE.
 */
int cli_bad_option(struct cli *cli, char **argv);

/**
 * Tell of a call that failed: what, why, and what can be done. `what`, the
 * thing it was about, may be NULL.
 *
 * Returns:   the exit code for it.
 */
int cli_fail(
    struct cli *cli, int err, const struct spwc_error *error, const char *what);

/**
 * Tell of a failure of this machine: "what: why".
 *
 * Returns:   the exit code for it.
 */
int cli_fail_errno(struct cli *cli, int err, const char *what);

/**
 * Whether what failed would fail for all other files, too.
 *
 * Returns:   true if so.
 */
bool cli_is_fatal(int err, const struct spwc_error *error);

/**
 * Read the next option. Those that go with every command are taken care of.
 *
 * Returns:   an option of the command, or one of the codes above; `optarg`
 *            and `optind` are getopt's.
 * Errors:    CLI_BAD.
 */
int cli_getopt(struct cli *cli, int argc, char **argv);

/**
 * The exit code for an option that ends a command: EXIT_OK after --help.
 *
 * Returns:   an exit code.
 */
int cli_ended(int option);

/**
 * Take one of the options that go with every command.
 *
 * Returns:   0 when it was one, 1 when it was none.
 * Errors:    -1; the user was told.
 */
int cli_take_global(struct cli *cli, int option);

/**
 * The client of the configured server.
 *
 * Returns:   an exit code, EXIT_OK with the client.
 * Errors:    EXIT_USAGE, EXIT_FAILED; the user was told.
 * Ownership: the cli's.
 */
int cli_client(struct cli *cli, struct spwc_client **ret_client);

/**
 * The client for a server that a URL names; NULL is the configured one.
 *
 * Returns:   an exit code, EXIT_OK with the client.
 * Errors:    as cli_client().
 * Ownership: the cli's, until another one is asked for.
 */
int cli_client_for(
    struct cli *cli, const char *server, struct spwc_client **ret_client);

/**
 * Whether standard output takes no more. To be asked as soon as something was
 * printed: why is kept for when main tells it, and stdio forgets it.
 *
 * Returns:   true if so.
 */
bool cli_output_failed(struct cli *cli);

/**
 * Flush standard output; main tells of a failure.
 *
 * Returns:   nothing.
 */
void cli_flush(struct cli *cli);

/**
 * Print the address of a file, or with --json its descriptor, and flush.
 *
 * Returns:   an exit code.
 * Errors:    EXIT_FAILED; the user was told.
 */
int cli_print_file(
    struct cli *cli, const struct spwc_client *c, const struct spwc_file *file);

/**
 * Read an option that is a time, one of a second or more, how long to keep a
 * file (0 is SPWC_FOREVER), a number from 1 on, a number of bytes, or one of
 * parts.
 *
 * Returns:   true and the seconds, or the number.
 * Errors:    false; the user was told.
 */
bool cli_parse_seconds(struct cli *cli, const char *option, const char *text,
    uint64_t *ret_seconds);
bool cli_parse_span(struct cli *cli, const char *option, const char *text,
    uint64_t *ret_seconds);
bool cli_parse_ttl(struct cli *cli, const char *text, uint64_t *ret_ttl_s);
bool cli_parse_count(
    struct cli *cli, const char *option, const char *text, uint64_t *ret_count);
bool cli_parse_size(
    struct cli *cli, const char *option, const char *text, uint64_t *ret_bytes);
bool cli_parse_parts(struct cli *cli, const char *text, unsigned *ret_parts);

/**
 * How many parts to move at a time: what was asked for, or what seems right
 * for so many bytes.
 *
 * Returns:   at least 1.
 */
unsigned cli_parts_for(unsigned asked, uint64_t bytes);

/**
 * Write all of it, also where that would block.
 *
 * Returns:   0.
 * Errors:    what write() gives; -ECANCELED when a signal asks to stop.
 */
int cli_write(int fd, const void *buf, size_t len) SPW_MUST_CHECK;

/**
 * Begin to write content to standard output: no progress if that is the
 * terminal too.
 *
 * Returns:   nothing.
 */
void cli_start_output(struct cli *cli, const char *label);

/**
 * As cli_fail(), for content of which `taken` bytes came out before: what
 * the connection broke off is a part.
 *
 * Returns:   an exit code.
 */
int cli_fail_output(struct cli *cli, int err, const struct spwc_error *error,
    const char *what, uint64_t taken);

/**
 * Whether a signal asked to stop.
 *
 * Returns:   true if so.
 */
bool cli_interrupted(void);

/**
 * Note that one did. For signal handlers.
 *
 * Returns:   nothing.
 */
void cli_interrupt(void);

#endif
