/* SPDX-License-Identifier: MIT */
/*
 * A text: a spool read and written as characters of some encoding.
 *
 *   spw_text_new()
 *   spw_text_write() | spw_text_read() | spw_text_getline() | ...
 *   spw_text_close()                  optional: lets go of the spool early
 *   spw_text_free()
 *
 * The program's side is always UTF-8, with a length and without a NUL at its
 * end, for NUL is a character like any other. The spool's side is in the
 * encoding of the text.
 *
 * Positions count codepoints as reading delivers them. Codepoint n is where
 * it is by what the spool holds now, in memory as on disk, no matter how it
 * came there. A sparse index finds it, so that seeking reads a few KiB at
 * most once the text was passed once; writing keeps the index.
 *
 * Encodings. "UTF-8" is the default; "UTF-8-SIG", "UTF-16[LE|BE]",
 * "UTF-32[LE|BE]", "ASCII" and "Latin-1" are built in, all others are
 * iconv's ("cp1252", "koi8_r", "Shift_JIS"...). Case does not matter, nor
 * whether words are joined by '-', '_' or nothing.
 *   - UTF-16, UTF-32 and UTF-8-SIG begin with a byte order mark: the first
 *     write puts it there, in the order of this machine, and reading obeys
 *     it and does not deliver it; without one the order is the machine's. In
 *     all others, UTF-16LE too, U+FEFF is a character.
 *   - An encoding in which bytes mean something else after a shift sequence
 *     (ISO-2022-JP, UTF-7) cannot be read from the middle: -EOPNOTSUPP.
 *   - The few sequences of others (BIG5-HKSCS) that are several codepoints at
 *     once are malformed.
 *
 * Lines. As in Python, enum spw_newline says where lines end and what is
 * translated. The default is LF and nothing.
 *
 * Malformed bytes are surrogates, overlong forms, cut off and impossible
 * sequences. Each (a maximal subpart, as Unicode recommends) counts as one
 * codepoint, or none with SPW_TEXT_IGNORE; between CR and LF it parts them in
 * any case. With SPW_TEXT_STRICT reading stops before it and then fails with
 * -EILSEQ; seek past it to go on.
 *
 * The end. A sequence that is cut off by the end of the spool is malformed,
 * and a CR there ends a line, but only as long as nothing follows them. With
 * SPW_TEXT_FOLLOW they are not there yet while the spool may still grow. To
 * wait for more, take spw_spool_committed() before reading; when there was
 * nothing, spw_spool_wait() for that byte.
 *
 * Overwriting replaces as many codepoints as are written, and never leaves a
 * part of one: where others follow, the new ones must take exactly as many
 * bytes as the old; at the end at least as many. Anything else is refused
 * (-EILSEQ) and changes nothing. Truncate first to write something shorter.
 * Past the end, the gap is filled with U+0000.
 *
 * What anybody writes to the spool through the library, from any thread, is
 * noticed at the next call; while a text is written, nobody else may write.
 *
 * Threads: one thread at a time for one text.
 */
#ifndef SPILLWAY_TEXT_H
#define SPILLWAY_TEXT_H

#include <stdbool.h>

#include <spillway/base.h>
#include <spillway/spool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spw_text;

/** Where lines end when reading, and what becomes of LF when writing. */
enum spw_newline {
	SPW_NEWLINE_LF,		/* at LF; written as it is */
	SPW_NEWLINE_CR,		/* at CR; LF is written as CR */
	SPW_NEWLINE_CRLF,	/* at CR LF; LF is written as CR LF */
	SPW_NEWLINE_KEEP,	/* at any of them, which stay as they are;
				   LF is written as it is; Python's '' */
	SPW_NEWLINE_UNIVERSAL,	/* at any of them, and all are read as LF,
				   one codepoint; LF is written as it is;
				   Python's None */
};

