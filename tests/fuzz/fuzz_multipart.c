/* SPDX-License-Identifier: MIT */
/*
 * The first line of the input is the boundary, the rest is the body. It is
 * parsed in one piece, and again in random small pieces by a consumer that
 * takes little and pauses often: both must tell the same story.
 */
#include "common/multipart.h"

#include <string.h>

#include "fuzz.h"

struct story {
	uint64_t hash;
	uint64_t bytes;
	uint64_t rng; /* 0: takes everything */
	bool in_part;
};

static void tell(struct story *s, char what, struct str text)
{
	unsigned char present = text.p != NULL;

	s->hash = fuzz_hash(s->hash, &what, 1);
	s->hash = fuzz_hash(s->hash, &present, 1);
	s->hash = fuzz_hash(s->hash, &text.n, sizeof(text.n));
	if (text.n > 0)
		s->hash = fuzz_hash(s->hash, text.p, text.n);
}

static int on_begin(
    void *ctx, struct str name, struct str filename, struct str content_type)
{
	struct story *s = ctx;

	FUZZ_CHECK(!s->in_part);
	FUZZ_CHECK(name.n <= MULTIPART_NAME_MAX);
	s->in_part = true;
	tell(s, 'n', name);
	tell(s, 'f', filename);
	tell(s, 't', content_type);
	return 0;
}

static ssize_t on_data(void *ctx, const char *data, size_t len)
{
	struct story *s = ctx;

	FUZZ_CHECK(s->in_part && len > 0);
	if (s->rng != 0)
		len = (size_t)(fuzz_random(&s->rng) % (len + 1));
	for (size_t i = 0; i < len; i++)
		tell(s, 'd', (struct str){data + i, 1});
	s->bytes += len;
	return (ssize_t)len;
}

static int on_end(void *ctx)
{
	struct story *s = ctx;

	FUZZ_CHECK(s->in_part);
	s->in_part = false;
	tell(s, 'e', (struct str){NULL, 0});
	return 0;
}

static int parse(struct str boundary, struct str body, struct story *s)
{
	static const struct multipart_ops ops = {on_begin, on_data, on_end};
	static struct multipart m;
	uint64_t rng = s->rng;
	size_t at = 0;

	s->hash = FUZZ_HASH_START;
	if (multipart_init(&m, boundary.p, boundary.n) < 0)
		return 1;

	m.max_parts = 20;
	while (at < body.n) {
		size_t n = body.n - at;
		if (rng != 0) {
			size_t most = (size_t)(fuzz_random(&rng) % 12 + 1);
			n = n < most ? n : most;
		}
		ssize_t took = multipart_feed(&m, body.p + at, n, &ops, s);
		if (took < 0)
			return (int)took;
		FUZZ_CHECK((size_t)took <= n);
		at += (size_t)took;
	}
	return multipart_end(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *lf = size > 0 ? memchr(text, '\n', size) : NULL;

	if (!lf)
		return 0;

	struct str boundary = {text, (size_t)(lf - text)};
	struct str body = {lf + 1, size - boundary.n - 1};
	struct story whole = {0};
	struct story pieces = {
	    .rng = fuzz_hash(FUZZ_HASH_START, data, size) | 1};
	int r = parse(boundary, body, &whole);
	FUZZ_CHECK(parse(boundary, body, &pieces) == r);
	FUZZ_CHECK(whole.hash == pieces.hash);
	FUZZ_CHECK(whole.bytes == pieces.bytes);
	FUZZ_CHECK(whole.bytes <= body.n);
	FUZZ_CHECK(r != 0 || !whole.in_part);
	return 0;
}
