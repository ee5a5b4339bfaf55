/* SPDX-License-Identifier: MIT */
/*
 * The directory of a file that is an archive, read once and kept with it; or
 * what is wrong with it, kept as well.
 *
 * Threads: any.
 */
#ifndef DELIVER_ZIP_INDEX_H
#define DELIVER_ZIP_INDEX_H

#include "deliver/zip_dir.h"
#include "store/file.h"

struct zip_index {
	struct file_extra extra;
	uint32_t magic;
	struct zip_dir *dir; /* NULL: see `fault` */
	struct zip_fault fault;
};

/** Returns: what hangs on the file; NULL when nothing does yet. */
struct zip_index *zip_index_of(struct file *f);

/**
 * Get the index of a ready file, making it when there is none. May wait for
 * the disk. Of several that make one at a time the first is kept.
 *
 * Returns:   0 and the index in `*ret`, which may hold a fault.
 * Errors:    -ENOMEM, or of the spool: nothing is kept, it may be tried again.
 * Ownership: the index is the file's and lives as long.
 */
int zip_index_get(struct file *f, const struct zip_limits *limits,
    struct zip_index **ret) SPW_MUST_CHECK;

#endif
