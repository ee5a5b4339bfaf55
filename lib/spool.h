/* SPDX-License-Identifier: MIT */
/*
 * The spool's inner side.
 *
 * Content is a file holding [0, on_disk), then a list of blocks holding
 * [on_disk, committed). In memory it is one block and no file; spilling
 * writes that block to the file and afterwards blocks of 64 KiB are filled at
 * the tail and written from the head.
 *
 *        file                 head            tail
 *   [0 .... on_disk) [base ..) -> [base ..) -> [base .. committed)
 *
 * Readers take no lock: they load `committed`, then look in the file or walk
 * the list. So that a block they found is not recycled under them, they
 * enter a short window (`readers`) in which they take a reference on it;
 * whoever unlinks a block first makes the file or its successor visible,
 * then waits for the window to be empty.
 *
 * Everything that changes is changed under `lock`. Disk I/O happens outside
 * of it, by one thread at a time, which holds `busy`. Who only writes blocks
 * to the file lets appends behind go on meanwhile; who changes the content
 * says so by `writing`.
 *
 * A spill that fails before a byte is on disk is undone: no file, no charge,
 * `spilled` unset, so that the content is in memory as if nothing had been
 * tried. From the first byte on disk, or once somebody may hold the file, it
 * is for good (`kept`).
 *
 * What was discarded is gone first (`start`, `discards`) and its memory and
 * disk are given back afterwards. In memory the only block may then begin
 * behind offset 0; on_disk is never below `start`.
 *
 * A joined spool has `parts` and neither file nor blocks. All of its content
 * is below on_disk, so that the way of what is in memory knows nothing of it;
 * who comes for the file finds none, and goes on to the part.
 *
 * A confidential spool's file is reached through its guard only (guard.h),
 * and its blocks are marked secret.
 *
 * No callback runs while a spool is locked. What is owed when a lock was
 * dropped (on_spill, waking who waits for memory) is done by
 * spw__spool_settle().
 */
#ifndef SPILLWAY_LIB_SPOOL_H
#define SPILLWAY_LIB_SPOOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <spillway/spool.h>

#include "block.h"
#include "budget.h"
#include "census.h"
#include "dir.h"
#include "extent.h"
#include "guard.h"
#include "pieces.h"

#define SPW__SPOOL_MAGIC 0x5b001u

/* Larger writes cost several times the CPU on common file systems. */
#define SPW__IO_SIZE (64u * 1024)
/* What may wait for the disk, unless `behind_max` says otherwise. */
#define SPW__BEHIND_MAX (1024u * 1024)
/* Blocks that are left to gather before the pool is woken. */
#define SPW__KICK_BLOCKS 3u
/* What one turn of the pool writes before other spools get theirs. */
#define SPW__FLUSH_TURN (4u * 1024 * 1024)

struct spw_spool {
	uint32_t magic;
	_Atomic uint32_t refs;
	struct spw_spool_opts opts;

	_Atomic uint64_t committed;
	_Atomic uint64_t on_disk;
	_Atomic int fd;			/* -1 until there is a file */
	_Atomic int state;		/* enum spw_state */
	_Atomic uint32_t readers;	/* readers in their window */
	_Atomic uint32_t version;	/* other bytes where some were */
	_Atomic uint64_t start;		/* discarded before it; 0 if sparse */
	_Atomic uint32_t discards;	/* counted when one begins */
	_Atomic uint64_t sparse;	/* its size; 0: it is not sparse */
	_Atomic(struct spw__block *) head;

	/* What an append in memory needs lies together. */
	pthread_mutex_t lock;
	struct spw__block *tail;
	struct spw_watch *watches;
	unsigned blocks;		/* in the list */
	size_t memory_bytes;		/* capacity of the list */
	bool tail_closed;		/* appends go to a new block */
	bool busy;			/* somebody does I/O or rewrites */
	bool writing;			/* and changes the content */
	bool spilled;			/* lives on disk */
	bool kept;			/* for good: the file may be in use */
	bool queued;			/* `job` is with the pool */
	bool drain;			/* write the open tail, too */
	bool starved;			/* waited for the budget already */
	bool hopeless;			/* and nothing came of it */
	bool pressed;			/* an append on disk had no memory */
	bool writer_waits;		/* was told -EAGAIN */
	bool named;			/* others know the file */
	bool saved;			/* by a name of spw_spool_save() */
	bool journaled;			/* and a journal says what is in it */
	bool shared;			/* a snapshot is this very spool */
	bool released;			/* it may be another process's */
	bool dirty_end;			/* the file may not end at on_disk */
	bool untrimmable;		/* and cutting it off failed */
	bool told;			/* on_spill was called */
	_Atomic bool tell;		/* on_spill is due */
	_Atomic(struct spw_digest *) taps; /* changed under taps_lock */
	struct spw_dir *dir;		/* the file's: opts.dir or a fallback */
	struct spw__segment *segment;	/* shared file; NULL: its own */
	uint64_t file_off;		/* of the content in the file */
	struct spw__guard *guard;	/* of the file; NULL: it is plain */
	enum spw_spill why;
	int flush_error;		/* to be told to the writer, once */
	int source_error;
	uint64_t disk_charged;		/* less what takes no disk (`gone`) */
	uint64_t owed;			/* of it, as the directory was told */
	struct spw__gone *gone;		/* NULL: nothing was discarded */
	pthread_cond_t idle;		/* `busy` was given up */
	struct spw__extents extents;	/* sparse only */
	_Atomic(struct spw__parts *) parts; /* NULL: it is not joined */
	struct spw__rank rank;
	struct spw__counted counted;	/* by the census */

