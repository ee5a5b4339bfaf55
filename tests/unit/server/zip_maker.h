/* SPDX-License-Identifier: MIT */
/*
 * Makes archives for tests, sound ones and such that lie: nothing is checked
 * and every number can be set to something else.
 *
 *   maker_init(&m) -> maker_add(&m, &member)... -> maker_end(&m, &end)
 *   maker_spool(&m, on_disk) -> ... -> maker_fini(&m)
 */
#ifndef TESTS_ZIP_MAKER_H
#define TESTS_ZIP_MAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spillway/spool.h>

#include "base/strbuf.h"
#include "deliver/zip_dir.h"

struct maker {
	struct strbuf data;	 /* what is written so far */
	struct strbuf directory; /* what comes behind it */
	unsigned count;
};

/* What is not set is what it should be. */
struct member {
	const char *name;
	size_t name_len; /* 0: strlen() */
	const void *packed;
	size_t packed_len;
	const uint64_t *size;	     /* packed_len */
	const uint64_t *packed_size; /* packed_len */
	const uint32_t *crc;	     /* that of `packed` */
	const uint32_t *header_off;  /* where it is */
	unsigned method, flags, made_by, date, time;
	uint32_t attributes;
	const void *extra; /* in the directory only */
	size_t extra_len;
	const char *comment;
	size_t local_extra_len; /* zeros */
};

struct ending {
	const char *comment;
	unsigned disk;
	const unsigned *count;
	const uint32_t *dir_off, *dir_size;
	bool zip64;
	const uint64_t *dir_off64, *count64, *end64_off;
};

void maker_init(struct maker *m);
void maker_fini(struct maker *m);
void maker_add(struct maker *m, const struct member *member);

/** Add directory and end record; NULL for an honest one. */
void maker_end(struct maker *m, const struct ending *e);

/** Shorthand: one stored member. */
void maker_store(struct maker *m, const char *name, const char *content);

/** Deflate by zlib. Returns: the length; `*ret` is to be freed. */
size_t maker_deflate(const void *data, size_t len, void **ret);

/** Put bytes into a sealed spool. */
struct spw_spool *maker_spool_of(const void *data, size_t len, bool on_disk);
struct spw_spool *maker_spool(const struct maker *m, bool on_disk);

/** Find where the bytes of entry `i` are; must succeed. */
void maker_locate(struct zip_dir *d, size_t i, struct spw_spool *s);

/** Read the directory with generous limits; must succeed. */
struct zip_dir *maker_dir(struct spw_spool *s);

/** `len` bytes that do not repeat soon. Returns: to be freed. */
uint8_t *maker_noise(size_t len, uint32_t seed);

#endif
