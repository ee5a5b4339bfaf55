/* SPDX-License-Identifier: MIT */
/*
 * Looking through a directory of kept files that no daemon uses: is what is
 * there whole, and what was promised?
 */
#ifndef STORE_FSCK_H
#define STORE_FSCK_H

#include <stdbool.h>
#include <stdio.h>

#include <spillway/base.h>

struct fsck_result {
	unsigned long files, uploads;	/* that are well */
	unsigned long bad;		/* that are not */
	unsigned long repaired;		/* of them: deleted, or made readable */
};

/**
 * Look at every file and upload, the content of those whose digest is known
 * included, and write a line to `out` for each that is not well.
 *
 * `repair`: delete what cannot be given out, and let owners read what is
 *           theirs; otherwise nothing is written.
 * Errors:   as place_look(), with a line to `out`; from the disk.
 */
int fsck_run(const char *path, bool repair, FILE *out,
    struct fsck_result *ret) SPW_MUST_CHECK;

#endif
