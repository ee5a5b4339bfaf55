/* SPDX-License-Identifier: MIT */
/*
 * What is odd or dangerous about an archive or one of its entries: a bit
 * each, and a word each for listings.
 *
 * Constant data and pure functions: any thread.
 */
#ifndef DELIVER_ZIP_WARN_H
#define DELIVER_ZIP_WARN_H

#include <stdint.h>

/*
 * X(id, word, whether it is a hazard: policy `deny` refuses the archive)
 *
 * Up to ENCRYPTED they are told of entries, behind it of the archive.
 */
/* clang-format off */
#define ZIP_WARNINGS(X)                                                        \
	X(UNSAFE_NAME, "unsafe-name", 1)  /* could do harm: zip_name.h */      \
	X(ODD_NAME, "odd-name", 0)        /* not the same name everywhere */   \
	X(CHARSET, "name-charset", 0)     /* what the bytes mean is a guess */ \
	X(DUPLICATE, "duplicate-name", 1) /* another entry has it */           \
	X(SPECIAL, "special-file", 1)     /* a link, a device, a pipe */       \
	X(FOLDER, "folder", 0)            /* a folder in one way only */       \
	X(OVERLAP, "overlap", 1)          /* its bytes are also another's */   \
	X(OUTSIDE, "outside", 1)          /* its bytes are not in it */        \
	X(SIZES, "sizes", 1)              /* the two cannot both be right */   \
	X(RATIO, "ratio", 1)              /* grows suspiciously */             \
	X(MISMATCH, "local-header", 1)    /* tells another story */            \
	X(DAMAGED, "damaged", 1)          /* seen when it was unpacked */      \
	X(ENCRYPTED, "encrypted", 0)                                           \
	X(ZIP64, "zip64", 0)                                                   \
	X(PREPENDED, "prepended-data", 0) /* before the first entry */         \
	X(TRAILING, "trailing-data", 0)   /* behind the end record */          \
	X(HIDDEN, "hidden-data", 0)       /* nobody accounts for it */         \
	X(ENDS, "several-ends", 1)        /* places that look like it */
/* clang-format on */

#define ZIP_WARN_PLACE(id, word, hazard) ZIP_WARN_AT_##id,
enum { ZIP_WARNINGS(ZIP_WARN_PLACE) ZIP_WARN_COUNT };
#undef ZIP_WARN_PLACE

#define ZIP_WARN_BIT(id, word, hazard) ZIP_WARN_##id = 1 << ZIP_WARN_AT_##id,
enum { ZIP_WARNINGS(ZIP_WARN_BIT) };
#undef ZIP_WARN_BIT

/** Those for which policy `deny` refuses an archive. */
#define ZIP_WARN_HAZARD(id, word, hazard) | ((hazard) ? ZIP_WARN_##id : 0)
enum { ZIP_WARN_HAZARDS = 0 ZIP_WARNINGS(ZIP_WARN_HAZARD) };
#undef ZIP_WARN_HAZARD

/** Their words, by ZIP_WARN_AT_... */
extern const char *const zip_warn_words[ZIP_WARN_COUNT];

/** Returns: the place of the lowest bit of `set`, which is not 0. */
static inline unsigned zip_warn_first(uint32_t set)
{
	return (unsigned)__builtin_ctz(set);
}

/* How often each of them was seen, and where first. */
struct zip_warn_tally {
	uint32_t count[ZIP_WARN_COUNT];
	uint32_t first[ZIP_WARN_COUNT]; /* index of an entry */
};

/** Count the warnings `set` of entry `index`, which come in order. */
void zip_warn_add(struct zip_warn_tally *t, uint32_t set, uint32_t index);

#endif
