/* SPDX-License-Identifier: MIT */
/*
 * The server as main() sees it: built from a configuration that was read
 * already, so that --check-config and --print-config can look at it first.
 */
#ifndef DAEMON_H
#define DAEMON_H

#include <spillway/server.h>

#include "base/conf.h"
#include "front/auth.h"
#include "http/tls.h"
#include "process/zygote.h"

/* What is read of files that the configuration names. */
struct daemon_files {
	struct auth_files auth;
	struct http_cert *cert; /* NULL: none */
};

/**
 * Fork off what starts processors, if there are any: before there are threads,
 * and before the process confines itself.
 *
 * Errors:    as zygote_new().
 */
int daemon_prepare(const struct conf *conf, struct zygote **ret,
    struct conf_error *reterr) SPW_MUST_CHECK;

/**
 * As spw_server_new().
 *
 * Ownership: takes `conf` and `files`, whose content is moved out, and `z`,
 *            also on failure.
 */
int daemon_new(struct conf *conf, struct daemon_files *files, struct zygote *z,
    struct spw_server **ret, struct conf_error *reterr) SPW_MUST_CHECK;

/** Find the spool directory; errors as daemon_new(). */
#define DAEMON_PATH_SIZE 4096
int daemon_spool_dir(const struct conf *conf, char path[DAEMON_PATH_SIZE],
    struct conf_error *reterr) SPW_MUST_CHECK;

/**
 * Read a file (NULL: none) and settings over the defaults in `conf`, and check
 * what came of it; then the files that it names. `settings` ends with NULL.
 *
 * Errors:    as conf_load(), conf_set() and conf_check(); of the files.
 */
int daemon_load(struct conf *conf, const char *file,
    const char *const *settings, struct daemon_files *ret,
    struct conf_error *reterr) SPW_MUST_CHECK;

/**
 * Check what a start takes besides: that sockets and files could be made, and
 * given to whom they are to be. Changes nothing. A start finds all of it by
 * itself, and does without what is handed over to it.
 *
 * Returns:   0; `ret_note->msg` is not empty when something has to be there
 *            by the start that is not there yet.
 * Errors:    -EINVAL there is no such user or group; of a directory;
 *            -EADDRINUSE.
 */
int daemon_check(const struct conf *conf, struct conf_error *ret_note,
    struct conf_error *reterr) SPW_MUST_CHECK;

/** Have it go by what files say now; takes them. Errors: as auth_use(); then
    it does not. */
int daemon_use(struct spw_server *s, struct daemon_files *files)
    SPW_MUST_CHECK;

/** Forget what nobody has taken. */
void daemon_files_drop(struct daemon_files *files);

/** Have the log, which is the process's, be as the configuration says. */
void daemon_log(const struct conf *c);

/** Returns: the configuration it runs with, for conf_reload(). */
struct conf *daemon_conf(struct spw_server *s);

#endif
