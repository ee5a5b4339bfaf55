/* SPDX-License-Identifier: MIT */
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"
#include "unit/lib/toy.h"

#define SIZE (3 * SPW__GUARD_WINDOW + 1000)
#define WORDS ((size_t)1 << 18)

/* A guard with a file, and an array that has what the file should hold. */
struct bed {
	struct spw__guard *guard;
	struct spw__file at;
	uint8_t *bytes;		/* plain */
	uint8_t *raw;		/* what was in the file when last looked at */
	uint64_t random;
};

static int new_file(void)
{
	const char *base = getenv("TMPDIR");
	int fd = open(base ? base : "/var/tmp", O_TMPFILE | O_RDWR, 0600);

	assert_true(fd >= 0);
	return fd;
}

static struct spw__guard *new_guard(void)
{
	struct spw__guard *g;
	struct spw__block *b = spw__block_get(NULL, SPW__BLOCK_MIN, true);

	assert_non_null(b);
	assert_ok(spw__guard_new(&toy_cipher, b, &g));
	return g;
}

static void bed_init(struct bed *bed, uint64_t base)
{
	*bed = (struct bed){ .guard = new_guard(), .at = { new_file(), base },
		.random = 77 };
	bed->bytes = calloc(1, SIZE);
	bed->raw = calloc(1, SIZE);
	assert_non_null(bed->bytes);
	assert_non_null(bed->raw);
}

static void bed_fini(struct bed *bed)
{
	spw__guard_free(bed->guard);
	close(bed->at.fd);
	free(bed->bytes);
	free(bed->raw);
}

static void put(struct bed *bed, const void *data, size_t len, uint64_t off)
{
	struct spw__pieces p = spw__pieces_one(data, len);

	memcpy(bed->bytes + off, data, len);
	while (len) {
		ssize_t n = spw__guard_write(
		    bed->guard, &bed->at, &p, len, off);
		assert_true(n > 0 && (size_t)n <= len);
		spw__pieces_skip(&p, (size_t)n);
		len -= (size_t)n;
		off += (uint64_t)n;
	}
}

static void expect_content(struct bed *bed, uint64_t off, size_t len)
{
	uint8_t *buf = malloc(len);

	assert_non_null(buf);
	assert_int_equal(
	    spw__guard_read(bed->guard, &bed->at, buf, len, off), len);
	assert_memory_equal(buf, bed->bytes + off, len);
	free(buf);
}

static void look_at_file(struct bed *bed)
{
	assert_true(pread(bed->at.fd, bed->raw, SIZE,
	    (off_t)bed->at.base) >= 0);
}

static void test_ciphers_that_cannot_be(void **state)
{
	struct spw_cipher c = toy_cipher;

	(void)state;
	assert_true(spw__cipher_ok(&c));
	c.key_bytes = SPW_CIPHER_KEY_MAX;
	assert_true(spw__cipher_ok(&c));
	c.key_bytes++;
	assert_false(spw__cipher_ok(&c));
	c.key_bytes = 15;
	assert_false(spw__cipher_ok(&c));
	c = toy_cipher;
	c.apply = NULL;
	assert_false(spw__cipher_ok(&c));
	c = toy_cipher;
	c.size--;
	assert_false(spw__cipher_ok(&c));
}

static void test_there_and_back(void **state)
{
	const uint64_t bases[] = { 0, 4096, 1 << 20 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct bed bed;

		bed_init(&bed, bases[i]);
		for (size_t j = 0; j < SIZE; j++)
			bed.bytes[j] = (uint8_t)(j / 8);
		put(&bed, bed.bytes, SIZE, 0);
		look_at_file(&bed);
		/* As many as any other two have in common, about. */
		size_t same = 0;
		for (size_t j = 0; j < SIZE; j++)
			same += bed.raw[j] == bed.bytes[j];
		assert_true(same < SIZE / 128);
		expect_content(&bed, 0, SIZE);
		expect_content(&bed, 1, 1);
		expect_content(&bed, 12345, 70001);
		assert_int_equal(spw__guard_spans(bed.guard), 1);
		bed_fini(&bed);
	}
}

static void test_keys_differ(void **state)
{
	static const uint8_t zeros[64];
	struct bed a, b;

	(void)state;
	bed_init(&a, 0);
	bed_init(&b, 0);
	put(&a, zeros, sizeof(zeros), 0);
	put(&b, zeros, sizeof(zeros), 0);
	look_at_file(&a);
	look_at_file(&b);
	for (size_t i = 0; i < sizeof(zeros); i += 8)
		assert_memory_not_equal(a.raw + i, b.raw + i, 8);
	bed_fini(&a);
	bed_fini(&b);
}