	/* Held while a callback runs; nothing is locked after it. */
	pthread_mutex_t callback_lock;
	/* Held while digests are shown what was appended; nothing is locked
	   after it but one of these. */
	pthread_mutex_t taps_lock;
	struct spw_job job;		/* writing behind; at the end closing */
};

static inline bool spw__spool_sparse(const struct spw_spool *s)
{
	return atomic_load_explicit(&s->sparse, memory_order_acquire);
}

static inline bool spw__spool_joined(struct spw_spool *s)
{
	return atomic_load(&s->parts);
}

/** What was copied of the content is no longer needed. */
static inline void spw__spool_wipe(const struct spw_spool *s, void *copy,
    size_t len)
{
	if (s->opts.cipher)
		explicit_bzero(copy, len);
}

/** Take a reference unless the spool is being freed; NULL then. */
struct spw_spool *spw__spool_try_ref(struct spw_spool *s);

/* spool_flush.c; all are called with the spool locked. */

/** Wait until nobody does I/O on this spool, then be the one who may. */
void spw__spool_busy_begin(struct spw_spool *s);

/** The same for who changes the content: appends behind wait, too. */
void spw__spool_writing_begin(struct spw_spool *s);

/** The end of either. */
void spw__spool_busy_end(struct spw_spool *s);

/**
 * Decide that the spool lives on disk from now on.
 *
 * Errors:    -ENOBUFS without a directory.
 */
int spw__spool_spill(struct spw_spool *s, enum spw_spill why);

/**
 * A write failed: give back what the file took for it; if nothing is on disk
 * yet, undo the spill. Busy; drops the lock meanwhile.
 */
void spw__spool_undo(struct spw_spool *s);

/** Write every waiting byte. Busy; drops the lock meanwhile. */
int spw__spool_flush(struct spw_spool *s);

/** Hand the waiting blocks to the pool if it does not have them yet. */
void spw__spool_kick(struct spw_spool *s);

/** Unlink the head block once no reader can be looking at it. */
void spw__spool_pop(struct spw_spool *s);

/** Append an empty block for [base, ...) to the list. */
void spw__spool_push(struct spw_spool *s, struct spw__block *b, uint64_t base);

/** Wait until no reader is in its window. */
void spw__spool_quiesce(struct spw_spool *s);

/* spool_file.c; locked unless it says otherwise */

/** Returns: how long the content is as memory and the file see it. */
uint64_t spw__spool_content_size(const struct spw_spool *s);

/**
 * Account for a file of `size` bytes, or of the expected length at once; in a
 * fallback of the directory if there is no file yet. Writes behind are
 * charged when they are taken, so that what was taken does not fail for want
 * of quota later.
 */
int spw__spool_charge_disk(struct spw_spool *s, uint64_t size);
/** The same for what is in a file already; nothing was charged before. */
void spw__spool_hold_disk(struct spw_spool *s, uint64_t size);

/** Account for `size` bytes and no more. */
void spw__spool_uncharge_disk(struct spw_spool *s, uint64_t size);

/** Have a file. Busy; drops the lock meanwhile. */
int spw__spool_need_file(struct spw_spool *s);

/**
 * After error `r`: give up the file and go to the next directory, if nothing
 * is on disk and there is one. Busy; drops the lock meanwhile.
 *
 * Returns:   whether it is worth trying again.
 */
bool spw__spool_next_dir(struct spw_spool *s, int r);

/** Close a file that holds nothing. Busy; drops the lock meanwhile. */
void spw__spool_drop_file(struct spw_spool *s);

/**
 * Tell the directory how much of what is charged was not written yet. Where
 * blocks are set aside the file system itself knows.
 */
void spw__spool_tell_owed(struct spw_spool *s);

/** Say how much of the content is in the file; from now on it is kept. */
void spw__spool_set_on_disk(struct spw_spool *s, uint64_t size);

