/* SPDX-License-Identifier: MIT */
/*
 * What every command of spill shares: the options that go with all of them,
 * the clients, how files are named, how failures are told.
 *
 * A command is `int run(struct cli *, int argc, char **argv)`, argv[0] being
 * its name; it gives an exit code. It reads its options with cli_getopt()
 * and writes results to stdout, which main flushes and checks.
 *
 * Threads: one.
 */
#ifndef SPILLWAY_SPILL_CLI_H
#define SPILLWAY_SPILL_CLI_H

#include <getopt.h>
#include <stdbool.h>

#include <spillway/base.h>
#include <spillway/client.h>

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

struct cli;

struct command {
	const char *name;
	/** "get [OPTION]... FILE" */
	const char *synopsis;
	/** One line, for the list of commands. */
	const char *summary;
	/** The options, a line each. */
	const char *help;
	int (*run)(struct cli *cli, int argc, char **argv);
};

struct cli {
	const struct command *command;
	/** Borrowed from the command line or the environment. */
	const char *server;
	const char *proxy;
	const char *ca_file;
	/** The token and who it is for: any server when it stands on the
	 * command line, else only the one that is configured. */
	char *token;
	bool token_for_all;
	bool json;
	bool quiet;
	/** For the server that is configured; made when first needed. */
	struct spwc_client *client;
	/** For another one that a URL named; the last of these. */
	struct spwc_client *other;
	struct progress progress;
	/** A command draws itself; what libspillway-client tells is not. */
	bool own_progress;
};

/* One file that the user named. */
struct target {
	/** One of the clients of the cli. */
	struct spwc_client *client;
	/** What to give it as the ref; NULL when it is no file of its. */
	char *ref;
	/** Its id, else its URL. */
	char *id;
};

extern const struct command cmd_put;
extern const struct command cmd_fetch;
extern const struct command cmd_get;
extern const struct command cmd_ls;
extern const struct command cmd_cat;
extern const struct command cmd_check;
extern const struct command cmd_info;
extern const struct command cmd_rm;

/**
 * Print "spill: " and a line on standard error. Text of others in it is
 * escaped; the progress line is cleared first.
 *
 * Returns:   nothing.
 */
void cli_say(struct cli *cli, const char *format, ...) SPW_PRINTF(2, 3);

/**
 * The same, and where to read how it is done.
 *
 * Returns:   EXIT_USAGE.
 */
int cli_usage(struct cli *cli, const char *format, ...) SPW_PRINTF(2, 3);

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
 * Read the next option. Those that go with every command are taken care of.
 *
 * Returns:   an option of `options` (its `val`), or one of the codes above;
 *            `optarg` and `optind` are getopt's.
 * Errors:    CLI_BAD.
 */
int cli_getopt(struct cli *cli, int argc, char **argv, const char *shorts,
    const struct option *options);

/**
 * The exit code for an option that ends a command: EXIT_OK after --help.
 *
 * Returns:   an exit code.
 */
int cli_ended(int option);

/**
 * Take one of the options that go with every command, as the letter
 * cli_getopt() and main know it by.
 *
 * Returns:   true when it was one.
 */
bool cli_take_global(struct cli *cli, int option);

/** The options of every command, for getopt_long(). */
extern const struct option cli_global_options[];
#define CLI_GLOBAL_SHORTS "hq"

/**
 * The client of the configured server.
 *
 * Returns:   an exit code, EXIT_OK with the client.
 * Errors:    EXIT_USAGE, EXIT_FAILED; the user was told.
 * Ownership: the cli's.
 */
int cli_client(struct cli *cli, struct spwc_client **ret_client);

/** What is done with the URL of something that is no file of a spillwayd. */
enum cli_remote {
	CLI_NO_REMOTE,	/* it is refused */
	CLI_REMOTE,	/* it is read through the configured server */
	CLI_REMOTE_ZIP, /* that server makes it a file of which any place can be
			   read on return, and fetches what is read */
};

/**
 * Find the client for a file as the user named it.
 *
 * Returns:   an exit code, EXIT_OK with the target.
 * Errors:    any; the user was told.
 * Ownership: the target is the caller's, for cli_target_fini().
 */
int cli_target(struct cli *cli, const char *text, enum cli_remote remote,
    struct target *ret_target);

/**
 * Free what a target holds; all zero is allowed.
 *
 * Returns:   nothing.
 */
void cli_target_fini(struct target *t);

/**
 * Print the address of a file, or with --json its descriptor, and flush.
 *
 * Returns:   an exit code.
 * Errors:    EXIT_FAILED; the user was told.
 */
int cli_print_file(
    struct cli *cli, const struct spwc_client *c, const struct spwc_file *file);

/**
 * Read an option that is a span of time, or a number.
 *
 * Returns:   true and the seconds, or the number.
 * Errors:    false; the user was told.
 */
bool cli_parse_seconds(struct cli *cli, const char *option, const char *text,
    uint64_t *ret_seconds);
bool cli_parse_count(
    struct cli *cli, const char *option, const char *text, uint64_t *ret_count);

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
