/* SPDX-License-Identifier: MIT */
/*
 * The listing of an archive, written piece by piece from its directory: the
 * memory it takes does not depend on how many entries there are.
 *
 *   JSON     {"comment":C,"count":N,...,"entries":[{...},...],"next":T}
 *   NDJSON   {...} a line
 *   text     the name a line
 *
 * `count` is the number of entries in the archive; `warnings`, of the archive
 * and of each entry, are what looks odd or dangerous (zip_warn.h). `next` is
 * null, or what to give as `after` to go on behind the last entry that is
 * listed.
 *
 *   zip_list_init(&l, dir, &wish) -> zip_list_more(&l, &out)... until false
 *
 * Threads: one at a time for one of them.
 */
#ifndef DELIVER_ZIP_LIST_H
#define DELIVER_ZIP_LIST_H

#include <stdbool.h>

#include "base/strbuf.h"
#include "deliver/zip_accept.h"
#include "deliver/zip_dir.h"

/** Entries in a JSON listing unless the client says otherwise. The other forms
    have no `next`, and so no such default. */
#define ZIP_LIST_DEFAULT 1000
/** The most entries in a listing. */
#define ZIP_LIST_MAX 1000000
/** A piece ends with the entry that passes this many bytes. */
#define ZIP_LIST_PIECE_BYTES ((size_t)60 * 1024)
/** Room for a piece whatever its last entry is called: name and comment of
    65 535 bytes of code page 437, three of UTF-8 each; six are reserved for
    each of these. Only an archive made for the purpose comes near. */
#define ZIP_LIST_PIECE_MAX (ZIP_LIST_PIECE_BYTES + 2 * 65535 * 3 * 6 + 1024)

struct zip_wish {
	enum zip_form form;
	uint64_t first;	   /* index of the entry to begin with */
	uint64_t limit;	   /* how many entries */
	struct str prefix; /* of the names; maybe empty */
};

struct zip_list {
	const struct zip_dir *dir;
	struct zip_wish wish;
	size_t at; /* the next entry to look at */
	uint64_t listed;
	bool begun;
	bool ended;
};

/** Begin; `dir` and the prefix must outlive it. */
void zip_list_init(
    struct zip_list *l, const struct zip_dir *dir, const struct zip_wish *wish);

/**
 * Append the next piece to `out`, which is empty and has room for
 * ZIP_LIST_PIECE_MAX bytes.
 *
 * Returns:   false when it is complete: nothing was appended.
 * Errors:    `out->failed`.
 */
bool zip_list_more(struct zip_list *l, struct strbuf *out);

#endif
