/* SPDX-License-Identifier: MIT */
#include "deliver/zip_entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "deliver/zip_read.h"

#define CHECK_BLOCK ((size_t)128 * 1024)

/*
 * `found`: how many bytes of name and extra fields stand between the local
 * header and the content, at most 2 * 65535; and what else is known.
 */
#define SKIP_MASK UINT32_C(0x1ffff)
#define IS_LONGER (UINT32_C(1) << 27)
#define DISAGREES (UINT32_C(1) << 28)
#define IS_DAMAGED (UINT32_C(1) << 29)
#define PLACE_KNOWN (UINT32_C(1) << 30)
#define CRC_GOOD (UINT32_C(1) << 31)

static void remember(struct zip_entry *e, uint32_t what)
{
	atomic_fetch_or_explicit(&e->found, what, memory_order_relaxed);
}

/** Read the whole header and compare it. */
static int compare(struct zip_entry *e, struct str name, struct spw_spool *s,
    size_t len, struct zip_fault *reterr)
{
	struct zip_record local;
	uint8_t *head = malloc(len);
	if (!head)
		return zip_fault_errno(reterr, -ENOMEM);

	int err = zip_read_at(s, head, len, e->header_off, reterr);
	if (err == 0 && (zip_local_parse(head, len, &local) <= 0 ||
			    !zip_entry_agrees(e, name, &local)))
		remember(e, DISAGREES);
	free(head);
	return err;
}

int zip_entry_locate(struct zip_entry *e, struct str name, struct spw_spool *s,
    uint64_t data_end, struct zip_fault *reterr)
{
	uint8_t head[ZIP_LOCAL_SIZE];
	uint64_t off;

	if (zip_entry_data(e, &off))
		return 0;
	if (e->header_off > data_end || data_end - e->header_off < sizeof head)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The entry's header is not within the archive.");

	int err = zip_read_at(s, head, sizeof head, e->header_off, reterr);
	if (err < 0)
		return err;
	if (zip_le32(head) != ZIP_LOCAL_MAGIC)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "There is no header where the archive's directory places "
		    "the entry.");

	uint32_t skip = (uint32_t)zip_le16(head + 26) + zip_le16(head + 28);
	uint64_t left = data_end - e->header_off - sizeof head;
	if (skip > left || e->packed_size > left - skip)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The entry's bytes run into the archive's directory.");

	err = compare(e, name, s, sizeof head + skip, reterr);
	if (err == 0)
		zip_entry_set_place(e, skip);
	return err;
}

void zip_entry_set_place(struct zip_entry *e, uint32_t skip)
{
	remember(e, PLACE_KNOWN | skip);
}

bool zip_entry_data(const struct zip_entry *e, uint64_t *ret_off)
{
	uint32_t found = atomic_load_explicit(&e->found, memory_order_relaxed);

	if (!(found & PLACE_KNOWN))
		return false;
	*ret_off = e->header_off + ZIP_LOCAL_SIZE + (found & SKIP_MASK);
	return true;
}

static bool same_name(struct str name, const struct zip_record *local)
{
	struct str raw = local->name;
	char *converted;
	bool guess;

	if (local->unicode_name.n > 0)
		raw = local->unicode_name;
	if (raw.n == name.n && memcmp(raw.p, name.p, name.n) == 0)
		return true;
	/* Perhaps it is one of code page 437, which ours was made from. */
	if (local->unicode_name.n > 0 || local->flags & ZIP_FLAG_UTF8 ||
	    raw.n > name.n)
		return false;

	converted = malloc(ZIP_TEXT_MAX * raw.n + 1);
	if (!converted)
		return true;

	size_t n = zip_text_utf8(raw, false, converted, &guess);
	bool same = n == name.n && memcmp(converted, name.p, n) == 0;
	free(converted);
	return same;
}

/** A number of a header whose truth comes behind the bytes may be zero. */
static bool same_number(
    uint64_t ours, uint64_t local, const struct zip_record *r)
{
	return ours == local || (r->flags & ZIP_FLAG_DEFERRED && local == 0);
}

bool zip_entry_agrees(
    const struct zip_entry *e, struct str name, const struct zip_record *local)
{
	/* The numbers of a masked header say nothing. */
	if (local->flags & ZIP_FLAG_MASKED)
		return e->flags & ZIP_WARN_ENCRYPTED;

	return e->method == local->method &&
	       !!(e->flags & ZIP_WARN_ENCRYPTED) ==
		   zip_record_encrypted(local) &&
	       same_number(e->crc, local->crc, local) &&
	       same_number(e->packed_size, local->packed_size, local) &&
	       same_number(e->size, local->size, local) &&
	       same_name(name, local);
}

void zip_entry_set_good(struct zip_entry *e)
{
	remember(e, CRC_GOOD);
}

void zip_entry_set_damaged(struct zip_entry *e)
{
	remember(e, IS_DAMAGED);
}

void zip_entry_set_longer(struct zip_entry *e)
{
	remember(e, IS_LONGER);
}

bool zip_entry_longer(const struct zip_entry *e)
{
	return atomic_load_explicit(&e->found, memory_order_relaxed) &
	       IS_LONGER;
}

uint32_t zip_entry_warnings(const struct zip_entry *e)
{
	uint32_t found = atomic_load_explicit(&e->found, memory_order_relaxed);
	uint32_t set = e->flags & ((1u << ZIP_WARN_COUNT) - 1);

	if (found & IS_LONGER)
		set |= ZIP_WARN_SIZES;
	if (found & DISAGREES)
		set |= ZIP_WARN_MISMATCH;
	if (found & IS_DAMAGED)
		set |= ZIP_WARN_DAMAGED;
	return set;
}

bool zip_entry_good(const struct zip_entry *e)
{
	return atomic_load_explicit(&e->found, memory_order_relaxed) & CRC_GOOD;
}

/** The CRC of `len` bytes at `off`. */
static int checksum(struct spw_spool *s, uint64_t off, uint64_t len,
    uint32_t *ret, struct zip_fault *reterr)
{
	size_t size = len < CHECK_BLOCK ? (size_t)len : CHECK_BLOCK;
	uLong crc = crc32(0, NULL, 0);
	uint8_t *block = malloc(size ? size : 1);
	int err = block ? 0 : zip_fault_errno(reterr, -ENOMEM);

	while (err == 0 && len > 0) {
		size_t n = len < size ? (size_t)len : size;
		err = zip_read_at(s, block, n, off, reterr);
		if (err == 0)
			crc = crc32(crc, block, (uInt)n);
		off += n;
		len -= n;
	}
	free(block);
	*ret = (uint32_t)crc;
	return err;
}

int zip_entry_check(
    struct zip_entry *e, struct spw_spool *s, struct zip_fault *reterr)
{
	uint64_t off;
	uint32_t crc = 0;

	if (zip_entry_good(e))
		return 0;
	if (!zip_entry_data(e, &off) || e->size != e->packed_size)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The entry is stored, yet its two sizes differ.");

	/* All of it, or it would be begun anew with each piece that comes. */
	int err = zip_read_need(s, off, e->packed_size, reterr);
	if (err == 0)
		err = checksum(s, off, e->packed_size, &crc, reterr);
	if (err < 0)
		return err;
	if (crc != e->crc) {
		zip_entry_set_damaged(e);
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The entry's bytes do not have the CRC that the archive "
		    "tells.");
	}

	zip_entry_set_good(e);
	return 0;
}
