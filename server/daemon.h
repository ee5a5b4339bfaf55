/* SPDX-License-Identifier: MIT */
/*
 * The server as main() sees it: built from a configuration that was read
 * already, so that --check-config and --print-config can look at it first.
 */
#ifndef DAEMON_H
#define DAEMON_H

#include <spillway/server.h>

#include "base/conf.h"

/**
 * As spw_server_new().
 *
 * Ownership: takes `conf`, whose content is moved out, also on failure.
 */
int daemon_new(struct conf *conf, struct spw_server **ret,
    struct conf_error *reterr) SPW_MUST_CHECK;

/** Find the spool directory; errors as daemon_new(). */
#define DAEMON_PATH_SIZE 4096
int daemon_spool_dir(const struct conf *conf, char path[DAEMON_PATH_SIZE],
    struct conf_error *reterr) SPW_MUST_CHECK;

/**
 * Read a file (NULL: none) and settings over the defaults in `conf`, and check
 * what came of it. `settings` ends with NULL.
 *
 * Errors:    as conf_load(), conf_set() and conf_check().
 */
int daemon_load(struct conf *conf, const char *file,
    const char *const *settings, struct conf_error *reterr) SPW_MUST_CHECK;

/** Returns: the configuration it runs with, for conf_reload(). */
struct conf *daemon_conf(struct spw_server *s);

#endif
