/* SPDX-License-Identifier: MIT */
/*
 * The store: every file by its id, in order of creation, and by when it
 * expires; with the memory, directory and threads that their spools share.
 *
 * Threads: any, for every call.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/filemeta.h"
#include "store/file.h"

struct disk;
struct store;

/* What becomes of a file that is in the store. */
enum store_event { STORE_READY, STORE_FAILED, STORE_DELETED };

struct store_opts {
	struct spw_budget *budget;
	struct spw_dir *dir; /* NULL: nothing can spill */
	struct spw_pool *pool;
	struct accounts *accounts; /* of owners of kept files; or NULL */
	struct spw_pool *readers; /* read for replies; may be NULL */
	const struct spw_cipher *cipher; /* NULL: nothing is confidential */
	uint64_t memory_max; /* bytes of one spool */
	uint64_t max_files;
	size_t texts_max; /* bytes of `budget` for what is said of files, past
			     FILE_TEXTS_FREE of each; 0: no limit */

	/* NULL: files are gone with the process. Outlives the store. */
	struct disk *disk;
	struct spw_pool *keepers; /* wait for the disk; with `disk` */
	unsigned max_open; /* kept files whose content is held open */
	/* How long one is tried that cannot be read, which may be an outage,
	   before it is put away as damaged. */
	unsigned patience_ms;
	/**
	 * A kept file was an upload: hang that onto it again.
	 *
	 * Errors: -ENOMEM.
	 */
	int (*revive)(void *ctx, struct file *f, const struct filemeta *m);
	void *revive_ctx;

	/**
	 * Something became of a file, other than a part of one: it can be
	 * found and is ready or failed, or it is gone for good. Not told of
	 * those that were there before the start, until they go, nor of one
	 * that another takes the place of.
	 *
	 * Any thread; locks of the store may be held, so it calls nothing of
	 * that, and does not block. NULL: nobody wants to know.
	 */
	void (*on_event)(void *ctx, enum store_event event, struct file *f);
	void *event_ctx;
};

/** Returns: 0 and the store. Errors: -ENOMEM. Takes references. */
int store_new(const struct store_opts *opts, struct store **ret) SPW_MUST_CHECK;
/** Drop every file, but none from the disk, then the store; NULL is
    allowed. */
void store_free(struct store *st);

/**
 * Make a file known under file->id.
 *
 * Returns:   0.
 * Errors:    -EEXIST when the id is taken; -EXFULL over `max_files`;
 *            -ETOOMANYREFS what is said of files takes all the memory it may.
 * Ownership: the store takes a reference of its own.
 */
int store_add(struct store *st, struct file *f) SPW_MUST_CHECK;

/**
 * Make a file known under file->id, in the place of the one that has it.
 *
 * `expected`: NULL, or the file that must still be the one replaced.
 * Returns:   0; 1 when one was replaced.
 * Errors:    as store_add(); -ESTALE when `expected` is not the one there.
 */
int store_replace(struct store *st, struct file *f, struct file *expected)
    SPW_MUST_CHECK;

/** Returns: the file with a reference, NULL when there is none. */
struct file *store_get(struct store *st, const char *id, size_t len);

/** Returns: whether such an id existed a short while ago. */
bool store_was(struct store *st, const char *id, size_t len);

/**
 * Take a file out; readers finish.
 *
 * Returns:   true when it was in.
 */
bool store_remove(struct store *st, struct file *f);

/** Have a file that is in the store expire at another time; 0: never. */
void store_set_expiry(struct store *st, struct file *f, int64_t unix_ms);

/**
 * Take out what has expired.
 *
 * Units:     `now_ms` is Unix time.
 * Returns:   how many were.
 */
size_t store_expire(struct store *st, int64_t now_ms);

/* A place in the list of files, and what is looked for there. */
struct store_cursor {
	uint64_t after; /* 0, or the `seq` of the last file that was seen */
	int state;	/* enum file_state; -1: any */
	size_t look;	/* at so many files more at most */
	bool more;	/* there are files behind the place */
};

/**
 * Page through the files in order of creation, those that are `unlisted`
 * apart. Uploads wait meanwhile, so what is looked at is bounded, and not only
 * what is found.
 *
 * Returns:   how many were put into `ret`, each with a reference; the cursor
 *            is behind the last that was looked at.
 */
size_t store_list(struct store *st, struct store_cursor *c,
    struct file **ret, size_t max);

/*
 * Files that survive the process (kept.c, open.c, restore.c).
 *
 * They are found by id at once after a start: whom store_get() does not find,
 * or finds without its content open, store_load() looks for on the disk.
 * store_restore() brings the list, expiry and quota back behind.
 *
 * Threads: those that may block, unless they say otherwise.
 */

/** Returns: whether files survive the process. Any thread. */
bool store_keeps(const struct store *st);