/** What becomes of malformed bytes, and of what cannot be encoded. */
enum spw_text_policy {
	SPW_TEXT_STRICT,	/* -EILSEQ */
	SPW_TEXT_REPLACE,	/* read as U+FFFD, written as '?' */
	SPW_TEXT_IGNORE,	/* left out */
};

enum {
	SPW_TEXT_FOLLOW = 1 << 0, /* what is cut off is not there yet */
};

struct spw_text_opts {
	size_t size;		/* sizeof(struct spw_text_opts) */
	const char *encoding;	/* NULL: UTF-8 */
	enum spw_newline newline;
	enum spw_text_policy errors;
	unsigned flags;		/* SPW_TEXT_... */
};

/**
 * Make a text of what the spool holds and will hold; at position 0.
 *
 * `opts` may be NULL: UTF-8, LF, strict.
 *
 * Returns:   0 and the text in `*ret`.
 * Errors:    -EINVAL for an encoding that is not known, unknown flags or
 *            values, a missing `size`; -EOPNOTSUPP for an encoding with shift
 *            sequences; -ENOMEM; -EMFILE from iconv.
 * Ownership: takes its own reference on the spool.
 */
SPW_API int spw_text_new(struct spw_spool *s, const struct spw_text_opts *opts,
    struct spw_text **ret) SPW_MUST_CHECK;

/**
 * Let go of the spool. Every other call but spw_text_free() says -EBADF from
 * then on. Closing again, or NULL, is allowed.
 */
SPW_API void spw_text_close(struct spw_text *t);

/** Close and free; NULL is allowed. */
SPW_API void spw_text_free(struct spw_text *t);

static inline void spw_text_freep(struct spw_text **t)
{
	spw_text_free(*t);
}

/** Returns: the spool, which stays the text's; NULL when closed. */
SPW_API struct spw_spool *spw_text_spool(const struct spw_text *t);

/** Returns: the encoding, as it was named in the options. */
SPW_API const char *spw_text_encoding(const struct spw_text *t);

/** Returns: SPW_NEWLINE_... */
SPW_API enum spw_newline spw_text_newline(const struct spw_text *t);

/** Returns: SPW_TEXT_STRICT, SPW_TEXT_REPLACE or SPW_TEXT_IGNORE. */
SPW_API enum spw_text_policy spw_text_errors(const struct spw_text *t);

/**
 * Read up to `max` codepoints, as far as they fit, and move behind them.
 *
 * Units:     `size` in bytes, at least 4; 4 * `max` is always enough.
 * Returns:   the bytes that were put into `buf`; 0 at and past the end.
 * Errors:    -EBADF; -EINVAL for a `size` below 4; -EILSEQ when the codepoint
 *            at the position is malformed; as spw_spool_pread(); with the
 *            source's error at the end of a failed spool. Where something can
 *            be read before the error, that is returned first.
 */
SPW_API ssize_t spw_text_read(struct spw_text *t, char *buf, size_t size,
    uint64_t max) SPW_MUST_CHECK;

/**
 * Read up to and with the next end of a line, but at most `max` codepoints,
 * as far as they fit, and move behind them.
 *
 * Returns:   as spw_text_read(); without an end of a line at their end, the
 *            bytes are the last ones there, or the line is longer.
 * Errors:    as spw_text_read().
 */
SPW_API ssize_t spw_text_readline(struct spw_text *t, char *buf, size_t size,
    uint64_t max) SPW_MUST_CHECK;

/**
 * Read up to and with the next end of a line, but at most `max` codepoints,
 * into memory that grows as needed, and move behind them.
 *
 * `*line` and `*cap` are NULL and 0 at first, and are kept from call to call.
 *
 * Returns:   as spw_text_readline(); `*line` holds the bytes and a NUL behind
 *            them that is not counted.
 * Errors:    as spw_text_read(); -ENOMEM, then the position stays.
 * Ownership: `*line` is the caller's, who frees it with spw_free() in the
 *            end, also after an error.
 */
SPW_API ssize_t spw_text_getline(struct spw_text *t, char **line, size_t *cap,
    uint64_t max) SPW_MUST_CHECK;

