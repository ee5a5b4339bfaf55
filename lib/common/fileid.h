/* SPDX-License-Identifier: MIT */
/*
 * What the id of a file may be. It is the name of a file on the disk, and a
 * part of a path in URLs.
 *
 * Pure functions: any thread.
 */
#ifndef COMMON_FILEID_H
#define COMMON_FILEID_H

#include <stdbool.h>
#include <stddef.h>

/** Length of an id that the server makes. */
#define ID_LEN 22
/** Longest id a client may choose. */
#define ID_LEN_MAX 200

/**
 * Whether `s` can be the id of a file: 1 to ID_LEN_MAX characters of
 * `A-Z a-z 0-9 . _ ~ -`, the first of them not '.'.
 */
bool id_valid(const char *s, size_t len);

#endif
