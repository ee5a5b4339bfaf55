/* SPDX-License-Identifier: MIT */
/*
 * The stream's inner side.
 *
 * What came is in the spool, and reading it needs nothing else. The rest
 * happens under `lock`: who misses bytes joins the waiters; or, when nobody
 * else does and the stream pulls, takes the source (`busy`) and brings them,
 * with nothing locked. After each piece it rings who has what he waits for.
 * When it has its own it leaves, and who leaves while nobody is at the source
 * calls the first waiter to go on. So of those who wait either one has been
 * called or somebody is busy for them.
 *
 * A bell is an empty spool, rung by failing it: ringing cannot fail, and
 * waiting for it knows deadlines and cancel tokens.
 *
 * Whether a stream ended or failed is decided by its spool: who seals or fails
 * it first.
 */
#ifndef SPILLWAY_LIB_STREAM_H
#define SPILLWAY_LIB_STREAM_H

#include <pthread.h>
#include <stdatomic.h>

#include <spillway/stream.h>

#define SPW__STREAM_MAGIC 0x57aeu

/* What is asked of a source at once, at most. */
#define SPW__STREAM_PIECE (64u * 1024)

struct spw__waiter;

struct spw_stream {
	uint32_t magic;
	_Atomic uint32_t refs;
	struct spw_stream_opts opts;
	struct spw_spool *spool;
	uint64_t length;		/* declared; else SPW_UNLIMITED */

	/* Held while on_room runs; taken before `lock`. */
	pthread_mutex_t callback_lock;

	pthread_mutex_t lock;
	struct spw__waiter *first, **last;
	unsigned waiting;
	bool busy;			/* somebody is at the source */
	bool called;			/* a waiter was called to it */
	bool ended;			/* well; the spool is sealed */
	bool released;			/* the source */
	bool feeder_waits;		/* was told -EAGAIN */
	int error;			/* why it failed */
	/* Furthest byte asked for, plus one, of a stream that is fed. */
	_Atomic uint64_t wanted;

	/* These belong to who is busy. */
	uint64_t next;			/* of the source's bytes */
	size_t held;			/* taken, but not in the spool yet */
	bool at_end;			/* all came; to be sealed */
	bool no_seek;			/* it said it cannot */
	uint8_t buf[];			/* SPW__STREAM_PIECE, if it pulls */
};

static inline bool spw__stream_pulls(const struct spw_stream *s)
{
	return s->opts.read;
}

/** Can there be bytes behind holes? */
static inline bool spw__stream_sparse(const struct spw_stream *s)
{
	return s->opts.seek;
}

/** The source broke, unless it ended before. Unlocked. */
void spw__stream_broke(struct spw_stream *s, int error);

/** Seal the spool, and end well. Unlocked, busy. Errors: from the disk. */
int spw__stream_end(struct spw_stream *s);

/**
 * Do what is owed after a change: call on_room; release a source that is not
 * needed any more. Nothing may be locked.
 */
void spw__stream_settle(struct spw_stream *s);

/* stream_wait.c */

/**
 * Have bytes [off, end) come, or all up to the end of the source; `end`
 * SPW_UNLIMITED: and be sealed. Unlocked.
 *
 * Errors:    as spw_stream_pread().
 */
int spw__stream_need(struct spw_stream *s, uint64_t off, uint64_t end,
    uint64_t deadline_ms, struct spw_cancel *cancel);

/** Ring who need not wait any more. Locked. */
void spw__stream_ring(struct spw_stream *s);

/** Be at the source, and leave it. Locked. */
void spw__stream_busy_begin(struct spw_stream *s);
void spw__stream_busy_end(struct spw_stream *s);

/** May more be fed now? Locked, and nobody busy. */
bool spw__stream_has_room(struct spw_stream *s);

/**
 * Wait for room, or for the end. Locked; drops the lock meanwhile.
 *
 * Errors:    -ETIMEDOUT; -ECANCELED; -ENOMEM.
 */
int spw__stream_await_room(struct spw_stream *s, uint64_t deadline_ms,
    struct spw_cancel *cancel);

/* stream_pull.c */

/**
 * Take one piece of what is missing in [off, end) from the source. Unlocked,
 * busy.
 *
 * Returns:   0, also when the source ended, broke, or gave nothing: look anew.
 * Errors:    from the spool; what was taken is held and stored next time.
 */
int spw__stream_pull(struct spw_stream *s, uint64_t off, uint64_t end);

#endif