/**
 * Read the rest into fresh memory, if it is at most `cap` bytes, and move to
 * the end.
 *
 * Returns:   0, the bytes in `*ret` with a NUL behind them that is not
 *            counted, and how many in `*ret_len`.
 * Errors:    -EBADF; -EOVERFLOW when there are more than `cap`; -EILSEQ when
 *            there is something malformed; -ENOMEM; as spw_spool_pread(). The
 *            position stays.
 * Ownership: the caller's, who frees it with spw_free().
 */
SPW_API int spw_text_read_all(struct spw_text *t, size_t cap, char **ret,
    size_t *ret_len) SPW_MUST_CHECK;

/**
 * Write `len` bytes of UTF-8, which are whole codepoints, at the position and
 * move behind them. What is overwritten: see above.
 *
 * Units:     `len` in bytes; 0 is allowed and does nothing.
 * Returns:   0 when all was written.
 * Errors:    -EBADF; -EILSEQ when `s` is malformed or cannot be encoded, when
 *            a part of a codepoint would be left, when the text ends in a
 *            part of a codepoint (but in UTF-8, where that stays the
 *            malformed one it is); as spw_spool_pwrite(). Nothing is changed;
 *            if an overwrite fails on the disk, the old bytes are put back,
 *            and only if that fails too may some be new.
 */
SPW_API int spw_text_write(struct spw_text *t, const char *s, size_t len)
    SPW_MUST_CHECK;

/**
 * Move by codepoints. Past the end is allowed and changes nothing until
 * something is written there.
 *
 * Units:     `whence` is SEEK_SET, SEEK_CUR or SEEK_END.
 * Returns:   the new position.
 * Errors:    -EBADF; -EINVAL for a `whence` that is none, and where the
 *            result would be negative; -EOVERFLOW past INT64_MAX; as
 *            spw_spool_pread() for SEEK_END. The position stays.
 */
SPW_API int64_t spw_text_seek(struct spw_text *t, int64_t off, int whence);

/** Returns: the position. Errors: -EBADF. */
SPW_API int64_t spw_text_tell(const struct spw_text *t);

/**
 * Count the codepoints; what was passed before is not read again.
 *
 * Returns:   how many there are.
 * Errors:    -EBADF; as spw_spool_pread().
 */
SPW_API int64_t spw_text_size(struct spw_text *t);

/**
 * Say where in the spool the position is.
 *
 * Returns:   the byte; past the end, as far behind it as the gap would take.
 * Errors:    -EBADF; -EOVERFLOW; as spw_spool_pread().
 */
SPW_API int64_t spw_text_tell_bytes(struct spw_text *t);

/**
 * Move to a byte of the spool, such as spw_text_tell_bytes() said. 0 is the
 * beginning, also where a byte order mark stands.
 *
 * Returns:   the new position, in codepoints.
 * Errors:    -EBADF; -EILSEQ when no codepoint begins there; -EOVERFLOW; as
 *            spw_spool_pread(). The position stays.
 */
SPW_API int64_t spw_text_seek_bytes(struct spw_text *t, uint64_t off);

/**
 * Set the length to `max` codepoints: cut, or extend with U+0000. To nothing
 * takes the byte order mark away, too. The position stays, even where that
 * is past the end now.
 *
 * Returns:   0.
 * Errors:    -EBADF; -EINVAL when `max` is negative; -EILSEQ when it is to
 *            grow and ends in a part of a codepoint; as spw_spool_truncate().
 */
SPW_API int spw_text_truncate(struct spw_text *t, int64_t max)
    SPW_MUST_CHECK;

/**
 * Compare all codepoints of two texts, whatever they are encoded in and
 * wherever they are. Positions stay.
 *
 * Returns:   0, and in `*ret` whether they are the same.
 * Errors:    as spw_text_read().
 */
SPW_API int spw_text_equal(struct spw_text *a, struct spw_text *b, bool *ret)
    SPW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
