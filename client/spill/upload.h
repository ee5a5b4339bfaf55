/* SPDX-License-Identifier: MIT */
/*
 * A file of this machine on its way to the server, so that it goes on after
 * whatever interrupts it: a resumable upload, or several at the same time
 * that are put together.
 *
 * Threads: one.
 */
#ifndef SPILLWAY_SPILL_UPLOAD_H
#define SPILLWAY_SPILL_UPLOAD_H

#include <stdbool.h>
#include <sys/stat.h>

#include "spill/cli.h"

/** From so many bytes on an upload is worth being remembered. */
#define UPLOAD_FROM_BYTES (UINT64_C(8) << 20)

struct upload_opts {
	/** As the user named it. */
	const char *path;
	int fd;
	struct stat st;
	const char *name;
	const char *type;
	uint64_t ttl_s;
	uint64_t reads;
	/** CLI_PARTS_AUTO or a number. */
	unsigned int parts;
	/** Go on with what is remembered; remember it. */
	bool remember;
	/** Do nothing if there is nothing to go on with. */
	bool only_resume;
};

/**
 * Upload it.
 *
 * Returns:   0 and the file. After a failure `*ret_kept` says whether the same
 *            call goes on with what arrived.
 * Errors:    as the client library has them, told by `reterr_error`; -ENODATA
 *            with `only_resume`; -EOPNOTSUPP when the server takes no such
 *            uploads.
 * Ownership: the file is the caller's, for spwc_file_fini().
 */
int upload_run(struct cli *cli, struct spwc_client *client,
    const struct upload_opts *opts, struct spwc_file *ret_file, bool *ret_kept,
    struct spwc_error *reterr_error) SPW_MUST_CHECK;

#endif
