/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <string.h>

#include "common/filemeta.h"

#define ETAG "0123456789abcdefghijkl"

static struct filemeta full(void)
{
	struct filemeta m = {
	    .size = UINT64_MAX,
	    .created_ms = 1,
	    .modified_ms = -5,
	    .expires_ms = INT64_MAX,
	    .checkpoint = 9,
	    .reads = 3,
	    .source = 5,
	    .unlisted = 1,
	    .id = {"an-id", 5},
	    .etag = {ETAG, 22},
	    .name = {"n\0\xff", 3},
	    .type = {"text/plain", 10},
	    .coding = {"gzip", 4},
	    .url = {"http://h/", 9},
	    .boot = {"b", 1},
	    .owner = {"alice", 5},
	    .upload = 2,
	    .ttl_ms = 4,
	    .algs = 1,
	    .told = 3,
	    .metadata = {"filename Zm9v", 13},
	    .concat = {"partial", 7},
	};

	m.digests.have = DIGEST_BIT(DIGEST_SHA256) | DIGEST_BIT(DIGEST_CRC32C);
	memset(m.digests.value[DIGEST_SHA256], 7, 32);
	memset(m.digests.value[DIGEST_CRC32C], 8, 4);
	m.said.have = DIGEST_BIT(DIGEST_SHA512);
	memset(m.said.value[DIGEST_SHA512], 9, 64);
	return m;
}

static void assert_text(struct str a, struct str b)
{
	assert_int_equal(a.n, b.n);
	if (b.n)
		assert_memory_equal(a.p, b.p, b.n);
}

static void assert_same(const struct filemeta *a, const struct filemeta *b)
{
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->created_ms, b->created_ms);
	assert_int_equal(a->modified_ms, b->modified_ms);
	assert_int_equal(a->expires_ms, b->expires_ms);
	assert_int_equal(a->checkpoint, b->checkpoint);
	assert_int_equal(a->reads, b->reads);
	assert_int_equal(a->source, b->source);
	assert_int_equal(a->unlisted, b->unlisted);
	assert_text(a->id, b->id);
	assert_text(a->etag, b->etag);
	assert_text(a->name, b->name);
	assert_text(a->type, b->type);
	assert_text(a->coding, b->coding);
	assert_text(a->url, b->url);
	assert_text(a->boot, b->boot);
	assert_text(a->owner, b->owner);
	assert_memory_equal(&a->digests, &b->digests, sizeof(a->digests));
	assert_int_equal(a->upload, b->upload);
	assert_int_equal(a->ttl_ms, b->ttl_ms);
	assert_int_equal(a->algs, b->algs);
	assert_int_equal(a->told, b->told);
	assert_memory_equal(&a->said, &b->said, sizeof(a->said));
	assert_text(a->metadata, b->metadata);
	assert_text(a->concat, b->concat);
}

static void test_round(void **state)
{
	const struct filemeta all = full(), none = {0};
	uint8_t buf[FILEMETA_MAX];
	struct filemeta got;

	(void)state;
	size_t n = filemeta_write(&all, buf, sizeof(buf));
	assert_true(n > 0);
	assert_ok(filemeta_read(buf, n, &got));
	assert_same(&got, &all);

	n = filemeta_write(&none, buf, sizeof(buf));
	assert_int_equal(n, 4 + 1 + 8);
	assert_ok(filemeta_read(buf, n, &got));
	assert_same(&got, &none);
}

