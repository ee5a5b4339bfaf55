/* SPDX-License-Identifier: MIT */
/*
 * A streaming parser of multipart/form-data bodies.
 *
 *   multipart_init(&m, boundary, n);
 *   m.max_parts = 100;                       (if 1000 is not right)
 *   for each piece of body:
 *       took = multipart_feed(&m, piece, len, &ops, ctx);
 *       took < 0     over: answer 400 (-EBADMSG), 413 (-E2BIG), or your own
 *       took < len   paused: call again later with the rest
 *   multipart_end(&m);
 *
 * Calls come as part_begin, any number of part_data, part_end, for each part
 * in turn. Data is passed on from the caller's buffer, never copied. The
 * parser holds back at most one possible delimiter; those bytes are known by
 * their number alone, because they equal the delimiter's, and are delivered
 * exactly once if they turn out to be data, pauses or not.
 *
 * Time is linear in the body whatever it holds. Memory is this struct; there
 * is nothing to free, and it may be moved between calls. Everything is in the
 * open for the sake of the caller's memory only: the fields a caller may
 * write are `max_parts` and `max_head`, between init and the first feed.
 *
 * Preamble and epilogue are skipped, up to MULTIPART_AROUND_MAX bytes. Header
 * lines end in CRLF; folded lines are accepted. Threads: one at a time for one
 * parser.
 */
#ifndef COMMON_MULTIPART_H
#define COMMON_MULTIPART_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/text.h"

#define MULTIPART_BOUNDARY_MAX 70
#define MULTIPART_HEAD_MAX 8192
#define MULTIPART_HEADERS_MAX 32
#define MULTIPART_NAME_MAX 1024
#define MULTIPART_PARTS_DEFAULT 1000
#define MULTIPART_AROUND_MAX (64 * 1024)

enum multipart_state {
	MULTIPART_PREAMBLE,
	MULTIPART_TAIL,	 /* after a delimiter, before its line ends */
	MULTIPART_HEAD,	 /* in the header lines of a part */
	MULTIPART_BODY,	 /* in the data of a part */
	MULTIPART_DONE,	 /* the closing delimiter was seen */
	MULTIPART_FAILED /* `error` and `fault` say how */
};

/* What is wrong with a form. */
enum multipart_fault {
	MULTIPART_OPEN,	       /* it ends before its closing delimiter */
	MULTIPART_DELIMITER,   /* something else behind one, on its line */
	MULTIPART_LINE,	       /* a line of a head that is none */
	MULTIPART_TWICE,       /* a field of a head is there twice */
	MULTIPART_ENCODED,     /* a Content-Transfer-Encoding */
	MULTIPART_DISPOSITION, /* no Content-Disposition: form-data */
	MULTIPART_NAME,	       /* no name, or one that cannot be read */
	MULTIPART_MANY_PARTS,
	MULTIPART_LONG_HEAD,
	MULTIPART_MANY_LINES, /* of a head */
	MULTIPART_LONG_NAME,
	MULTIPART_LONG_AROUND,
	MULTIPART_CALLBACK, /* nothing: a callback failed */
};

struct multipart {
	uint32_t max_parts;
	uint32_t max_head; /* at most MULTIPART_HEAD_MAX */

	enum multipart_state state;
	int error;
	enum multipart_fault fault; /* what `error` stands for */
	uint32_t parts;
	/* "\r\n--boundary" */
	uint8_t delim_len;
	/* Bytes of the delimiter that the last bytes of input matched. */
	uint8_t matched;
	/* Of those, how many are not data even if the match fails, because
	 * they never were (start of the body) or belong to the part's head;
	 * or were delivered already, before a pause. */
	uint8_t spent;
	/* The match failed and the held bytes are being delivered. */
	uint8_t flushing;
	/* Last byte of the delimiter's line that matters: 0, '-', '\r', ' '. */
	char tail;
	size_t head_len;
	size_t around; /* bytes of preamble and epilogue */
	char delim[4 + MULTIPART_BOUNDARY_MAX];
	char head[MULTIPART_HEAD_MAX];
};

/** What the parser calls. Strings are valid during the call only. */
struct multipart_ops {
	/**
	 * A part begins. `name` is unquoted. `filename` is sanitised, may be
	 * empty (a form sent without choosing a file), and has p == NULL if
	 * the part is a plain field. `content_type` is the field as it came,
	 * p == NULL if there is none.
	 *
	 * Returns: 0, or a negative errno that multipart_feed() returns.
	 */
	int (*part_begin)(void *ctx, struct str name, struct str filename,
	    struct str content_type);
	/**
	 * Data of the part, `len` > 0.
	 *
	 * Returns: the bytes taken; fewer than `len` pauses the parser. Or a
	 *          negative errno that multipart_feed() returns.
	 */
	ssize_t (*part_data)(void *ctx, const char *data, size_t len);
	/** The part is complete. Returns: as part_begin. */
	int (*part_end)(void *ctx);
};

/**
 * Set up a parser for bodies with this boundary (the parameter's value).
 *
 * Returns:   0.
 * Errors:    -EINVAL the boundary is empty, longer than
 *            MULTIPART_BOUNDARY_MAX, ends in a space or holds a byte that is
 *            not printable ASCII.
 * Ownership: copies the boundary.
 * Source:    RFC 2046 §5.1.1
 */
int multipart_init(struct multipart *m, const char *boundary, size_t len);

/**
 * Parse the next piece of the body.
 *
 * Returns:   how many bytes were used. Fewer than `len` means that part_data
 *            took less than it was given; the next call must begin with the
 *            first byte that was not used.
 * Errors:    -EBADMSG malformed; -E2BIG over `max_parts`, `max_head` or one of
 *            the limits above; what a callback returned. The parser is then of
 *            no more use: every further call returns the same error.
 * Source:    RFC 7578 §4; RFC 2046 §5.1
 */
ssize_t multipart_feed(struct multipart *m, const char *data, size_t len,
    const struct multipart_ops *ops, void *ctx);

/**
 * Say that the body is over.
 *
 * Returns:   0 if the closing delimiter was seen.
 * Errors:    -EBADMSG it was not; or the error that stopped the parser.
 */
int multipart_end(const struct multipart *m);

#endif
