/* SPDX-License-Identifier: MIT */
/*
 * The text's inner side.
 *
 * Everything goes over the codepoints from a known place on: a walk. It
 * delivers them, or only counts. Places that a walk comes by are kept:
 *
 *   base        marks[0]      marks[1]        front      end of the spool
 *   |-- STRIDE --|-- STRIDE --|-- < STRIDE --|-- not passed yet --|
 *
 * Only a place that no byte behind it can move is kept. What is cut off by
 * the end, and a CR there that an LF may join, is "loose": places behind it
 * are found anew each time.
 *
 * Bytes that are ignored belong to the codepoint behind them: the place of
 * that one is in front of them.
 *
 * A mark is lost when there is no memory for it; then the front stays there
 * and walks become longer, nothing else.
 */
#ifndef SPILLWAY_LIB_SPOOL_TEXT_H
#define SPILLWAY_LIB_SPOOL_TEXT_H

#include <spillway/text.h>

#include "text_codec.h"

#define SPW__TEXT_MAGIC 0x7e87u

/* Codepoints from mark to mark: 8 bytes for each 1 to 4 KiB of UTF-8. */
#define SPW__TEXT_STRIDE 1024u
#define SPW__TEXT_WINDOW (8u * 1024)

/** A codepoint, and the byte where it begins. */
struct spw__place {
	uint64_t cp, byte;
};

struct spw_text {
	uint32_t magic;
	struct spw_spool *spool;	/* NULL: closed */
	uint32_t version;		/* of its bytes, that all is known of */
	enum spw_newline newline;
	enum spw_text_policy errors;
	unsigned flags;
	char encoding[32];
	struct spw__codec codec;
	const struct spw__bom *boms;	/* NULL: there cannot be one */
	bool begun;			/* `codec` and `base` are decided */

	struct spw__place pos;
	bool placed;			/* `pos.byte` is known */
	uint64_t base;			/* the byte of codepoint 0 */
	struct spw__place front;
	uint64_t *marks;		/* bytes of codepoints STRIDE, ... */
	size_t mark_count, mark_cap;

	/* Bytes of the spool that were read last. */
	uint64_t window_off;
	size_t window_len;
	uint8_t window[SPW__TEXT_WINDOW];
};

/** Why a walk stopped. */
enum spw__halt {
	SPW__HALT_NONE,		/* as many codepoints as were wanted */
	SPW__HALT_LINE,		/* behind the end of a line */
	SPW__HALT_FULL,		/* the next one does not fit */
	SPW__HALT_MALFORMED,	/* in front of it, strict */
	SPW__HALT_CUT,		/* the bytes end in a part of one */
	SPW__HALT_END,		/* of the content */
};

struct spw__walk {
	struct spw__place at;	/* where it begins; then, where it stopped */
	uint64_t max;		/* codepoints to go at most */
	uint64_t until;		/* halt at this byte, or the first place
				   behind it; 0: none */
	bool line;		/* halt behind the end of a line */
	bool loose;		/* more bytes may move `at`; when it begins
				   and then */
	uint8_t *out;		/* where they go as UTF-8; NULL: nowhere */
	size_t room;

	/* Found out. */
	size_t len;		/* bytes in `out` */
	uint64_t junk;		/* ignored bytes behind `at` that it passed */
	enum spw__halt halt;
	bool torn;		/* passed a part of a codepoint */
	bool paired;		/* passed a CR with its LF coming */
};

/* text_walk.c */

/**
 * Go over well-formed UTF-8, or with `utf8` unset over ASCII, up to an LF if
 * that is to be stopped at. Returns: how many bytes.
 */
size_t spw__text_run(const uint8_t *p, size_t n, bool utf8, bool stop_lf);

/** Walk over bytes; `last` when none can follow. Returns: how many. */
size_t spw__text_step_over(const struct spw_text *t, struct spw__walk *w,
    const uint8_t *p, size_t n, bool last);

/**
 * Walk through the spool. Where it stops it says in `w`, even with an error.
 *
 * Errors:    as spw_spool_pread().
 */
int spw__text_walk(struct spw_text *t, struct spw__walk *w);

/** Walk over bytes that are in the spool at `at` now, to keep places. */
void spw__text_learn(struct spw_text *t, struct spw__place at,
    const uint8_t *p, size_t n);

/* text_index.c */

/** Keep what a walk that came from a known place came by. */
void spw__text_keep(struct spw_text *t, const struct spw__walk *w);

/** Forget places that depend on bytes from `byte` on, and the window. */
void spw__text_forget(struct spw_text *t, uint64_t byte);

/**
 * Find a codepoint, or the end if it is not there.
 *
 * Returns:   where it stopped, in `*ret_walk`, whose `at.cp` is less than `cp`
 *            if the text is shorter.
 * Errors:    as spw_spool_pread().
 */
int spw__text_find(struct spw_text *t, uint64_t cp,
    struct spw__walk *ret_walk);

/** The same with the first place at or behind a byte. */
int spw__text_find_byte(struct spw_text *t, uint64_t byte,
    struct spw__walk *ret_walk);

/* text.c */

/** Forget what is known of the spool's bytes, which are others now. */
void spw__text_refresh(struct spw_text *t);

/**
 * What every call begins with: notice what others wrote, and look for the
 * byte order mark.
 *
 * Errors:    -EBADF; as spw_spool_pread().
 */
int spw__text_begin(struct spw_text *t);

/** What reading at the end means: 0, or the error of a failed spool. */
int spw__text_at_end(struct spw_text *t);

/**
 * Find the position's byte; past the end, the end's. If it is not `placed`
 * then, it is loose, or there is a gap.
 *
 * Returns:   0, and in `*ret_gap` how far it is past the end.
 * Errors:    as spw_spool_pread().
 */
int spw__text_place(struct spw_text *t, uint64_t *ret_gap);

/** spw__text_begin(), then spw__text_place(). */
int spw__text_begin_placed(struct spw_text *t, uint64_t *ret_gap);

#endif
