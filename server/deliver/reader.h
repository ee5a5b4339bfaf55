/* SPDX-License-Identifier: MIT */
/*
 * Reading a file's content on a loop's thread, which waits for nobody: neither
 * for whoever writes the file nor for the disk.
 *
 *   reader_new() -> reader_read()... -> reader_free()
 *
 * What is in memory is copied, and so is what is on disk and the kernel has at
 * hand. What it has not is fetched by a thread of the store's `readers`, block
 * by block, while the request sleeps; without such threads it is read on the
 * spot. What has not come yet is watched for.
 *
 * A reader costs a block of READER_BLOCK_BYTES from the first time on that it
 * had to fetch something, and else next to nothing.
 *
 * Threads: the request's loop thread; reader_free() any.
 */
#ifndef DELIVER_READER_H
#define DELIVER_READER_H

#include "http/http.h"
#include "store/file.h"

/** The most that is fetched at a time. */
#define READER_BLOCK_BYTES ((size_t)64 * 1024)

struct reader;

/**
 * Make a reader of `f` for a reply to `req`.
 *
 * Returns:   NULL without memory.
 * Ownership: takes its own reference on `f`. May outlive the request.
 */
struct reader *reader_new(struct http_request *req, struct file *f);

/**
 * Say up to where it will read on, for who brings only what is read; without,
 * that is told of the next byte alone.
 */
void reader_reach(struct reader *r, uint64_t end);

/** Free it; NULL is allowed. What is being fetched is thrown away. */
void reader_free(struct reader *r);

/**
 * Read up to `max` > 0 bytes at `off`.
 *
 * Returns:   the count, more than 0; HTTP_READ_WAIT: the request is woken when
 *            there is more; HTTP_READ_END: the file is complete and ends at or
 *            before `off`; HTTP_READ_ERROR: its source broke, or the disk.
 */
ssize_t reader_read(struct reader *r, uint64_t off, char *buf, size_t max)
    SPW_MUST_CHECK;

/** Have the request woken once byte `off` is there, or never will be. */
void reader_expect(struct reader *r, uint64_t off);

#endif
