/* SPDX-License-Identifier: MIT */
/*
 * What the guard says of a URL, as JSON:
 *
 *   {"host": TEXT, "port": N, "allowed": BOOL, "rule": WORD, "detail": TEXT,
 *    "addresses": [{"address": TEXT, "allowed": BOOL, "rule": WORD,
 *                   "detail": TEXT}]}
 *
 * `rule` and `detail` are null for what is allowed; `host` and `port` for a
 * URL that is not one. A name is allowed if one of its addresses is: only
 * those are connected to.
 *
 * Threads: any; no state.
 */
#ifndef INGEST_FETCH_CHECK_H
#define INGEST_FETCH_CHECK_H

#include <stdbool.h>

#include "base/conf.h"
#include "base/strbuf.h"
#include "common/text.h"
#include "store/file.h"

/** Room for it. */
#define FETCH_CHECK_MAX ((size_t)64 * 1024)

/**
 * Say what follows from the text of the URL.
 *
 * Returns:   false, and nothing is written: its name has to be looked up.
 */
bool fetch_check_text(
    const struct conf_fetch *conf, struct str url, struct strbuf *out);

/** The same for one of which that was false, by the file of the `check` that
    has failed since. */
void fetch_check_seen(struct str url, struct file *file, struct strbuf *out);

#endif
