/* SPDX-License-Identifier: MIT */
/*
 * Commands and their options as one table, from which come what getopt_long()
 * reads, what --help prints, and what shells complete.
 *
 * Threads: none of its own.
 */
#ifndef SPILLWAY_SPILL_OPTIONS_H
#define SPILLWAY_SPILL_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

struct cli;

/** Room for the options of a command and the global ones. */
#define OPTIONS_MAX 48
/** The first number of an option without a letter. */
#define OPTION_FIRST 256

struct option_row {
	/** What reading gives: the letter, or a number from OPTION_FIRST. */
	int id;
	const char *name;
	/** What it takes, as the help shows it; NULL for nothing. */
	const char *value;
	/** The value may be left off. */
	bool optional;
	/**
	 * What shells complete the value with: words, or "<file>", "<dir>",
	 * "<id>" of a file of the server, "<any>" of these as spill tells them
	 * apart (target.h); NULL for nothing.
	 */
	const char *words;
	/** Lines of the help. */
	const char *help;
};

struct command {
	const char *name;
	/** "get [OPTION]... FILE" */
	const char *synopsis;
	/** One line, for the list of commands. */
	const char *summary;
	/** The last one is all zero; NULL for none. */
	const struct option_row *options;
	/** More for its help; NULL for nothing. */
	const char *notes;
	/** What shells complete its arguments with, as `words`; and how many of
	 * them come before those. */
	const char *words;
	unsigned int others;
	/** A file of this machine may be named by a path. */
	bool takes_local;
	int (*run)(struct cli *cli, int argc, char **argv);
};

/** The options that go with every command. */
extern const struct option_row option_globals[];

/** All commands; the last is NULL. */
extern const struct command *const command_table[];

/**
 * Find a command.
 *
 * Returns:   it, or NULL.
 */
const struct command *command_find(const char *name);

/** What getopt_long() wants. */
struct option_set {
	struct option longs[OPTIONS_MAX];
	char shorts[2 * OPTIONS_MAX + 2];
	size_t count;
};

/**
 * Add the rows of a table, NULL for none.
 *
 * Returns:   nothing.
 */
void option_set_add(struct option_set *set, const struct option_row *rows);

/**
 * Print the rows of a table as --help has them.
 *
 * Returns:   nothing.
 */
void option_print(FILE *out, const struct option_row *rows);

/**
 * Print what makes a shell complete the words of spill.
 *
 * Returns:   false when there is nothing for this shell.
 */
bool completion_print(FILE *out, const char *shell);

#endif
