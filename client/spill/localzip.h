/* SPDX-License-Identifier: MIT */
/*
 * Zips of this machine: a file, or standard input, which is taken into a
 * spool first: in memory while it is small.
 *
 * Threads: one.
 */
#ifndef SPILLWAY_SPILL_LOCALZIP_H
#define SPILLWAY_SPILL_LOCALZIP_H

#include <spillway/client_zip.h>

#include "spill/cli.h"

struct localzip;

/**
 * Open one; "-" is standard input.
 *
 * Returns:   an exit code, EXIT_OK with the zip.
 * Errors:    EXIT_FAILED; the user was told.
 */
int localzip_open(struct cli *cli, const char *path, struct localzip **ret_zip);

/**
 * Close it; NULL is allowed.
 *
 * Returns:   nothing.
 */
void localzip_close(struct localzip *z);

/**
 * Tell `fn` of the entries whose names begin with `prefix` (NULL: all), with
 * the members that a server's listing has.
 *
 * Returns:   an exit code.
 * Errors:    EXIT_FAILED; the user was told.
 */
int localzip_list(
    struct localzip *z, const char *prefix, spwc_zip_entry_fn fn, void *arg);

/**
 * Read an entry, by its name or, without one, its index. What does not fit
 * its CRC is an error, at the end.
 *
 * Returns:   an exit code.
 * Errors:    EXIT_NOT_FOUND, EXIT_FAILED, EXIT_PARTIAL; the user was told.
 */
int localzip_read(struct localzip *z, const char *name, uint64_t index,
    spwc_write_fn write, void *arg);

/**
 * Open one, read an entry, and close it.
 *
 * Returns:   an exit code.
 * Errors:    as localzip_open() and localzip_read().
 */
int localzip_copy(struct cli *cli, const char *path, const char *name,
    uint64_t index, spwc_write_fn write, void *arg);

#endif
