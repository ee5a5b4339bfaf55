/* SPDX-License-Identifier: MIT */
/*
 * Inside of conf: values that are lists, read item by item. Items stand
 * between commas; empty ones are skipped and repeated ones refused.
 * Threads: as conf.h.
 */
#ifndef BASE_CONF_LIST_H
#define BASE_CONF_LIST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <spillway/base.h>

#include "base/conf_value.h"

/**
 * Read a list into `field`, in place of what is there.
 *
 * Errors:    -EINVAL, -ENOMEM, and `reterr->msg`; `field` is then as it was.
 */
int conf_list_parse(const struct conf_key *key, void *field, const char *text,
    struct conf_error *reterr) SPW_MUST_CHECK;

/** Write a list; long ones go on in indented lines. */
void conf_list_print(const struct conf_key *key, const void *field, FILE *out);

/** Whether there is no item. */
bool conf_list_is_empty(const void *field);

/** Free a list; it is all zeros then. */
void conf_list_fini(void *field);

#endif
