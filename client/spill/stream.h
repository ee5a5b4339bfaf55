/* SPDX-License-Identifier: MIT */
/*
 * Content on its way to what cannot be gone back in: standard output, a pipe,
 * a device. What breaks off goes on where it was, if the server vouches for
 * the version by an ETag.
 *
 * Threads: one.
 */
#ifndef SPILLWAY_SPILL_STREAM_H
#define SPILLWAY_SPILL_STREAM_H

#include "spill/target.h"

/** What to write. All zero but `cli`, `target` and `fd` is a whole file. */
struct stream {
	struct cli *cli;
	const struct target *target;
	int fd;
	/** Only these bytes; not with an entry. */
	struct spwc_get_opts range;
	/** An entry of the zip that the file is, by name or by index. */
	bool is_entry;
	const char *entry;
	uint64_t index;

	/* What came so far, and of which version. */
	uint64_t taken;
	char etag[256];
};

/**
 * Write it.
 *
 * Returns:   an exit code; the user was told.
 */
int stream_run(struct stream *s);

/**
 * Take content, for a spwc_sink and for localzip_read(): `arg` is the stream.
 *
 * Returns:   as cli_write().
 */
int stream_write(void *arg, const void *buf, size_t len);

#endif
