/* SPDX-License-Identifier: MIT */
#include "deliver/zip_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

static struct str without_slash(struct str name)
{
	if (name.n > 1 && name.p[name.n - 1] == '/')
		name.n--;
	return name;
}

static uint32_t hash_name(struct str name)
{
	name = without_slash(name);
	return (uint32_t)crc32(0, (const Bytef *)name.p, (uInt)name.n);
}

/**
 * Sort by the upper half, by bytes from the lowest on. Equal hashes keep the
 * order of the entries.
 */
static void sort_by_hash(uint64_t *keys, uint64_t *other, size_t n)
{
	for (unsigned shift = 32; shift < 64; shift += 8) {
		size_t at[256] = {0};
		size_t sum = 0;

		for (size_t i = 0; i < n; i++)
			at[keys[i] >> shift & 255]++;
		for (size_t b = 0; b < 256; b++) {
			size_t count = at[b];
			at[b] = sum;
			sum += count;
		}
		for (size_t i = 0; i < n; i++)
			other[at[keys[i] >> shift & 255]++] = keys[i];

		uint64_t *swap = keys;
		keys = other;
		other = swap;
	}
}

static struct zip_entry *entry_of(const struct zip_dir *d, uint64_t key)
{
	return &d->entries[(uint32_t)key];
}

/** By name without its `/`, then with it, then by index. */
static int compare_keys(const void *a, const void *b, void *ctx)
{
	const struct zip_dir *d = ctx;
	const uint64_t *ka = a, *kb = b;
	struct str na = zip_entry_name(d, entry_of(d, *ka));
	struct str nb = zip_entry_name(d, entry_of(d, *kb));
	size_t n = na.n < nb.n ? na.n : nb.n;

	int r = memcmp(na.p, nb.p, n);
	if (r == 0 && na.n != nb.n)
		r = na.n < nb.n ? -1 : 1;
	return r ? r : *ka < *kb ? -1 : 1;
}

static bool same_place(const struct zip_dir *d, uint64_t a, uint64_t b)
{
	struct str na = without_slash(zip_entry_name(d, entry_of(d, a)));
	struct str nb = without_slash(zip_entry_name(d, entry_of(d, b)));

	return na.n == nb.n && memcmp(na.p, nb.p, na.n) == 0;
}

/**
 * Put each run of one hash into the order of names, where those that share
 * one are neighbours. Names made to collide cost a sort, not a comparison of
 * each with each.
 */
static void mark_duplicates(struct zip_dir *d)
{
	size_t end;

	for (size_t i = 0; i < d->count; i = end) {
		uint64_t hash = d->keys[i] >> 32;

		for (end = i + 1; end < d->count && d->keys[end] >> 32 == hash;)
			end++;
		if (end - i == 1)
			continue;

		qsort_r(&d->keys[i], end - i, sizeof *d->keys, compare_keys, d);
		for (size_t k = i + 1; k < end; k++) {
			if (!same_place(d, d->keys[k - 1], d->keys[k]))
				continue;
			entry_of(d, d->keys[k - 1])->flags |=
			    ZIP_WARN_DUPLICATE;
			entry_of(d, d->keys[k])->flags |= ZIP_WARN_DUPLICATE;
		}
	}
}

int zip_keys_make(struct zip_dir *d)
{
	if (d->count == 0)
		return 0;
	/* An index has 32 bits in a key. */
	if (d->count > UINT32_MAX)
		return -EFBIG;

	uint64_t *keys = malloc(2 * d->count * sizeof *keys);
	if (!keys)
		return -ENOMEM;

	for (size_t i = 0; i < d->count; i++) {
		struct str name = zip_entry_name(d, &d->entries[i]);
		keys[i] = (uint64_t)hash_name(name) << 32 | i;
	}
	sort_by_hash(keys, keys + d->count, d->count);

	uint64_t *trimmed = realloc(keys, d->count * sizeof *keys);
	d->keys = trimmed ? trimmed : keys;
	mark_duplicates(d);
	return 0;
}

bool zip_dir_find(const struct zip_dir *d, struct str name, size_t *ret_index)
{
	uint64_t hash = hash_name(name);
	size_t low = 0;
	size_t high = d->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (d->keys[mid] >> 32 < hash)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < d->count && d->keys[low] >> 32 == hash; low++) {
		struct str own = zip_entry_name(d, entry_of(d, d->keys[low]));

		if (own.n == name.n && memcmp(own.p, name.p, name.n) == 0) {
			*ret_index = (uint32_t)d->keys[low];
			return true;
		}
	}
	return false;
}
