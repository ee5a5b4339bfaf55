/* SPDX-License-Identifier: MIT */
/*
 * Processors: programs of the server's that make an output of a content.
 *
 * The input is a file of the server's, or is sent along. The output comes
 * back as it is made, or becomes a file.
 *
 * Errors and threads are as <spillway/client.h> has them. What a processor
 * complained of when it failed is in `said`.
 */
#ifndef SPILLWAY_CLIENT_PROCESS_H
#define SPILLWAY_CLIENT_PROCESS_H

#include <stddef.h>

#include <spillway/base.h>
#include <spillway/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a processor works on: one of the two. */
struct spwc_input {
	size_t size;
	/** A file of the server's; it is not copied. */
	const char *ref;
	/** Else content to send. */
	const struct spwc_source *source;
	/** Its media type; NULL means application/octet-stream. */
	const char *type;
	/** What it is called; NULL does not say. */
	const char *name;
};

/** A processor. Valid only during the callback. */
struct spwc_processor {
	const char *name;
	/** What the server says of it: one line of JSON, ASCII only. */
	const char *json;
};

/** Told of each processor. As spwc_file_fn. */
typedef int (*spwc_processor_fn)(
    void *arg, const struct spwc_processor *processor);

/**
 * Have a processor work, and read its output into `sink`.
 *
 * Returns:   0 when all of the output was taken.
 * Errors:    as there, and what `sink` returned.
 */
SPW_API int spwc_process(struct spwc_client *c, const char *name,
    const struct spwc_input *input, const struct spwc_sink *sink,
    struct spwc_error *reterr_error) SPW_MUST_CHECK;

/**
 * Have a processor work on its own; its output becomes a file.
 *
 * Returns:   0 and that file, which may still be SPWC_RECEIVING.
 * Errors:    as there.
 * Ownership: the file is the caller's, for spwc_file_fini().
 */
SPW_API int spwc_process_file(struct spwc_client *c, const char *name,
    const struct spwc_input *input, struct spwc_file *ret_file,
    struct spwc_error *reterr_error) SPW_MUST_CHECK;

/**
 * Tell `fn` of the processors that the server has.
 *
 * Returns:   0 at the end, or when `fn` ended it.
 * Errors:    as there, and what `fn` returned.
 * Threads:   `fn` runs on the caller's thread and may not use `c`.
 */
SPW_API int spwc_processors(struct spwc_client *c, spwc_processor_fn fn,
    void *arg, struct spwc_error *reterr_error) SPW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
