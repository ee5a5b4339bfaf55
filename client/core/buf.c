/* SPDX-License-Identifier: MIT */
#include "core/buf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/percent.h"

void spwc__buf_init(struct spwc__buf *b, size_t max)
{
	*b = (struct spwc__buf){.max = max};
}

void spwc__buf_fini(struct spwc__buf *b)
{
	free(b->data);
	*b = (struct spwc__buf){.max = b->max};
}

static int reserve(struct spwc__buf *b, size_t len)
{
	if (len > b->max - b->len)
		return -EFBIG;

	size_t need = b->len + len + 1;
	if (need <= b->cap)
		return 0;

	size_t cap = b->cap < 128 ? 256 : b->cap * 2;
	if (cap > b->max + 1)
		cap = b->max + 1;
	if (cap < need)
		cap = need;
	char *data = realloc(b->data, cap);
	if (data == NULL)
		return -ENOMEM;

	b->data = data;
	b->cap = cap;
	return 0;
}

int spwc__buf_add(struct spwc__buf *b, const void *bytes, size_t len)
{
	if (b->error < 0)
		return b->error;

	b->error = reserve(b, len);
	if (b->error < 0)
		return b->error;

	if (len > 0)
		memcpy(b->data + b->len, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

void spwc__buf_puts(struct spwc__buf *b, const char *text)
{
	spwc__buf_add(b, text, strlen(text));
}

void spwc__buf_put_u64(struct spwc__buf *b, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	spwc__buf_puts(b, text);
}

void spwc__buf_put_escaped(
    struct spwc__buf *b, const char *bytes, size_t len, const char *keep)
{
	for (size_t i = 0; i < len; i++) {
		char code[4];

		if (bytes[i] != '\0' && strchr(keep, bytes[i]) != NULL)
			spwc__buf_add(b, &bytes[i], 1);
		else
			spwc__buf_add(b, code,
			    percent_encode(&bytes[i], 1, code, sizeof(code)));
	}
}

int spwc__buf_take(struct spwc__buf *b, char **ret_text)
{
	int r = spwc__buf_add(b, "", 0);
	if (r < 0)
		return r;

	*ret_text = SPW_TAKE(b->data);
	b->len = 0;
	b->cap = 0;
	return 0;
}