/* What is in no span reads as zeros, whatever the file has there. */
static void test_gaps(void **state)
{
	uint8_t junk[500];
	struct bed bed;

	(void)state;
	bed_init(&bed, 0);
	memset(junk, 0xee, sizeof(junk));
	assert_int_equal(pwrite(bed.at.fd, junk, sizeof(junk), 200), 500);
	put(&bed, "first", 5, 0);
	put(&bed, "last", 4, 1000);
	put(&bed, "middle", 6, 300);
	expect_content(&bed, 0, 1004);
	expect_content(&bed, 3, 400);
	expect_content(&bed, 301, 2);
	expect_content(&bed, 304, 698);
	expect_content(&bed, 5, 295);
	bed_fini(&bed);
}

static void test_cutting(void **state)
{
	struct bed bed;

	(void)state;
	bed_init(&bed, 0);
	put(&bed, "0123456789", 10, 0);
	put(&bed, "abc", 3, 4);
	assert_ok(spw__guard_cut(bed.guard, bed.at.fd, 6));
	assert_ok(spw__guard_cut(bed.guard, bed.at.fd, 20));
	memset(bed.bytes + 6, 0, 14);
	expect_content(&bed, 0, 20);
	put(&bed, "xyz", 3, 10);
	expect_content(&bed, 0, 20);
	assert_ok(spw__guard_cut(bed.guard, bed.at.fd, 0));
	assert_int_equal(spw__guard_spans(bed.guard), 0);
	bed_fini(&bed);
}

/* What was given up is in no span, and reads as zeros. */
static void test_dropping(void **state)
{
	struct bed bed;

	(void)state;
	bed_init(&bed, 0);
	for (size_t i = 0; i < 30000; i++)
		bed.bytes[i] = (uint8_t)(i / 7 + 1);
	put(&bed, bed.bytes, 30000, 0);
	/* Many times: each splits a span. */
	for (uint64_t i = 0; i < 20; i++) {
		assert_ok(spw__guard_reserve(bed.guard));
		spw__guard_drop(bed.guard, i * 1000 + 1, i * 1000 + 900);
		memset(bed.bytes + i * 1000 + 1, 0, 899);
		assert_int_equal(spw__guard_spans(bed.guard), i + 2);
	}
	expect_content(&bed, 0, 30000);
	put(&bed, "again", 5, 500);
	expect_content(&bed, 0, 30000);
	assert_ok(spw__guard_reserve(bed.guard));
	spw__guard_drop(bed.guard, 0, UINT64_MAX);
	assert_int_equal(spw__guard_spans(bed.guard), 0);
	bed_fini(&bed);
}

/*
 * Of zeros the file shows the keystream itself. All that was ever seen, and
 * none of it may come again.
 */
struct seen {
	uint64_t words[WORDS];	/* open addressing; 0: free */
	size_t count;
};

static void see(struct seen *seen, uint64_t word)
{
	size_t i = (size_t)toy_mix(word) % WORDS;

	/* Of those beside a gap, or cut through, too little is keystream. */
	if (memchr(&word, 0, sizeof(word)))
		return;
	for (; seen->words[i]; i = (i + 1) % WORDS)
		assert_true(seen->words[i] != word);
	seen->words[i] = word;
	assert_true(++seen->count < WORDS / 2);
}

/* [first, end) was written: all of it anew, and what changed is new. */
static void look_for_old(struct bed *bed, struct seen *seen, uint64_t first,
    uint64_t end)
{
	uint8_t *old = malloc(SIZE);

	assert_non_null(old);
	memcpy(old, bed->raw, SIZE);
	memset(bed->raw, 0, SIZE);
	look_at_file(bed);
	for (size_t i = 0; i + 8 <= SIZE; i += 8) {
		uint64_t was, is;

		memcpy(&was, old + i, 8);
		memcpy(&is, bed->raw + i, 8);
		if (i >= first && i + 8 <= end)
			assert_true(is != was);
		if (is != was)
			see(seen, is);
	}
	free(old);
}

static void test_no_keystream_twice(void **state)
{
	static const uint8_t zeros[4096];
	struct seen *seen = calloc(1, sizeof(*seen));
	struct bed bed;

	(void)state;
	assert_non_null(seen);
	bed_init(&bed, 0);
	for (int i = 0; i < 400; i++) {
		uint64_t off = next_random(&bed.random) % 20000;
		size_t len = next_random(&bed.random) % 1500 + 1;
		uint64_t what = next_random(&bed.random) % 20;

		if (what == 0) {
			/* Cut off, to be written once more. */
			assert_ok(spw__guard_cut(
			    bed.guard, bed.at.fd, off));
			look_for_old(&bed, seen, 0, 0);
		} else if (what == 1) {
			/* The file went; another is in its place. */
			spw__guard_forget(bed.guard);
		} else {
			put(&bed, zeros, len, off);
			look_for_old(&bed, seen, off, off + len);
		}
	}
	bed_fini(&bed);
	free(seen);
}

