/* SPDX-License-Identifier: MIT */
#include "pieces.h"

#include <errno.h>
#include <limits.h>

int spw__pieces_init(struct spw__pieces *p, const struct iovec *iov, int count,
    size_t *ret_len)
{
	size_t len = 0;

	if (count < 0 || (count && !iov))
		return -EINVAL;
	for (int i = 0; i < count; i++) {
		if (iov[i].iov_len > SSIZE_MAX - len)
			return -EINVAL;
		len += iov[i].iov_len;
	}

	*p = (struct spw__pieces){ .rest = iov, .count = count };
	*ret_len = len;
	return 0;
}

/* Have a first piece with something in it. */
static void next(struct spw__pieces *p)
{
	while (!p->len && p->count) {
		p->data = p->rest->iov_base;
		p->len = p->rest->iov_len;
		p->rest++;
		p->count--;
	}
}

void spw__pieces_take(struct spw__pieces *p, uint8_t *to, size_t len)
{
	while (len) {
		next(p);
		size_t n = p->len < len ? p->len : len;

		memcpy(to, p->data, n);
		p->data += n;
		p->len -= n;
		to += n;
		len -= n;
	}
}

int spw__pieces_look(const struct spw__pieces *p, size_t len,
    struct iovec *iov, int max)
{
	struct spw__pieces left = *p;
	int count = 0;

	for (; len && count < max; count++) {
		next(&left);
		if (!left.len)
			break;

		size_t n = left.len < len ? left.len : len;
		/* For writing from: nothing is stored there. */
		iov[count].iov_base = (void *)(uintptr_t)left.data;
		iov[count].iov_len = n;
		left.len = 0;
		len -= n;
	}
	return count;
}

void spw__pieces_skip(struct spw__pieces *p, size_t len)
{
	while (len) {
		next(p);
		size_t n = p->len < len ? p->len : len;

		p->data += n;
		p->len -= n;
		len -= n;
	}
}
