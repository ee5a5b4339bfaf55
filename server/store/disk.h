/* SPDX-License-Identifier: MIT */
/*
 * The directory of kept files, and the promises about it. docs/spool-format.md
 * tells what lies where.
 *
 *   disk_open()               locks it: one process at a time
 *   disk_seal(fd) -> disk_publish(fd, id)      a file gets its name
 *   disk_find(id) -> fd; disk_get_meta(fd)
 *   disk_unlink(id)
 *   disk_close()
 *
 * A file is one inode with its content and, as an extended attribute, what is
 * known about it. It has a name from when it is complete until it is deleted,
 * so being killed leaves nothing half. With `sync` a call that changes names
 * returns when the change survives a loss of power; changes made at the same
 * time share one wait for the directory.
 *
 * Without it, what the machine had not written when it stopped is lost, and
 * may be a part of a file. So each file says in which start of the machine it
 * was kept, and which checkpoint is the first to have it; disk_checkpoint()
 * counts them, and notes how many there were: disk_trusts() tells by that. No
 * clock has a part in it.
 *
 * Who publishes and unlinks the same id at the same time takes turns by
 * himself.
 *
 * Threads: any. All calls may block.
 */
#ifndef STORE_DISK_H
#define STORE_DISK_H

#include <stdbool.h>
#include <stddef.h>

#include <spillway/base.h>

#include "common/filemeta.h"

struct disk;

#define DISK_WHY_SIZE 256

/**
 * Open the directory, which is made to hold kept files if it does not yet,
 * and prove that it can.
 *
 * Returns:   0.
 * Errors:    -EBUSY another process has it; -EOPNOTSUPP the file system lacks
 *            what it takes; -ENOTSUP it is of another version, or does not say
 *            which of its files are whole; from the disk.
 *            `why` is for people.
 */
int disk_open(const char *path, bool sync, struct disk **ret,
    char why[DISK_WHY_SIZE]) SPW_MUST_CHECK;

/** Let go of it; NULL is allowed. */
void disk_close(struct disk *d);

/**
 * Make what somebody has removed of the directory again, empty.
 *
 * Returns:   0; 1 when there was something.
 * Errors:    from the disk; as disk_open().
 */
int disk_probe(struct disk *d) SPW_MUST_CHECK;

/** See that no process keeps files there. Errors: -EBUSY; from the disk. */
int disk_check_free(const char *path, char why[DISK_WHY_SIZE]) SPW_MUST_CHECK;

/** Write what is known about a file: all of it, as `m` has it. */
int disk_set_meta(struct disk *d, int fd, const struct filemeta *m)
    SPW_MUST_CHECK;

/** Returns: `checkpoint` of what is written from now on, for disk_seal(). */
uint64_t disk_begin(struct disk *d);

/**
 * The same for a complete file, and what it takes to tell whether it is on the
 * disk; with `sync` it is.
 *
 * `m`:       its `checkpoint` is what disk_begin() said before the first of
 *            the content was written. 0: all of that was waited for.
 * Errors:    -EIO what was written may have been dropped, so it cannot be
 *            promised with `sync`; from the disk.
 */
int disk_seal(struct disk *d, int fd, const struct filemeta *m)
    SPW_MUST_CHECK;

/**
 * Read it.
 *
 * Errors:    -EBADMSG there is none, or it is damaged; -ENOTSUP.
 */
int disk_get_meta(int fd, uint8_t buf[FILEMETA_MAX], struct filemeta *ret)
    SPW_MUST_CHECK;

/**
 * Returns:   1 when the content is what it was when it was published; 0.
 *            DISK_MARKED: it may be, but it could not be read before, so that
 *            nobody can tell.
 * Errors:    from the disk: it cannot be told now.
 */
#define DISK_MARKED 2
int disk_trusts(struct disk *d, const struct filemeta *m) SPW_MUST_CHECK;

/**
 * Give a file that disk_seal() was done with the name `id`, in the place of
 * whatever has it. `passing` is a name that nobody else uses.
 *
 * Returns:   0; with `sync` it is on the disk then. DISK_IN_DOUBT when it has
 *            the name, but that could neither be waited for nor undone.
 * Errors:    from the disk; whatever had the name has it again. -EISDIR: that
 *            is a directory, or something else that is no file. -EINVAL one
 *            of the names cannot be an id.
 */
#define DISK_IN_DOUBT 1
int disk_publish(struct disk *d, int fd, const char *id, const char *passing)
    SPW_MUST_CHECK;

/**
 * Open a file. One of ours that its owner may not read by its mode is given
 * that back.
 *
 * Returns:   a descriptor to read it with.
 * Errors:    -ENOENT; -EBADMSG it is somebody else's, who lets nobody read
 *            it; -ELOOP, -ENXIO, -EISDIR it is no file.
 */
int disk_find(struct disk *d, const char *id);

/**
 * Delete a file, if it is the one with this etag.
 *
 * Returns:   0; with `sync` it will not be there again. If that cannot be
 *            waited for it still is.
 * Errors:    -ENOENT there is none, or another; likewise for good. -EACCES it
 *            may not be read, so that nobody can tell; it is still there.
 *            -EINVAL one of the names cannot be an id.
 */
int disk_unlink(struct disk *d, const char *id, const char *etag)
    SPW_MUST_CHECK;

/**
 * Put what has a name out of the way for good, into a folder of its own, where
 * nobody finds it: it cannot be read, so that nobody knows whether it is to be
 * trusted. Not done while the directory does not work, for then it is not the
 * file.
 *
 * Returns:   0. DISK_LEFT when it cannot be moved, but that it is not to be
 *            trusted is known from now on, also when it can be read again.
 * Errors:    from the disk; nothing is known of it.
 */
#define DISK_LEFT 1
int disk_set_aside(struct disk *d, const char *id) SPW_MUST_CHECK;

/**
 * Leave what has a name where it is, but have known from now on that it is not
 * to be trusted, also when it can be read again: it may be whole, but is
 * somebody else's, who lets nobody see.
 *
 * Errors:    from the disk; nothing is known of it. -EINVAL the name cannot be
 *            an id.
 */
int disk_mark(struct disk *d, const char *id) SPW_MUST_CHECK;

/**
 * Call `fn` for each name, until it returns something else than 0. It may
 * delete.
 *
 * Returns:   0, or what `fn` returned last.
 */
int disk_each(struct disk *d, int (*fn)(const char *id, void *ctx), void *ctx)
    SPW_MUST_CHECK;

/** Who looked through it has deleted all that is not to be trusted. */
void disk_settled(struct disk *d);

/** Returns: whether no checkpoint can be noted before it is settled. */
bool disk_unsettled(struct disk *d);

/**
 * Have all that was published survive a loss of power, and note it; if there
 * is anything that may not. What the system could not write it may have
 * dropped, and says so once: what was published since the last time, or had
 * begun to be written, is not trusted later, whatever the next says.
 *
 * Threads:   one at a time, and not beside disk_probe().
 */
int disk_checkpoint(struct disk *d) SPW_MUST_CHECK;

#endif
