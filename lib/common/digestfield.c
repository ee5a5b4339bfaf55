/* SPDX-License-Identifier: MIT */
#include "common/digestfield.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/sfield.h"

/* ---- algorithms -------------------------------------------------------- */

static const struct {
	const char *name;     /* RFC 9530 §5 */
	const char *other[2]; /* what else it is called */
	uint8_t size;
} ALGS[DIGEST_COUNT] = {
    [DIGEST_SHA256] = {"sha-256", {"sha256", NULL}, 32},
    [DIGEST_SHA512] = {"sha-512", {"sha512", NULL}, 64},
    [DIGEST_SHA1] = {"sha", {"sha1", "sha-1"}, 20},
    [DIGEST_MD5] = {"md5", {NULL, NULL}, 16},
    [DIGEST_CRC32C] = {"crc32c", {NULL, NULL}, 4},
};

const char *digest_alg_name(enum digest_alg alg)
{
	return ALGS[alg].name;
}

size_t digest_alg_size(enum digest_alg alg)
{
	return ALGS[alg].size;
}

bool digest_alg_find(struct str name, enum digest_alg *ret)
{
	for (unsigned i = 0; i < DIGEST_COUNT; i++) {
		bool is = str_ieq(name, ALGS[i].name);

		for (unsigned k = 0; k < 2 && ALGS[i].other[k]; k++)
			is = is || str_ieq(name, ALGS[i].other[k]);
		if (is) {
			*ret = (enum digest_alg)i;
			return true;
		}
	}
	return false;
}

int digest_algs_read(struct str list, unsigned *ret)
{
	unsigned algs = 0;
	struct str item;

	while (str_list_next(&list, &item)) {
		enum digest_alg alg;

		if (!digest_alg_find(item, &alg))
			return -EINVAL;
		algs |= DIGEST_BIT(alg);
	}
	if (!algs)
		return -EINVAL;

	*ret = algs;
	return 0;
}

/* Keys of fields are exact. */
static bool alg_of_key(struct str key, unsigned *ret)
{
	for (unsigned i = 0; i < DIGEST_COUNT; i++) {
		if (str_eq(key, ALGS[i].name)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

/* ---- fields ------------------------------------------------------------ */

/* Note the value that the base64 text says. */
static int decode(struct str text, unsigned alg, struct digest_set *set)
{
	uint8_t value[DIGEST_BYTES_MAX];
	ssize_t n = base64_decode(text.p, text.n, value, sizeof(value));

	if (n != (ssize_t)ALGS[alg].size)
		return -EINVAL;

	set->have |= DIGEST_BIT(alg);
	memcpy(set->value[alg], value, (size_t)n);
	return 0;
}

static int merge(struct digest_set *set, const struct digest_set *more)
{
	for (unsigned i = 0; i < DIGEST_COUNT; i++) {
		if (!(more->have & DIGEST_BIT(i)))
			continue;
		if ((set->have & DIGEST_BIT(i)) &&
		    memcmp(set->value[i], more->value[i], ALGS[i].size) != 0)
			return -EEXIST;
		memcpy(set->value[i], more->value[i], ALGS[i].size);
	}
	set->have |= more->have;
	return 0;
}

int digest_field_read(struct str field, struct digest_set *set)
{
	struct digest_set found = {0};
	struct str rest = str_trim(field), key;
	struct sf_item item;
	int r, count = 0;

	while ((r = sf_dict_next(&rest, &key, &item)) > 0) {
		unsigned alg;

		if (!alg_of_key(key, &alg))
			continue;
		if (item.type != SF_BYTES || decode(item.raw, alg, &found) < 0)
			return -EINVAL;
		count++;
	}
	if (r == 0)
		r = merge(set, &found);
	return r < 0 ? r : count;
}

int digest_md5_read(struct str field, struct digest_set *set)
{
	struct digest_set found = {0};
	int r = decode(str_trim(field), DIGEST_MD5, &found);

	if (r == 0)
		r = merge(set, &found);
	return r < 0 ? r : 1;
}

int digest_want_read(struct str field, unsigned able, enum digest_alg *ret)
{
	int weight[DIGEST_COUNT] = {0};
	struct str rest = str_trim(field), key;
	struct sf_item item;
	unsigned best = DIGEST_COUNT;
	int r;

	while ((r = sf_dict_next(&rest, &key, &item)) > 0) {
		unsigned alg;

		if (!alg_of_key(key, &alg))
			continue;
		if (item.type != SF_INTEGER || item.integer < 0 ||
		    item.integer > 10)
			return -EINVAL;
		weight[alg] = (int)item.integer;
	}
	if (r < 0)
		return r;

	for (unsigned i = 0; i < DIGEST_COUNT; i++) {
		if ((able & DIGEST_BIT(i)) && weight[i] &&
		    (best == DIGEST_COUNT || weight[i] > weight[best]))
			best = i;
	}
	if (best == DIGEST_COUNT)
		return 0;

	*ret = (enum digest_alg)best;
	return 1;
}

size_t digest_field_write(
    const struct digest_set *set, unsigned algs, char out[DIGEST_FIELD_SIZE])
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < DIGEST_COUNT; i++) {
		if (!(set->have & algs & DIGEST_BIT(i)))
			continue;

		size_t name = strlen(ALGS[i].name);
		if (n) {
			memcpy(out + n, ", ", 2);
			n += 2;
		}
		memcpy(out + n, ALGS[i].name, name);
		n += name;
		memcpy(out + n, "=:", 2);
		n += 2;
		n += base64_encode(set->value[i], ALGS[i].size, out + n);
		out[n++] = ':';
		out[n] = '\0';
	}
	return n;
}

size_t digest_difference_write(const struct digest_set *found,
    const struct digest_set *said, char out[DIGEST_DIFFERENCE_SIZE])
{
	char is[BASE64_SIZE(DIGEST_BYTES_MAX)];
	char not[BASE64_SIZE(DIGEST_BYTES_MAX)];
	unsigned both = found->have & said->have;

	out[0] = '\0';
	for (unsigned i = 0; i < DIGEST_COUNT; i++) {
		size_t n = ALGS[i].size;

		if (!(both & DIGEST_BIT(i)) ||
		    memcmp(found->value[i], said->value[i], n) == 0)
			continue;

		base64_encode(found->value[i], n, is);
		base64_encode(said->value[i], n, not);
		return (size_t)snprintf(out, DIGEST_DIFFERENCE_SIZE,
		    "%s is %s, not %s", ALGS[i].name, is, not);
	}
	return 0;
}
