/* SPDX-License-Identifier: MIT */
/*
 * What spillwayd takes from itself, so that whoever takes it over gets little:
 * its memory is not dumped, the kernel keeps it to the files that it needs
 * (base/landlock.h) and refuses system calls that it never makes
 * (base/seccomp.h). `[sandbox]` says what of that; without it in the kernel
 * the log tells, unless it is required.
 *
 * Files that it may open once confined:
 *   - below the spool directory, and below the one above it if that is private
 *     to its user as well: then one that was removed and made again, or mounted
 *     over, is used again;
 *   - in the directory of the configuration, for reading;
 *   - in the directories of the files that [auth] names, and of the
 *     certificate, for reading, and in those that they lead to;
 *   - in directories of unix sockets to listen on: sockets only;
 *   - for reading, libraries, and what OpenSSL is configured by;
 *   - the secrets of hooks, for reading;
 *   - when it may fetch, or calls hooks: for reading, what the resolver looks
 *     into, and the certificates, with the directory of `ca_file`. That is all
 *     of /etc, since resolv.conf and others are replaced there, not rewritten.
 *
 * Threads: confine_files() before there are others, confine_calls() at any
 * time.
 */
#ifndef CONFINE_H
#define CONFINE_H

#include "base/conf.h"

/**
 * No core dumps, and no files but those. `file` is the configuration, NULL:
 * none. The spool directory has to be there.
 *
 * Errors:    of what is required and cannot be; `reterr` says which.
 */
int confine_files(const struct conf *c, const char *file,
    struct conf_error *reterr) SPW_MUST_CHECK;

/** No system calls that it never makes. Errors: as confine_files(). */
int confine_calls(const struct conf *c, struct conf_error *reterr)
    SPW_MUST_CHECK;

#endif
