/* SPDX-License-Identifier: MIT */
/*
 * A file: a spool with an id and what is known about it.
 *
 *   file_new() -> set the open fields -> store_add()     (store/store.h)
 *   bytes go into file->spool
 *   file_ready() | file_fail()
 *   file_unref()
 *
 * It is the same thing however it came in. Before store_add() it belongs to
 * whoever makes it; afterwards the fields marked "fixed" never change, and
 * the others change under its lock, by the calls below.
 *
 * Threads: any, for every call.
 */
#ifndef STORE_FILE_H
#define STORE_FILE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <spillway/spool.h>

#include "base/account.h"
#include "base/failure.h"
#include "base/id.h"
#include "common/filemeta.h"

#define FILE_ETAG_SIZE (ID_LEN + 3)
#define FILE_SIZE_UNKNOWN UINT64_MAX

enum file_state {
	FILE_RECEIVING, /* bytes still come in */
	FILE_READY,	/* sealed, immutable */
	FILE_FAILED,	/* the source broke; what came stays readable */
};

enum file_source {
	FILE_FROM_UPLOAD,
	FILE_FROM_FORM,
	FILE_FROM_TUS,
	FILE_FROM_IETF,
	FILE_FROM_FETCH,
	FILE_FROM_ZIP,
	FILE_FROM_PROCESS,
};

struct store;

/* Something hung onto a file by an upper layer, freed with it. */
struct file_extra {
	void (*free)(struct file_extra *x);
};

/*
 * An upload that goes on between requests, hung onto the file it fills by the
 * layer that knows what it is.
 */
struct file_upload {
	/** The file was taken out of the store. Any thread, no lock held. */
	void (*removed)(struct file_upload *u);
	/** The file goes, and so nobody uses it any more. */
	void (*free)(struct file_upload *u);
	/** Say what is known of it; texts stay until it is freed. Any
	    thread. */
	void (*describe)(const struct file_upload *u, struct filemeta *ret);
	/** Delete for good what is on disk of it. May block. */
	int (*purge)(struct file_upload *u);
};

struct file_watch {
	struct file_watch *next, **prev;
	/** The state changed. Under the file's lock: post and return. */
	void (*fn)(struct file_watch *w);
};

struct file {
	uint32_t magic;
	_Atomic uint32_t refs;
	struct store *store;

	/* Fixed by store_add(). */
	const char *id;
	char made_id[ID_LEN + 1]; /* unless a client chose another */
	/* NULL: kept, and not open; see store_load(). Who saw it open keeps
	   it so with a reference on the file. */
	_Atomic(struct spw_spool *) spool;
	enum file_source source;
	char *url;		   /* of a fetch, without secrets; or NULL */
	_Atomic(char *) coding;	   /* its Content-Encoding; or NULL. Of a
				      fetch once it is known. */
	int64_t created_ms;	   /* Unix */
	char etag[FILE_ETAG_SIZE]; /* quoted, strong */
	bool unlisted;		   /* a part of uploads to come */
	uint64_t share; /* of its jobs in the pools; see spw_job */
	struct account *account;    /* what it is charged to; or NULL */
	struct file_upload *upload; /* freed with the file; or NULL */

	/* Unix; 0: never. Once it is in the store by store_set_expiry(). */
	_Atomic int64_t expires_ms;

	/* Under `lock`, by the calls below. */
	pthread_mutex_t lock;
	char *name;	     /* or NULL */
	char *type;	     /* or NULL */
	int64_t modified_ms; /* Unix: when it was sealed, or the origin's */
	struct file_error *error;     /* why it failed; or NULL */
	struct file_digests *digests; /* those that are known; or NULL */
	struct file_origin *origin;   /* what a cache has to know; or NULL */
	struct file_watch *watches;

