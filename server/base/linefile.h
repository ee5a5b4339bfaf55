/* SPDX-License-Identifier: MIT */
/*
 * Small files of one thing a line: tokens, keys. Empty lines, and those that
 * begin with `#`, are nothing.
 *
 * Threads: any.
 */
#ifndef BASE_LINEFILE_H
#define BASE_LINEFILE_H

#include "base/conf.h"
#include "common/text.h"

/** Longest line, and lines of one file that are something. */
#define LINEFILE_LINE_MAX 1024
#define LINEFILE_LINES_MAX 4096

/** Room for what is wrong with a line. */
#define LINEFILE_WHY_SIZE 256

/**
 * Called for each line, without its end.
 *
 * Errors:    -EINVAL; `ret_why` says what is wrong and what is allowed;
 *            -ENOMEM.
 */
typedef int (*linefile_fn)(
    void *ctx, struct str line, char ret_why[LINEFILE_WHY_SIZE]);

/**
 * Read one. May block.
 *
 * Errors:    those of `fn`; -EINVAL a line is too long, or there are too many;
 *            of reading. `reterr` says file, line and why.
 */
int linefile_read(const char *path, linefile_fn fn, void *ctx,
    struct conf_error *reterr) SPW_MUST_CHECK;

#endif
