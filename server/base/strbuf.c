/* SPDX-License-Identifier: MIT */
#include "base/strbuf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SMALLEST 256
/** Digits of UINT64_MAX. */
#define U64_DIGITS 20

void strbuf_init(struct strbuf *b, size_t max)
{
	/* No object is larger, so that no sum of sizes can wrap. */
	if (max > PTRDIFF_MAX - 1)
		max = PTRDIFF_MAX - 1;
	*b = (struct strbuf){.max = max};
}

void strbuf_init_fixed(struct strbuf *b, char *mem, size_t size)
{
	assert(size > 0);
	*b = (struct strbuf){
	    .data = mem, .cap = size, .max = size - 1, .borrowed = true};
	mem[0] = '\0';
}

void strbuf_fini(struct strbuf *b)
{
	if (!b)
		return;

	if (!b->borrowed)
		free(b->data);
	*b = (struct strbuf){0};
}

/** The next capacity that holds `need`, at least doubling, within `most`. */
static size_t grown(size_t cap, size_t need, size_t most)
{
	size_t twice = cap > most / 2 ? most : cap * 2;

	if (twice < SMALLEST)
		twice = SMALLEST < most ? SMALLEST : most;
	return twice > need ? twice : need;
}

bool strbuf_reserve(struct strbuf *b, size_t n)
{
	if (b->failed)
		return false;
	if (b->cap - b->len > n)
		return true;
	if (n > b->max - b->len || b->borrowed) {
		b->failed = true;
		return false;
	}

	size_t cap = grown(b->cap, b->len + n + 1, b->max + 1);
	char *data = realloc(b->data, cap);
	if (!data) {
		b->failed = true;
		return false;
	}

	b->data = data;
	b->cap = cap;
	b->data[b->len] = '\0';
	return true;
}

static void addv(struct strbuf *b, const char *fmt, va_list ap)
    SPW_PRINTF(2, 0);

static void addv(struct strbuf *b, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	size_t room = b->cap - b->len;
	int n = vsnprintf(room ? b->data + b->len : NULL, room, fmt, ap);
	if (n >= 0 && (size_t)n < room) {
		b->len += (size_t)n;
	} else if (n < 0) {
		b->failed = true;
	} else if (strbuf_reserve(b, (size_t)n)) {
		vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	if (b->data)
		b->data[b->len] = '\0';
	va_end(again);
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
	if (b->failed)
		return;

	va_list ap;
	va_start(ap, fmt);
	addv(b, fmt, ap);
	va_end(ap);
}

void strbuf_addu(struct strbuf *b, uint64_t v)
{
	char text[U64_DIGITS];
	size_t at = sizeof text;

	do {
		text[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	strbuf_add(b, text + at, sizeof text - at);
}

void strbuf_addi(struct strbuf *b, int64_t v)
{
	char text[U64_DIGITS + 1];
	size_t at = sizeof text;
	uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do {
		text[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (v < 0)
		text[--at] = '-';
	strbuf_add(b, text + at, sizeof text - at);
}

char *strbuf_take(struct strbuf *b, size_t *ret_len)
{
	assert(!b->borrowed);
	if (!b->failed && !b->data)
		strbuf_reserve(b, 0);

	char *data = b->failed ? NULL : b->data;
	size_t len = b->len;
	size_t max = b->max;

	if (!data)
		free(b->data);
	strbuf_init(b, max);
	if (data && ret_len)
		*ret_len = len;
	return data;
}
