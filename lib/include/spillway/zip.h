/* SPDX-License-Identifier: MIT */
/*
 * libzip over spools: read an archive in a spool, make or change one, or add
 * a spool's content to an archive as a member. In libspillway-zip.
 *
 *   spw_zip_source_new(s, &src)               read only
 *   spw_zip_archive_new(&slot, &opts, &src)   read and write
 *   -> zip_open_from_source(src, ...) -> zip_close()
 *   or zip_file_add(za, "name", src, ...)
 *
 * Who writes an archive has a slot: a pointer to a spool, NULL while there is
 * no archive. Writing goes to a new spool; when zip_close() commits, that one
 * is sealed and put in the slot in the place of the old one. Until then, and
 * if anything fails (a full disk, say), the slot holds the old archive,
 * whole. Whoever has a reference on the old spool keeps the old archive.
 *
 * Errors of the spool come through libzip as ZIP_ER_READ, ZIP_ER_SEEK,
 * ZIP_ER_WRITE, ZIP_ER_TMPOPEN (making the new spool), ZIP_ER_CLOSE (sealing
 * it) or ZIP_ER_MEMORY, with the errno as the system error. After
 * ZIP_ER_WRITE zip_close() may be tried again; after others libzip may want
 * the archive opened anew.
 *
 * `struct zip_source` is libzip's zip_source_t; this header does not need
 * <zip.h>.
 *
 * Threads: libzip's: one at a time for one source and its slot. The spools
 * may be read from other threads meanwhile.
 */
#ifndef SPILLWAY_ZIP_H
#define SPILLWAY_ZIP_H

#include <spillway/base.h>
#include <spillway/spool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct zip_source;

/**
 * Make a libzip source that reads a spool: an archive, or a member to add.
 *
 * Its end is the end of the spool when libzip opens it, so the spool should
 * be complete by then. A failed spool reads up to what came and then fails,
 * it is never archived as if it were whole.
 *
 * Returns:   0 and a source in `*ret`.
 * Errors:    -ENOMEM; -EINVAL.
 * Ownership: takes a reference on the spool. The source is for
 *            zip_open_from_source() or zip_file_add(), which take it over
 *            when they succeed, or for zip_source_free().
 */
SPW_API int spw_zip_source_new(struct spw_spool *s, struct zip_source **ret)
    SPW_MUST_CHECK;

/**
 * Make a libzip source that reads and writes the archive in `*slot`.
 *
 * `*slot` may be NULL: there is no archive yet, which zip_open_from_source()
 * takes for ENOENT without ZIP_CREATE. An archive that lost its last member
 * is removed: `*slot` is NULL then.
 *
 * `opts` is what new spools are made with; NULL: in memory without limit.
 *
 * Returns:   0 and a source in `*ret`.
 * Errors:    -ENOMEM; -EINVAL for sparse spools; as spw_spool_new() with
 *            these `opts`.
 * Ownership: the reference in `*slot` stays the caller's; a commit drops it
 *            and puts another one there. `slot`, and what `opts` points to,
 *            must live as long as the source; `opts` itself is copied. The
 *            source as above.
 */
SPW_API int spw_zip_archive_new(struct spw_spool **slot,
    const struct spw_spool_opts *opts, struct zip_source **ret)
    SPW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