/** Returns: the threads for what waits for the disk here. Any thread. */
struct spw_pool *store_keepers(const struct store *st);

/**
 * Have a file that is in the store, and sealed, survive; then it may be made
 * ready and told of.
 *
 * Returns:   0.
 * Errors:    -ESTALE it is not in the store any more; from the disk: the
 *            file is not kept, and must not be tried again.
 */
int store_keep(struct store *st, struct file *f) SPW_MUST_CHECK;

/**
 * The same for one that is to take the place of another, on disk and then in
 * the store: store_replace(). It is made ready.
 *
 * `dropped`: NULL, or nobody wants it any more when it is set.
 * Returns:   0; 1 when one was replaced.
 * Errors:    and -ECANCELED; -EXFULL. After -EIO it may be in its place all
 *            the same, but nobody may rely on it.
 */
int store_keep_replace(struct store *st, struct file *f,
    struct file *expected, const _Atomic bool *dropped) SPW_MUST_CHECK;

/**
 * Take a file out as store_remove() does, and for good: it is not there again
 * after a restart.
 *
 * Returns:   1; 0 when it was not in.
 * Errors:    from the disk: it is still there, or may be.
 */
int store_drop(struct store *st, struct file *f) SPW_MUST_CHECK;

/** What is in `part` is to be in `f`, too: then `f` is on the disk no sooner,
    and lost with it. Before store_keep(). */
void store_made_of(struct file *f, const struct file *part);

/** Is its content at hand, or must it be opened by store_load()? Any
    thread. */
bool store_is_open(const struct file *f);

/**
 * Find a file by id in the store and on the disk, and open its content, which
 * stays open as long as the reference is held.
 *
 * Returns:   0 and the file with a reference.
 * Errors:    -ENOENT there is none; from the disk.
 */
int store_load(struct store *st, const char *id, size_t len,
    struct file **ret) SPW_MUST_CHECK;

/** Close some of the files that are open and that nobody uses any more, if
    there are too many. Opening one does, too. */
void store_close_unused(struct store *st);

/** Close all of them: descriptors are needed for something else. */
void store_close_all_unused(struct store *st);

/** What is known of a kept file changed: have that written behind. Any
    thread. */
void store_note(struct file *f);

/**
 * Bring back what is on the disk, until `*stop` is set.
 *
 * Errors:    from the disk; what could not be read is not listed. One file that
 *            is broken at two tries is put away, and no error any more.
 */
int store_restore(struct store *st, const _Atomic bool *stop) SPW_MUST_CHECK;

/**
 * At the end, when nobody uses the store: have what it keeps in the next
 * checkpoint, though not all may have been restored. That takes no more than a
 * look at where it was not known of another start of the machine what is whole.
 * What cannot be read is put away; if that fails it is told in the log, and
 * keeps that from being noted. NULL is allowed.
 */
void store_settle(struct store *st);

/**
 * Make a file known that was there before the start, and have it listed when
 * all are. False: the id is taken. Any thread.
 */
bool store_add_restored(struct store *st, struct file *f) SPW_MUST_CHECK;

/** Returns: whether store_restore() is not through. Any thread. */
bool store_restoring(const struct store *st);

/**
 * Returns:   a number that is another after the next start, and when
 *            store_restore() is through: places in the list mean nothing any
 *            more then. Any thread.
 */
uint64_t store_mark(const struct store *st);

/** Say all that is known about a file, texts in `buf`. Any thread. */
struct store_texts {
	char name[FILE_NAME_SIZE], type[FILE_TYPE_SIZE];
};
void store_describe(
    struct file *f, struct filemeta *ret, struct store_texts *buf);

struct store_stats {
	uint64_t files;
	struct spw_budget_stats memory;
	struct spw_dir_stats disk;
	size_t disk_queue; /* jobs waiting for the disk threads */
};
void store_stats(struct store *st, struct store_stats *ret);

/** Returns: the threads that fetch from disk what replies need, or NULL. */
struct spw_pool *store_readers(const struct store *st);

/** Returns: what memory is charged to. */
struct spw_budget *store_budget(const struct store *st);

/** Returns: the threads that write behind, or NULL. */
struct spw_pool *store_writers(const struct store *st);

/**
 * Whoever made a file needs it no more, but for dropping his reference. The
 * content of one that survives is closed, so that it holds neither a
 * descriptor nor the file system open for writing until somebody asks for it.
 */
void store_written(struct file *f);

/** Would a file of `size` bytes fit? Errors: -ENOSPC, -EDQUOT. */
int store_check_space(struct store *st, uint64_t size) SPW_MUST_CHECK;

/** Can the directory be used? Errors: as spw_dir_probe(). May block. */
int store_probe(struct store *st) SPW_MUST_CHECK;

#endif
