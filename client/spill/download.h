/* SPDX-License-Identifier: MIT */
/*
 * A file of the server on its way to one of this machine: through NAME.part,
 * in several parts at the same time if it is large, on from where an earlier
 * run broke off, and compared with the server's digest at the end.
 *
 * Threads: one.
 */
#ifndef SPILLWAY_SPILL_DOWNLOAD_H
#define SPILLWAY_SPILL_DOWNLOAD_H

#include "spill/partial.h"
#include "spill/target.h"

struct download {
	struct cli *cli;
	const struct target *target;
	/** What it is called on this machine. */
	const char *path;
	/** What the server says of it; all zero when it does not say. */
	const struct spwc_file *file;
	/** Only these bytes. */
	struct spwc_get_opts range;
	bool has_range;
	/** An entry of the zip that the file is, by name or by index. */
	bool is_entry;
	const char *entry;
	uint64_t index;
	bool resume;
	bool force;
	bool verify;
	/** CLI_PARTS_AUTO or a number. */
	unsigned int parts;

	/* What becomes of it. */
	struct partial part;
	/** Bytes that arrived in this run. */
	uint64_t taken;
	uint64_t size;
	/** The server's digest was compared, and is the same. */
	bool verified;
};

/**
 * Download it.
 *
 * Returns:   an exit code; the user was told.
 */
int download_run(struct download *d);

/**
 * Open the file for content that is written by somebody else; then
 * download_write(), and download_close().
 *
 * Returns:   an exit code; the user was told.
 */
int download_open(struct download *d);

/**
 * Take bytes that follow those before; `arg` is the download.
 *
 * Returns:   0.
 * Errors:    what the file system gives.
 */
int download_write(void *arg, const void *buf, size_t len);

/**
 * Give it its name if all went well until now, else say what is left.
 *
 * Returns:   an exit code; the user was told.
 */
int download_close(struct download *d, int code);

#endif