/* The bytes on disk are for good: these are of version 1. */
static void test_bytes(void **state)
{
	static const uint8_t want[] = {'S', 'P', 'W', 'F', 1, 1, 8, 0, 0x39,
	    0x30, 0, 0, 0, 0, 0, 0, 10, 1, 0, 'n', 0x43, 0xba, 0x30, 0x47,
	    0x7a, 0xeb, 0x88, 0x47};
	const struct filemeta m = {.size = 12345, .name = {"n", 1}};
	uint8_t buf[64];

	(void)state;
	assert_int_equal(filemeta_write(&m, buf, sizeof(buf)), sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
	struct filemeta got;
	assert_ok(filemeta_read(buf, sizeof(want), &got));
	assert_same(&got, &m);
}

static void test_what_does_not_fit(void **state)
{
	static char text[FILEMETA_MAX];
	struct filemeta m = full(), got;
	uint8_t buf[FILEMETA_MAX];

	(void)state;
	memset(text, 'u', sizeof(text));
	m.url = (struct str){text, 3000};
	m.metadata = (struct str){text, 3000};
	size_t n = filemeta_write(&m, buf, sizeof(buf));
	assert_true(n > 3000);
	assert_ok(filemeta_read(buf, n, &got));
	/* One of them has room, and everything else. */
	assert_int_equal(got.metadata.n, 3000);
	assert_int_equal(got.url.n, 0);
	assert_text(got.concat, m.concat);
	assert_text(got.name, m.name);

	/* What cannot be missed must fit. */
	m.name = (struct str){text, sizeof(text)};
	assert_int_equal(filemeta_write(&m, buf, sizeof(buf)), 0);
	m = full();
	for (size_t cap = 0; cap < 300; cap++) {
		n = filemeta_write(&m, buf, cap);
		assert_true(n <= cap);
		if (n)
			assert_ok(filemeta_read(buf, n, &got));
	}
}

static void sum(uint8_t *p, size_t len)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	for (size_t i = 0; i < 8; i++)
		p[len + i] = (uint8_t)(h >> (8 * i));
}

static void test_damage(void **state)
{
	const struct filemeta all = full();
	uint8_t buf[FILEMETA_MAX];
	struct filemeta got;

	(void)state;
	size_t n = filemeta_write(&all, buf, sizeof(buf));
	for (size_t i = 0; i < n; i++) {
		assert_err(filemeta_read(buf, i, &got), EBADMSG);
		buf[i] ^= 0x20;
		int r = filemeta_read(buf, n, &got);
		assert_true(r == -EBADMSG || (i == 4 && r == -ENOTSUP));
		buf[i] ^= 0x20;
	}
	assert_ok(filemeta_read(buf, n, &got));
}

/* With a right sum: items are looked at by themselves. */
static void test_items(void **state)
{
	static const struct {
		const char *items;
		size_t len;
		int want;
	} cases[] = {
	    {"", 0, 0},
	    {"\xc8\3\0abc", 6, 0},		     /* a tag to come */
	    {"\xc8\4\0abc", 6, -EBADMSG},	     /* longer than there is */
	    {"\xc8\3", 2, -EBADMSG},		     /* no length */
	    {"\1\7\0\1\2\3\4\5\6\7", 10, -EBADMSG},  /* a number of 7 bytes */
	    {"\16\1\0\x7f", 4, 0},		     /* a digest to come */
	    {"\16\1\0\0", 4, -EBADMSG},		     /* one without value */
	    {"\16\0\0", 3, -EBADMSG},		     /* ... or name */
	    {"\2\4\0a/bc", 7, -EBADMSG},	     /* a path as an etag */
	    {"\2\1\0.", 4, -EBADMSG},
	    {"\11\5\0../ab", 8, -EBADMSG},	     /* as an id */
	    {"\11\2\0a\0", 5, -EBADMSG},
	    {"\11\2\0a.", 5, 0},
	    {"\12\1\0a\12\1\0b", 8, 0},		     /* the last counts */
	};
	uint8_t buf[64];
	struct filemeta got;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memcpy(buf, "SPWF\1", 5);
		memcpy(buf + 5, cases[i].items, cases[i].len);
		sum(buf, 5 + cases[i].len);
		assert_int_equal(
		    filemeta_read(buf, 5 + cases[i].len + 8, &got),
		    cases[i].want);
	}
	assert_text(got.name, (struct str){"b", 1});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round),
	    cmocka_unit_test(test_bytes),
	    cmocka_unit_test(test_what_does_not_fit),
	    cmocka_unit_test(test_damage),
	    cmocka_unit_test(test_items),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