	_Atomic uint64_t size;	    /* FILE_SIZE_UNKNOWN while not known */
	_Atomic int state;	    /* enum file_state */
	_Atomic int64_t reads_left; /* 0: not counted; below: none */
	_Atomic bool removed;	    /* no longer in the store; or not wanted */
	_Atomic bool described;	    /* its source has told what comes */
	_Atomic bool fixed;	    /* what comes is of one known version */
	_Atomic bool lazy;	    /* and only what is read comes */
	_Atomic bool unverified;    /* its end may be a cut */
	_Atomic unsigned news;	    /* the store's: what has come together */
	/* Made once by deliver/ (the zip index); see file_extra_set(). */
	_Atomic(struct file_extra *) extra;

	/* texts.c's. */
	_Atomic size_t texts; /* bytes */

	/* owner.c's. */
	_Atomic uint64_t charged; /* bytes */
	_Atomic bool owned;	  /* it counts as a file */

	/* The store's. */
	uint64_t hash;
	struct file *hash_next;
	struct file *list_next, *list_prev;
	struct list_post *post;
	struct file *wheel_next, **wheel_prev;
	uint64_t seq; /* 0: not in the list yet */

	/* Of a kept one. */
	uint64_t began;	   /* the first checkpoint that has some of its content;
			      0: what there was is on the disk. Fixed. */
	_Atomic bool kept; /* it has, or had, a name on the disk */
	_Atomic bool used; /* since it was looked at last */
	bool held;	   /* the store accounts for its bytes on disk */
	bool lru;	   /* in the list of those that are open */
	bool leaving;	   /* in that of those that leave the disk */
	struct file *lru_next, *lru_prev;
	struct spw_job job; /* what is done behind: JOB_... */
	_Atomic unsigned jobs;
};

/** How a file's spool is to be made. */
struct file_opts {
	uint64_t size;	   /* expected; FILE_SIZE_UNKNOWN */
	uint64_t size_max; /* SPW_UNLIMITED */
	struct owner owner;
	void (*on_writable)(struct spw_spool *s, void *user_data);
	/* Somebody reads where nothing is yet; see <spillway/sparse.h>. */
	void (*on_wanted)(struct spw_spool *s, void *user_data);
	void *user_data;
};

/**
 * Make a file with an id of its own and an empty spool.
 *
 * Returns:   0 and the file with one reference in `*ret`.
 * Errors:    -ENOMEM; -ENOANO, -ENOSR its owner may have no more (account.h).
 */
int file_new(struct store *st, const struct file_opts *opts, struct file **ret)
    SPW_MUST_CHECK;

/** How its spool is made, for who makes it himself. */
void file_spool_opts(struct store *st, const struct file_opts *opts,
    struct spw_spool_opts *ret);

/**
 * Make one that is ready, from what is known about it, without its content.
 *
 * Errors:    -ENOMEM; -EBADMSG when that makes no sense.
 */
int file_restore(struct store *st, const char *id, const struct filemeta *m,
    struct file **ret) SPW_MUST_CHECK;

/**
 * Make one that is still received into a spool that is there.
 *
 * Errors:    as file_restore().
 * Ownership: takes a reference on the spool.
 */
int file_resume(struct store *st, const struct filemeta *m,
    struct spw_spool *s, struct file **ret) SPW_MUST_CHECK;

struct file *file_ref(struct file *f);
void file_unref(struct file *f);

static inline void file_unrefp(struct file **f)
{
	file_unref(*f);
}

/** Put an id that a client chose over the made one. Errors: -ENOMEM. */
int file_set_id(struct file *f, const char *id, size_t len) SPW_MUST_CHECK;

/** Say where it was fetched from; takes it, once. */
void file_take_url(struct file *f, char *url);

/**
 * So many bytes more are kept with a file, as long as it is there, of what was
 * said of it; those that are set by the calls here count by themselves. What is
 * over FILE_TEXTS_FREE is charged to the budget. It may be more than there is
 * room for: then the file does not get into the store.
 */
#define FILE_TEXTS_FREE 512
void file_hold_texts(struct file *f, size_t bytes);
/** Returns: whether so much more may be kept of what is said of it. */
bool file_has_room(const struct file *f, size_t bytes);

/** Say which content codings the bytes have; once. Errors: -ENOMEM. */
int file_set_coding(struct file *f, const char *coding, size_t len)
    SPW_MUST_CHECK;