/* Overwriting here and there keeps the content and few spans. */
static void test_many_overwrites(void **state)
{
	const size_t windows = SIZE / SPW__GUARD_WINDOW + 1;
	struct bed bed;

	(void)state;
	bed_init(&bed, 0);
	put(&bed, bed.bytes, SIZE, 0);
	for (int i = 0; i < 3000; i++) {
		uint8_t data[300];
		size_t len = next_random(&bed.random) % sizeof(data) + 1;
		uint64_t off = next_random(&bed.random) % (SIZE - len);

		memset(data, i, len);
		put(&bed, data, len, off);
		expect_content(&bed, off > 50 ? off - 50 : 0, 100);
		/* A write adds two to a window that is not full yet. */
		assert_true(spw__guard_spans(bed.guard) <=
		    windows * (SPW__GUARD_SPANS + 3));
	}
	expect_content(&bed, 0, SIZE);
	bed_fini(&bed);
}

/* Small appends with overwrites between them cannot be one span. */
/* A window that is written anew leaves holes of the file alone. */
static void test_tidying_fills_no_holes(void **state)
{
	static const uint8_t zeros[20000];
	struct bed bed;

	(void)state;
	bed_init(&bed, 0);
	memset(bed.bytes, 'x', 60000);
	put(&bed, bed.bytes, 60000, 0);
	assert_ok(spw__guard_reserve(bed.guard));
	spw__guard_drop(bed.guard, 10000, 30000);
	memset(bed.bytes + 10000, 0, 20000);
	assert_int_equal(pwrite(bed.at.fd, zeros, 20000, 10000), 20000);
	for (uint64_t i = 0; i < 2 * SPW__GUARD_SPANS; i++)
		put(&bed, "y", 1, i % 2 ? i * 10 : 40000 + i * 10);
	assert_true(spw__guard_spans(bed.guard) < 2 * SPW__GUARD_SPANS);
	expect_content(&bed, 0, 60000);
	look_at_file(&bed);
	assert_memory_equal(bed.raw + 10000, zeros, 20000);
	bed_fini(&bed);
}

static void test_appends_and_overwrites(void **state)
{
	struct bed bed;

	(void)state;
	bed_init(&bed, 0);
	for (uint64_t end = 0; end < 2 * SPW__GUARD_WINDOW; end += 100) {
		uint8_t data[100];

		memset(data, (int)end / 7, sizeof(data));
		put(&bed, data, sizeof(data), end);
		put(&bed, data, 1, 0);
		assert_true(spw__guard_spans(bed.guard) <=
		    3 * (SPW__GUARD_SPANS + 3));
	}
	expect_content(&bed, 0, 2 * SPW__GUARD_WINDOW);
	bed_fini(&bed);
}

/* Who reads the neighbours of what is overwritten reads what they are. */
struct neighbours {
	struct bed *bed;
	_Atomic bool done;
};

static void *read_neighbours(void *arg)
{
	struct neighbours *n = arg;
	uint8_t buf[3000];

	do {
		require(spw__guard_read(n->bed->guard, &n->bed->at, buf,
		    sizeof(buf), 0) == sizeof(buf));
		for (size_t i = 0; i < 1000; i++)
			require(buf[i] == 'n' && buf[2000 + i] == 'n');
		for (size_t i = 1000; i < 2000; i++)
			require(buf[i] == buf[1000]);
	} while (!atomic_load(&n->done));
	return NULL;
}

static void test_reading_beside_overwrites(void **state)
{
	struct bed bed;
	struct neighbours n = { .bed = &bed };

	(void)state;
	bed_init(&bed, 0);
	memset(bed.bytes, 'n', 10000);
	memset(bed.bytes + 1000, 0, 1000);
	put(&bed, bed.bytes, 10000, 0);
	pthread_t readers[2] = { start_thread(read_neighbours, &n),
		start_thread(read_neighbours, &n) };
	for (int i = 0; i < 500; i++) {
		uint8_t data[1000];

		memset(data, i, sizeof(data));
		put(&bed, data, sizeof(data), 1000);
		/* Many spans, so that it is tidied under their eyes. */
		put(&bed, "nn", 2, 2001 + (uint64_t)i % 400 * 2);
		put(&bed, "app", 3, 10000 + (uint64_t)i * 3);
	}
	atomic_store(&n.done, true);
	join_thread(readers[0]);
	join_thread(readers[1]);
	bed_fini(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ciphers_that_cannot_be),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_keys_differ),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_cutting),
		cmocka_unit_test(test_dropping),
		cmocka_unit_test(test_no_keystream_twice),
		cmocka_unit_test(test_many_overwrites),
		cmocka_unit_test(test_tidying_fills_no_holes),
		cmocka_unit_test(test_appends_and_overwrites),
		cmocka_unit_test(test_reading_beside_overwrites),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
