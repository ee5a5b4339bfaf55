/* SPDX-License-Identifier: MIT */
/*
 * A model that is put together of others: it has no more of its own than they
 * have, and is compared with its array like any model.
 */
#ifndef TESTS_UNIT_LIB_JOINING_H
#define TESTS_UNIT_LIB_JOINING_H

#include <string.h>

#include <spillway/join.h>

#include "unit/lib/model.h"

/** Join [off, off + len) of `part` to `m`. Returns: what the call did. */
static inline int model_join(struct model *m, const struct model *part,
    uint64_t off, uint64_t len)
{
	int r = spw_spool_join(m->spool, part->spool, off, len);

	if (r == 0) {
		assert_true(len <= m->cap - m->size);
		memcpy(m->bytes + m->size, part->bytes + off, (size_t)len);
		m->size += (size_t)len;
	}
	model_check(m);
	return r;
}

/** All of it. */
static inline int model_join_all(struct model *m, const struct model *part)
{
	return model_join(m, part, 0, part->size);
}

/** A model with `len` bytes. */
static inline void model_filled(struct model *m, size_t len,
    const struct spw_spool_opts *opts)
{
	static uint64_t seed = 12345;

	model_init(m, 2 * len + 1, opts);
	m->random = next_random(&seed);
	assert_ok(model_append(m, len));
}

#endif