/** Set name or type (copies; "" and NULL mean none). Errors: -ENOMEM;
    -EOVERFLOW it has no room below. */
int file_set_name(struct file *f, const char *name, size_t len);
int file_set_type(struct file *f, const char *type, size_t len);

/**
 * Copy name and type out.
 *
 * Returns:   false when there is none.
 * Units:     the caller's buffers have FILE_NAME_SIZE and FILE_TYPE_SIZE.
 */
#define FILE_NAME_SIZE 256
#define FILE_TYPE_SIZE 256
#define FILE_CODING_SIZE 128
bool file_name(struct file *f, char out[FILE_NAME_SIZE]);
bool file_type(struct file *f, char out[FILE_TYPE_SIZE]);

/**
 * It will have `size` bytes at least; its owner pays for them until it is
 * taken out of the store.
 *
 * Errors:    -ENOSR there are not as many left.
 */
int file_charge(struct file *f, uint64_t size) SPW_MUST_CHECK;
/** The same of `by` bytes more than it has. */
int file_grow(struct file *f, uint64_t by) SPW_MUST_CHECK;

/** Say how long it will be; once. */
void file_set_size(struct file *f, uint64_t size);

/** The spool is sealed: the file is ready. */
void file_ready(struct file *f);

/** The source broke: fails the spool, too. `e` is copied, without its texts
    where there is no room for them. */
void file_fail(struct file *f, const struct failure *e);

/** Copy the failure out; false when there is none. */
bool file_error(struct file *f, struct failure *ret);

/** Count a read of it. Returns: whether that was the last there may be. */
bool file_take_read(struct file *f);

enum file_state file_state(const struct file *f);

/**
 * Say that the bytes that come are of one version whatever happens, so that
 * it has a tag and a date before all are there; and whether only those come
 * that are read.
 */
void file_set_fixed(struct file *f, bool lazy);

/** Returns: whether its tag and date can be told. */
bool file_fixed(const struct file *f);

/* What the origin of a fetched file said of its freshness. */
struct file_origin {
	int64_t asked_ms, received_ms; /* Unix */
	/* Seconds for which the redirects on the way hold; UINT64_MAX. */
	uint64_t redirects_s;
	const char *url; /* that they led to */
	/* Lines `Name: value` as they came, of the fields that RFC 9111 is
	   about, ETag, Last-Modified and Vary. NUL-terminated. */
	const char *fields;
	size_t len;
};

/** Keep it; copies. Errors: -ENOMEM; -ETOOMANYREFS what is said of files takes
    all the memory it may. */
int file_set_origin(struct file *f, const struct file_origin *o)
    SPW_MUST_CHECK;

/** Returns: a copy of what is kept, for free(); NULL without, or memory. */
struct file_origin *file_origin(struct file *f);

/**
 * Note digests of the whole content, in addition to those known.
 *
 * Returns:   0.
 * Errors:    -ENOMEM; then it knows what it knew.
 */
int file_add_digests(struct file *f, const struct digest_set *set)
    SPW_MUST_CHECK;

/** Copy out the digests that are known. Returns: their mask, `ret->have`. */
unsigned file_digests(struct file *f, struct digest_set *ret);

/** Returns: Unix ms of the last change. */
int64_t file_modified_ms(struct file *f);
/** Returns: that, once it can be told; until then 0. */
int64_t file_told_modified_ms(struct file *f);
/** Say when it was changed last, as the origin tells it. */
void file_set_modified_ms(struct file *f, int64_t unix_ms);

/**
 * Watch for a change of state.
 *
 * Returns:   0 when registered; 1 when the state is final already.
 */
int file_watch(struct file *f, struct file_watch *w) SPW_MUST_CHECK;
/** Forget it; afterwards `fn` is not running and will not be called. */
void file_unwatch(struct file *f, struct file_watch *w);

/**
 * Hang `x` onto the file, once.
 *
 * Returns:   what hangs there now: `x`, or another's, then `x` is freed.
 */
struct file_extra *file_extra_set(struct file *f, struct file_extra *x);
struct file_extra *file_extra(struct file *f);

#endif