/** Write `len` bytes to the file. Busy; call with the lock dropped. */
int spw__spool_write_file(struct spw_spool *s, const uint8_t *data, size_t len,
    uint64_t off);
int spw__spool_write_pieces(struct spw_spool *s,
    const struct spw__pieces *pieces, size_t len, uint64_t off);

/** Set the file's length. Busy; call with the lock dropped. */
int spw__spool_cut_file(struct spw_spool *s, uint64_t size);

/** Give back disk space past the content. Busy; drops the lock meanwhile. */
void spw__spool_trim_disk(struct spw_spool *s);

/**
 * Let the file past on_disk read as zeros. Busy; drops the lock meanwhile.
 *
 * Errors:    from the disk.
 */
int spw__spool_clean_end(struct spw_spool *s);

/** Returns: an error of the disk as the caller of a spool knows it. */
int spw__disk_error(int r);

/* spool_read.c */

/**
 * Where [off, off+len) is on disk, be it in a segment.
 *
 * Returns:   the descriptor, valid as long as the spool is, and in
 *            `*ret_file_off` where in the file the byte `off` is.
 * Errors:    -EAGAIN when a part of it is not on disk.
 */
int spw__spool_place_on_disk(struct spw_spool *s, uint64_t off, uint64_t len,
    uint64_t *ret_file_off);

/* spool_pack.c; unlocked */

/* As many as one write of SPW__IO_SIZE bytes takes. */
#define SPW__PACK_MAX (SPW__IO_SIZE / 4096)

/* Small sealed spools of one directory on their way into a segment. */
struct spw__pack {
	struct spw_spool *spools[SPW__PACK_MAX];	/* busy */
	size_t count;
	uint64_t bytes;		/* of content */
	uint64_t room;		/* that they take in the segment */
};

/**
 * Take a spool along, unless it is none of these or there is no room.
 *
 * Returns:   whether it was taken; then nobody else can do I/O on it until
 *            spw__pack_write().
 * Ownership: the caller keeps its reference until then.
 */
bool spw__pack_add(struct spw__pack *p, struct spw_spool *s);

/**
 * Move them all into a segment, if possible by one write, and empty the pack.
 * May block.
 *
 * Returns:   0.
 * Errors:    from the disk; some then stay in memory.
 */
int spw__pack_write(struct spw__pack *p);

/**
 * The same for a single one.
 *
 * Errors:    and -EAGAIN when it is none of these: evict it another way.
 */
int spw__spool_pack(struct spw_spool *s);

/** Returns: a descriptor of a copy of what has no file of its own, packed or
    joined; or a negative errno. */
int spw__spool_unpack(struct spw_spool *s);

/* spool_room.c */

/** Rank it by its memory, if it can go to disk. Locked. */
void spw__spool_rank(struct spw_spool *s);

/** Nothing is added to the memory it has, and nobody sends it. Locked. */
void spw__spool_close_tail(struct spw_spool *s);

/**
 * Send a spool to disk to make room. May block.
 *
 * `coming` grows by what the pool frees later.
 *
 * Returns:   0.
 * Errors:    from the disk.
 */
int spw__spool_evict(struct spw_spool *victim, uint64_t *coming);

/** Call on_writable. Nothing may be locked. */
void spw__spool_writable(struct spw_spool *s);

/** Call on_wanted. The spool may not be locked. */
void spw__spool_wanted(struct spw_spool *s);

/**
 * Do what is owed after the spool was unlocked: call on_spill, wake who waits
 * for memory. Nothing may be locked.
 */
void spw__spool_settle(struct spw_spool *s);

/**
 * Make room in the nearest budget that is short by sending its largest spool
 * to disk, if there is one larger than this one, which wants `bytes`. Call
 * with the spool locked; may drop the lock meanwhile.
 *
 * Returns:   0 to look at everything anew; 1 when memory
 *            will come back and on_writable tells when (`block` false only).
 * Errors:    -ENOBUFS when this spool is the largest, or nothing helped; the
 *            lock was not dropped.
 */
int spw__spool_make_room(struct spw_spool *s, size_t bytes, bool block);

/** Send others to disk when memory gets short or, `pressed`, was; the pool does
    it if there is one. Unlocked. */
void spw__spool_relieve(struct spw_spool *s, bool pressed);

/* spool_discard.c; locked unless it says otherwise */

void spw__gone_free(struct spw__gone *g);

/** Of a sparse spool nothing is there: it takes no disk. Errors: -ENOMEM. */
int spw__spool_all_hole(struct spw_spool *s, uint64_t size);

/** Returns: how many bytes were discarded and are not there again. */
uint64_t spw__spool_gone(const struct spw_spool *s);
bool spw__spool_gone_at(const struct spw_spool *s, uint64_t off);

/** The same, unlocked. */
bool spw__spool_is_gone(struct spw_spool *s, uint64_t off);

