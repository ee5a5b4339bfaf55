/* SPDX-License-Identifier: MIT */
#include "deliver/zip_entry.h"

#include <errno.h>
#include <stdlib.h>

#include <zlib.h>

#include "deliver/zip_tail.h"

#define CHECK_BLOCK ((size_t)128 * 1024)

/*
 * `found`: how many bytes of name and extra fields stand between the local
 * header and the content, at most 2 * 65535; and which of it is known.
 */
#define SKIP_MASK UINT32_C(0x1ffff)
#define PLACE_KNOWN (UINT32_C(1) << 30)
#define CRC_GOOD (UINT32_C(1) << 31)

int zip_entry_locate(struct zip_entry *e, struct spw_spool *s,
    uint64_t data_end, struct zip_fault *reterr)
{
	uint8_t head[ZIP_LOCAL_SIZE];
	uint64_t off;

	if (zip_entry_data(e, &off))
		return 0;
	if (e->header_off > data_end || data_end - e->header_off < sizeof head)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The entry's header is not within the archive.");

	int err = zip_read_at(s, head, sizeof head, e->header_off);
	if (err < 0)
		return zip_fault_errno(reterr, err);
	if (zip_le32(head) != ZIP_LOCAL_MAGIC)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "There is no header where the archive's directory places "
		    "the entry.");

	uint32_t skip = (uint32_t)zip_le16(head + 26) + zip_le16(head + 28);
	uint64_t left = data_end - e->header_off - sizeof head;
	if (skip > left || e->packed_size > left - skip)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The entry's bytes run into the archive's directory.");

	atomic_fetch_or_explicit(
	    &e->found, PLACE_KNOWN | skip, memory_order_relaxed);
	return 0;
}

bool zip_entry_data(const struct zip_entry *e, uint64_t *ret_off)
{
	uint32_t found = atomic_load_explicit(&e->found, memory_order_relaxed);

	if (!(found & PLACE_KNOWN))
		return false;
	*ret_off = e->header_off + ZIP_LOCAL_SIZE + (found & SKIP_MASK);
	return true;
}

void zip_entry_set_good(struct zip_entry *e)
{
	atomic_fetch_or_explicit(&e->found, CRC_GOOD, memory_order_relaxed);
}

bool zip_entry_good(const struct zip_entry *e)
{
	return atomic_load_explicit(&e->found, memory_order_relaxed) & CRC_GOOD;
}

/** The CRC of `len` bytes at `off`. */
static int checksum(
    struct spw_spool *s, uint64_t off, uint64_t len, uint32_t *ret)
{
	size_t size = len < CHECK_BLOCK ? (size_t)len : CHECK_BLOCK;
	uLong crc = crc32(0, NULL, 0);
	uint8_t *block = malloc(size ? size : 1);
	int err = block ? 0 : -ENOMEM;

	while (err == 0 && len > 0) {
		size_t n = len < size ? (size_t)len : size;
		err = zip_read_at(s, block, n, off);
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
	uint32_t crc;

	if (zip_entry_good(e))
		return 0;
	if (!zip_entry_data(e, &off) || e->size != e->packed_size)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The entry is stored, yet its two sizes differ.");

	int err = checksum(s, off, e->packed_size, &crc);
	if (err < 0)
		return zip_fault_errno(reterr, err);
	if (crc != e->crc)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The entry's bytes do not have the CRC that the archive "
		    "tells.");

	zip_entry_set_good(e);
	return 0;
}
