/* SPDX-License-Identifier: MIT */
/*
 * Reading an archive's bytes, all or nothing. A file that is fetched as it is
 * needed may not have them yet: then the fault says which are missing
 * (ZIP_FAULT_MISSING), and whoever asked waits for them and tries again; or,
 * once the file's source broke, that they never will be (ZIP_FAULT_BROKEN).
 *
 * Threads: any.
 */
#ifndef DELIVER_ZIP_READ_H
#define DELIVER_ZIP_READ_H

#include <spillway/spool.h>

#include "deliver/zip_fault.h"

/**
 * Read `len` bytes at `off`. May wait for the disk.
 *
 * Returns:   0.
 * Errors:    -EAGAIN when some are missing; -EIO when they will never come;
 *            of the spool; -ENODATA past the end. `reterr` tells them apart.
 */
int zip_read_at(struct spw_spool *s, void *buf, size_t len, uint64_t off,
    struct zip_fault *reterr) SPW_MUST_CHECK;

/**
 * See whether [off, off + len) is there, without reading it.
 *
 * Returns:   0.
 * Errors:    -EAGAIN; `reterr` names the whole range, so that it comes in one
 *            piece. -EIO when it never will.
 */
int zip_read_need(struct spw_spool *s, uint64_t off, uint64_t len,
    struct zip_fault *reterr) SPW_MUST_CHECK;

#endif
