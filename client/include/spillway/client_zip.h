/* SPDX-License-Identifier: MIT */
/*
 * Looking into files that are zips: their entries, and the content of one.
 *
 * Errors and threads are as <spillway/client.h> has them.
 */
#ifndef SPILLWAY_CLIENT_ZIP_H
#define SPILLWAY_CLIENT_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spillway/base.h>
#include <spillway/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One entry of a zip. Valid only during the callback. */
struct spwc_zip_entry {
	uint64_t index;
	/** As stored: may hold "..", control characters, even NUL. */
	const char *name;
	size_t name_len;
	const char *method;
	/** As the zip has it, "YYYY-MM-DDTHH:MM:SS..."; NULL when not given. */
	const char *modified;
	uint64_t size;
	uint64_t compressed_size;
	uint32_t crc32;
	bool is_dir;
	bool is_encrypted;
	/** The server will not treat the name as a path. */
	bool is_unsafe;
	/** The whole entry: one line of JSON, ASCII only. */
	const char *json;
};

/** Told of each entry of a list. As spwc_file_fn. */
typedef int (*spwc_zip_entry_fn)(void *arg, const struct spwc_zip_entry *entry);

/** Which entries to list. All zero lists all. */
struct spwc_zip_list_opts {
	size_t size;
	/** Only names that begin so; NULL for all. */
	const char *prefix;
	/** Entries a request; 0 means 1000. Not a limit of the list. */
	unsigned int page;
};

/**
 * Tell `fn` of the entries of a file that is a zip, asking page by page.
 *
 * Returns:   0 at the end, or when `fn` ended it.
 * Errors:    as there, and what `fn` returned. `fn` may have been told of
 *            some entries before.
 * Threads:   `fn` runs on the caller's thread and may not use `c`.
 */
SPW_API int spwc_zip_list(struct spwc_client *c, const char *ref,
    const struct spwc_zip_list_opts *opts, spwc_zip_entry_fn fn, void *arg,
    struct spwc_error *reterr_error) SPW_MUST_CHECK;

/**
 * Read one entry of a zip into `sink`.
 *
 * Units:     `index` counts from 0 and is used when `name` is NULL: it
 *            reaches entries whose name is not unique or not safe.
 * Returns:   0; `ret_content` (NULL is allowed) says what came.
 * Errors:    as spwc_get().
 */
SPW_API int spwc_zip_read(struct spwc_client *c, const char *ref,
    const char *name, uint64_t index, const struct spwc_get_opts *opts,
    const struct spwc_sink *sink, struct spwc_content *ret_content,
    struct spwc_error *reterr_error) SPW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
