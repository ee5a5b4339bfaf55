/* SPDX-License-Identifier: MIT */
/*
 * The store's inner side.
 *
 * A file is found by id in one of 64 shards, each with a lock and a hash
 * table of its own; the order of creation is a list.h under `list_lock`; expiry
 * is a wheel of slots a second wide under `wheel_lock`; kept files that are
 * open are in a list under `lru_lock`; those that leave the disk are under
 * `leaving_lock`. Locks are taken in that order and none is held while a file
 * is freed. A stripe comes before all of them, is held
 * while the disk is waited for, and so never taken on a loop.
 */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <string.h>

#include "base/allowance.h"
#include "store/list.h"
#include "store/store.h"

#define STORE_SHARDS 64
#define STORE_WHEEL 4096 /* seconds of a turn */
#define STORE_TOMBS 64	 /* per shard */

struct store_shard {
	pthread_mutex_t lock;
	struct file **buckets;
	size_t mask, count;
	/* Hashes of ids that went a short while ago, oldest overwritten. */
	uint64_t tombs[STORE_TOMBS];
	unsigned next_tomb;
};

/* Operations on disk of the same id take turns. */
#define STORE_STRIPES 256
/* What is restored comes before what is new. */
#define STORE_SEQ_NEW ((uint64_t)1 << 40)

struct store {
	struct store_opts opts;
	uint64_t seed;
	_Atomic uint64_t files;
	struct allowance texts; /* for what is said of files */
	struct store_shard shards[STORE_SHARDS];

	pthread_mutex_t list_lock;
	struct list list;
	uint64_t front_seq; /* the lowest that was given to restored ones */
	uint64_t next_seq;
	uint64_t mark; /* of this list, when all are restored */

	pthread_mutex_t wheel_lock;
	struct file *wheel[STORE_WHEEL];
	int64_t wheel_s; /* Unix second expired so far */

	/* Of kept files. */
	_Atomic bool restoring;
	bool closing; /* nothing is taken from the disk */
	struct file *restored; /* not in the list yet, by list_next */
	pthread_mutex_t stripes[STORE_STRIPES];
	/* While it is restored: taken out of memory, but the disk still has
	   them. By stripe, and by hash_next. */
	pthread_mutex_t leaving_lock;
	struct file *leaving[STORE_STRIPES];
	/* What could not be read, or deleted, by stripe and under it, while
	   it is restored. */
	struct store_unread *unread[STORE_STRIPES];
	pthread_mutex_t lru_lock;
	struct file *lru_first, *lru_last;
	unsigned lru_count;
};

/* What is done behind with a kept file. */
enum { STORE_JOB_DROP = 1 << 0, STORE_JOB_NOTE = 1 << 1 };

/* file.c */
void file_init(struct store *st, struct file *f, enum file_state state);
/** `made_id` was set: it is the id, and the etag tells it. */
void file_set_etag(struct file *f);

/* texts.c */
/** Free them, and let go of what they are charged for. */
void file_free_texts(struct file *f);
/** Keep why it failed, as far as there is room; once, with its lock locked. */
void file_keep_error(struct file *f, const struct failure *e);
/** Returns: whether a file that says so much may come in. */
bool store_has_room_for_texts(struct store *st, const struct file *f);

/* owner.c */
/** Count it, and what is known of its size. Errors: -ENOANO,
    -ENOSR. */
int file_own(struct file *f, struct account *a, uint64_t size) SPW_MUST_CHECK;
/** The same of one that was there before, whatever the limit. */
void file_own_restored(struct file *f, struct account *a, uint64_t size);
/** It counts no more. */
void file_disown(struct file *f);

/* store.c */
uint64_t store_hash(const struct store *st, const char *id, size_t len);
/** Take a file out of the list that it is in. `list_lock` is locked. */
void store_list_cut(struct store *st, struct file *f);
/** Take a file out of memory. Returns: whether it was in. */
bool store_take_out(struct store *st, struct file *f);
/** Have `*ret`, the content of a file that nobody else uses; false: somebody
    does. The caller has one reference. */
bool store_take_spool(
    struct store *st, struct file *f, struct spw_spool **ret);

/* kept.c */
/** Returns: file->began of one that begins now. */
uint64_t store_begin(struct store *st);
/** It is taken out of the store, with its shard locked: the disk is not asked
    for it again. */
void store_leave(struct store *st, struct file *f);
/** Returns: whether the file of this tag is on its way off the disk. */
bool store_leaves(struct store *st, const char *id, struct str etag);
/** It was taken out of memory: and now from the disk, behind. */
void store_drop_behind(struct file *f);
pthread_mutex_t *store_stripe(struct store *st, const char *id);
/** Returns: which one that is. */
size_t store_stripe_of(const struct store *st, const char *id);
/** The last one lets go of a file. */
void store_kept_free(struct file *f);

/* open.c: all may block, but the last two */
/** Open the content. Errors: -ENOENT it is not there any more. */
int store_open(struct store *st, struct file *f) SPW_MUST_CHECK;
/** It is open, and may be closed when others are used more. */
void store_opened(struct store *st, struct file *f);
/** It is in the store no longer. Any thread. */
void store_forget_open(struct store *st, struct file *f);

/* restore.c */
/**
 * Make a file known that is on the disk, with its stripe locked.
 *
 * Returns:   0 and the file, not open, with a reference.
 * Errors:    -ENOENT there is none, or it was not worth keeping; from the
 *            disk.
 */
int store_find_kept(struct store *st, const char *id, struct file **ret)
    SPW_MUST_CHECK;

/* unread.c: what is known of ids while files are restored; each with the
   stripe of the id locked */
/** It cannot be read, or not be deleted. Returns: whether nobody was told of
    that yet, and so has to be; it is counted then. */
bool store_unread_news(struct store *st, const char *id);
/** Returns: whether somebody was. */
bool store_unread_told(struct store *st, const char *id);
/** A try to restore all has met it. Returns: whether another one had, so long
    ago or longer. */
bool store_unread_for(struct store *st, const char *id, unsigned ms);
/** It was taken out of memory, and the disk could not forget it: it is not
    restored. */
void store_gone(struct store *st, const struct file *f);
bool store_is_gone(struct store *st, const char *id, struct str etag);
/** Forget all of that; with no stripe locked. */
void store_unread_free(struct store *st);

/* wheel.c */
void store_wheel_add(struct store *st, struct file *f);
void store_wheel_remove(struct store *st, struct file *f);

/** Copy a string that is known to fit. */
static inline void strcpy_checked(char *out, const char *s, size_t cap)
{
	size_t n = strlen(s);

	if (n >= cap)
		n = cap - 1;
	memcpy(out, s, n);
	out[n] = '\0';
}

/* What is told of a file when both have come. */
enum { STORE_NEWS_KNOWN = 1, STORE_NEWS_FINAL = 2 };

/** One of them has. */
void store_news(struct file *f, unsigned news);

#endif
