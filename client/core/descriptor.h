/* SPDX-License-Identifier: MIT */
/*
 * The server's JSON as values: descriptors of files, entries of zips.
 * Pure; spwc_file_fini() and spwc_state_name() are here too.
 */
#ifndef SPILLWAY_CLIENT_CORE_DESCRIPTOR_H
#define SPILLWAY_CLIENT_CORE_DESCRIPTOR_H

#include <jansson.h>

#include <spillway/base.h>
#include <spillway/client.h>
#include <spillway/client_zip.h>

/**
 * Read a descriptor.
 *
 * Returns:   0 and the file.
 * Errors:    -EPROTO when it is not a descriptor: no valid id or state;
 *            -ENOMEM.
 * Ownership: the file is the caller's, for spwc_file_fini().
 */
int spwc__file_from_json(const json_t *json, struct spwc_file *ret_file)
    SPW_MUST_CHECK;

/**
 * Read an entry of a zip. `ret_line` owns what its `json` points to; the
 * other strings live as long as `json`.
 *
 * Returns:   0, the entry, and a string for free().
 * Errors:    -EPROTO when it is not an entry: no name or index; -ENOMEM.
 */
int spwc__entry_from_json(const json_t *json, struct spwc_zip_entry *ret_entry,
    char **ret_line) SPW_MUST_CHECK;

#endif