/** Is nothing gone? Unlocked. Errors: -ENODATA. */
int spw__spool_check_whole(struct spw_spool *s);

/** Returns: how much disk content up to `size` takes. */
uint64_t spw__spool_disk_of(const struct spw_spool *s, uint64_t size);

/**
 * [off, end) of a sparse spool is about to be written to: charge again what
 * took no disk.
 *
 * Errors:    as spw__dir_charge(); -ENOMEM.
 */
int spw__spool_refill(struct spw_spool *s, uint64_t off, uint64_t end);

/** Make sure that spw__spool_is_back() cannot fail. Errors: -ENOMEM. */
int spw__spool_reserve_back(struct spw_spool *s);
void spw__spool_is_back(struct spw_spool *s, uint64_t off, uint64_t end);

/** The content is cut to `size`: no more than that is gone. In memory there
    is no block left when all of it is. */
void spw__spool_cut_gone(struct spw_spool *s, uint64_t size);

/** Returns: what of `size` bytes is not discarded; of one not sparse. */
static inline uint64_t spw__spool_left(const struct spw_spool *s,
    uint64_t size)
{
	uint64_t start =
	    atomic_load_explicit(&s->start, memory_order_relaxed);

	return size > start ? size - start : 0;
}

/* spool_copy.c; unlocked */

/**
 * Keep the content as it is until spw__spool_release(): who writes waits.
 * What is held is not evicted, or it would wait for who holds it.
 */
void spw__spool_hold(struct spw_spool *s);
void spw__spool_release(struct spw_spool *s);

/** Write the first `size` bytes to the beginning of a file. May block. */
int spw__spool_copy_out(struct spw_spool *s, uint64_t size, int fd);

/* spool_read.c; unlocked */

/** As spw_spool_pin(), but as many bytes as lie in one piece of memory. */
int spw__spool_pin_some(struct spw_spool *s, uint64_t off, size_t len,
    struct spw_pin *ret);

/**
 * Read `len` bytes, or as many as there still are: where something stands in
 * the way after some, its error and not a short count.
 *
 * Errors:    as spw_spool_pread().
 */
ssize_t spw__spool_read_full(struct spw_spool *s, void *buf, size_t len,
    uint64_t off);

/** As spw_spool_read_all(), from `off` on. */
int spw__spool_read_rest(struct spw_spool *s, uint64_t off, size_t cap,
    void **ret, size_t *ret_len);

/* spool_wait.c */

/** Fire the watches whose time has come. Locked. */
void spw__spool_notify(struct spw_spool *s);

/** Fire them all: who watches looks at everything anew. Locked. */
void spw__spool_notify_all(struct spw_spool *s);

/* spool_behind.c; locked */

/** Returns: how much the open tail takes of what is appended at `end`. */
size_t spw__spool_tail_room(struct spw_spool *s, uint64_t end);

/** Append as much as the open tail takes. Returns: how much that was. */
size_t spw__spool_fill_tail(struct spw_spool *s, struct spw__pieces *p,
    size_t len);

/**
 * Append to blocks that the pool writes; never blocks.
 *
 * Errors:    as spw_spool_try_append().
 */
int spw__spool_append_behind(struct spw_spool *s,
    const struct spw__pieces *pieces, size_t len);

/* spool_write.c; locked */

/** May `len` bytes be written at `off`? Errors: as spw_spool_append(). */
int spw__spool_check(struct spw_spool *s, size_t len, uint64_t off);

/** Would content of `size` bytes be allowed to stay in memory? */
bool spw__spool_fits_memory(const struct spw_spool *s, uint64_t size);

/**
 * Get memory for content of `size` bytes, or decide for the disk.
 *
 * Returns:   0 when there is one block that holds it; 1 on disk.
 * Errors:    -ERESTART when the lock was dropped: look at everything anew;
 *            -EAGAIN when it would block (`block` false); -ENOMEM; -ENOBUFS.
 */
int spw__spool_place(struct spw_spool *s, uint64_t size, bool block);

/**
 * Append where the content ends, at `off`. May block.
 *
 * Errors:    as spw_spool_append(); -ERESTART to look at everything anew.
 */
int spw__spool_append(struct spw_spool *s, const struct spw__pieces *p,
    size_t len, uint64_t off);

/** Put block `b` in the place of the only one, with `size` bytes of it. */
void spw__spool_swap_block(struct spw_spool *s, struct spw__block *b,
    uint64_t size);

/** Let readers see bytes up to `committed`. */
void spw__spool_publish(struct spw_spool *s, uint64_t committed);

/** Get a block of the budget, or of the system without one. */
int spw__spool_get_block(struct spw_spool *s, size_t cap,
    enum spw__charge kind, struct spw__block **ret);

#endif
