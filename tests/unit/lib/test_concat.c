/* SPDX-License-Identifier: MIT */
/* What a concatenation is made of, what it owns, and what it says when a
   source does not keep what its piece promised. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <spillway/concat.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

/* A file of `len` bytes of the content, without a name. */
static int content_file(const struct world *w, size_t len)
{
	uint8_t *p = malloc(len);
	assert_non_null(p);
	int fd = open(w->path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	assert_ok(fd);
	fill_content(p, len, 0);
	assert_int_equal(write(fd, p, len), len);
	free(p);
	return fd;
}

static struct spw_spool *content_spool(const struct world *w, size_t len)
{
	struct spw_spool *s;
	uint8_t *p = malloc(len);
	assert_non_null(p);

	fill_content(p, len, 0);
	assert_ok(spw_spool_new(SPOOL_OPTS(w, .memory_max = MIB), &s));
	assert_ok(spw_spool_append(s, p, len));
	free(p);
	return s;
}

static struct spw_concat *concat_of(const struct spw_part *parts, size_t n)
{
	struct spw_concat *c;

	assert_ok(spw_concat_new(parts, n, &c));
	return c;
}

static void test_bad_descriptors(void **state)
{
	struct spw_concat *c = NULL;
	struct world w;
	int ends[2];

	(void)state;
	world_init(&w, &(struct world_opts){ .no_dir = true });
	struct spw_part part = { .fd = -1, .len = 1 };
	assert_err(spw_concat_new(&part, 1, &c), EBADF);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	part.fd = ends[0];
	assert_err(spw_concat_new(&part, 1, &c), ESPIPE);
	close(ends[0]);
	close(ends[1]);
	part.fd = open(w.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_err(spw_concat_new(&part, 1, &c), EISDIR);
	close(part.fd);
	part.fd = open(w.path, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	assert_err(spw_concat_new(&part, 1, &c), EBADF);
	close(part.fd);

	/* A device has no end, but pieces of it may be read. */
	part = (struct spw_part){ .fd = open("/dev/zero", O_RDONLY | O_CLOEXEC),
		.len = SPW_UNLIMITED };
	assert_err(spw_concat_new(&part, 1, &c), EINVAL);
	assert_null(c);
	part.len = 3;
	c = concat_of(&part, 1);
	close(part.fd);
	char buf[4] = "xxxx";
	assert_int_equal(spw_concat_read(c, buf, 4), 3);
	assert_memory_equal(buf, "\0\0\0x", 4);
	spw_concat_unref(c);
	spw_concat_unref(NULL);
	world_fini(&w);
}

/* Sizes are those of the moment, and stay. */
static void test_open_ends(void **state)
{
	struct spw_spool *sparse;
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	struct spw_spool *s = content_spool(&w, 100);
	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = MIB,
	    .size_hint = 1000, .flags = SPW_SPOOL_SPARSE), &sparse));
	int fd = content_file(&w, 50);
	const struct spw_part parts[] = {
		{ .spool = s, .off = 10, .len = SPW_UNLIMITED },
		{ .spool = s, .off = 101, .len = SPW_UNLIMITED },
		{ .fd = fd, .off = 20, .len = SPW_UNLIMITED },
		{ .fd = fd, .off = 51, .len = SPW_UNLIMITED },
		{ .spool = sparse, .off = 900, .len = SPW_UNLIMITED },
	};
	struct spw_concat *c = concat_of(parts, 5);
	assert_int_equal(spw_concat_size(c), 90 + 30 + 100);
	assert_ok(spw_spool_append(s, "more", 4));
	assert_int_equal(write(fd, "more", 4), 4);
	assert_int_equal(spw_concat_size(c), 90 + 30 + 100);

	uint8_t buf[120];
	assert_int_equal(spw_concat_pread(c, buf, 120, 0), 120);
	assert_true(is_content(buf, 90, 10));
	assert_true(is_content(buf + 90, 30, 20));
	close(fd);
	spw_concat_unref(c);
	spw_spool_unref(sparse);
	spw_spool_unref(s);
	world_fini(&w);
}

/* It is there as long as somebody holds it, whoever else let go. */
static void test_references(void **state)
{
	struct world w;
	uint8_t buf[60];

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	struct spw_spool *s = content_spool(&w, 30);
	int fd = content_file(&w, 30);
	const struct spw_part parts[] = { { .spool = s, .len = 30 },
		{ .fd = fd, .len = 30 } };
	struct spw_concat *c = concat_of(parts, 2);
	spw_spool_unref(s);
	close(fd);
	assert_ptr_equal(spw_concat_ref(c), c);
	spw_concat_unref(c);
	assert_int_equal(spw_concat_read(c, buf, 100), 60);
	assert_true(is_content(buf, 30, 0) && is_content(buf + 30, 30, 0));
	spw_concat_unrefp(&c);
	world_fini(&w);
}

static void test_what_is_not_there_yet(void **state)
{
	struct world w;
	char buf[10];

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	struct spw_spool *s = content_spool(&w, 5);
	const struct spw_part parts[] = { { .spool = s, .len = 8 },
		{ .spool = s, .len = 2 } };
	struct spw_concat *c = concat_of(parts, 2);
	assert_int_equal(spw_concat_read(c, buf, 10), 5);
	assert_err(spw_concat_read(c, buf, 10), EAGAIN);
	assert_err(spw_concat_readline(c, buf, 10), EAGAIN);
	assert_int_equal(spw_concat_tell(c), 5);
	assert_ok(spw_spool_append(s, "\nab", 3));

	/* The line that could not be completed is whole now. */
	assert_int_equal(spw_concat_seek(c, 0, SPW_SEEK_SET), 0);
	assert_int_equal(spw_concat_readline(c, buf, 10), 6);
	assert_int_equal(buf[5], '\n');
	assert_int_equal(spw_concat_read(c, buf, 10), 4);
	spw_concat_unref(c);
	spw_spool_unref(s);
	world_fini(&w);
}

/* Never an end in the middle: a source that gives up early is an error. */
static void test_broken_promises(void **state)
{
	struct world w;
	char buf[10];

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	struct spw_spool *s = content_spool(&w, 5);
	struct spw_spool *failed = content_spool(&w, 5);
	int fd = content_file(&w, 5);
	assert_ok(spw_spool_seal(s));
	spw_spool_fail(failed, -ECONNRESET);
	const struct spw_part parts[] = { { .spool = s, .len = 6 },
		{ .spool = failed, .len = 6 }, { .fd = fd, .len = 6 } };
	struct spw_concat *c = concat_of(parts, 3);
	assert_int_equal(spw_concat_pread(c, buf, 10, 0), 5);
	assert_err(spw_concat_pread(c, buf, 10, 5), EIO);
	assert_int_equal(spw_concat_pread(c, buf, 10, 6), 5);
	assert_err(spw_concat_pread(c, buf, 10, 11), ECONNRESET);
	assert_int_equal(spw_concat_pread(c, buf, 10, 12), 5);
	assert_err(spw_concat_pread(c, buf, 10, 17), EIO);
	assert_int_equal(spw_concat_pread(c, buf, 10, 18), 0);
	close(fd);
	spw_concat_unref(c);
	spw_spool_unref(failed);
	spw_spool_unref(s);
	world_fini(&w);
}

/* Send all the pieces by themselves: pins, files, descriptors. */
static size_t walk(struct spw_concat *c, uint8_t *buf)
{
	struct spw_part part;
	struct spw_pin pin;
	uint64_t off = 0;

	for (; spw_concat_part(c, off, &part); off += part.len) {
		size_t len = (size_t)part.len;

		if (!part.spool) {
			assert_int_equal(pread(part.fd, buf + off, len,
			    (off_t)part.off), len);
			continue;
		}
		assert_int_equal(part.fd, -1);
		if (spw_spool_pin(part.spool, part.off, len, &pin) == 0) {
			memcpy(buf + off, pin.data, len);
			spw_spool_unpin(&pin);
			continue;
		}
		int fd = spw_spool_file(part.spool, part.off, len);
		assert_ok(fd);
		assert_int_equal(pread(
		    fd, buf + off, len, (off_t)part.off), len);
	}
	return (size_t)off;
}

static void test_walking(void **state)
{
	struct spw_part part;
	struct world w;
	uint8_t buf[1000];

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	struct spw_spool *memory = content_spool(&w, 500);
	struct spw_spool *disk = content_spool(&w, 500);
	int fd = content_file(&w, 500);
	assert_ok(spw_spool_rollover(disk));
	const struct spw_part parts[] = {
		{ .spool = memory, .off = 0, .len = 100 },
		{ .spool = disk, .off = 100, .len = 0 },
		{ .spool = disk, .off = 100, .len = 200 },
		{ .fd = fd, .off = 300, .len = 200 },
	};
	struct spw_concat *c = concat_of(parts, 4);
	assert_int_equal(walk(c, buf), 500);
	assert_true(is_content(buf, 500, 0));

	assert_int_equal(spw_concat_part(c, 250, &part), 1);
	assert_ptr_equal(part.spool, disk);
	assert_int_equal(part.off, 250);
	assert_int_equal(part.len, 50);
	assert_int_equal(spw_concat_part(c, 500, &part), 0);
	assert_int_equal(spw_concat_part(c, UINT64_MAX, &part), 0);
	close(fd);
	spw_concat_unref(c);
	spw_spool_unref(disk);
	spw_spool_unref(memory);
	world_fini(&w);
}

/* Random pieces against an array. */
static void test_random_pieces(void **state)
{
	uint64_t random = 88172645463325252u;
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	struct spw_spool *s = content_spool(&w, 3000);
	int fd = content_file(&w, 3000);
	for (int round = 0; round < 200; round++) {
		struct spw_part parts[9];
		uint8_t all[9 * 100], buf[9 * 100];
		size_t size = 0, count = next_random(&random) % 10;

		for (size_t i = 0; i < count; i++) {
			size_t off = next_random(&random) % 2900;
			size_t len = next_random(&random) % 100;

			parts[i] = (struct spw_part){ .off = off, .len = len,
				.spool = i % 2 ? s : NULL, .fd = fd };
			fill_content(all + size, len, off);
			size += len;
		}
		struct spw_concat *c = concat_of(parts, count);
		assert_int_equal(spw_concat_size(c), size);
		for (int i = 0; i < 20; i++) {
			size_t off = next_random(&random) % (size + 1);
			size_t len = next_random(&random) % (size + 10);
			size_t want = len < size - off ? len : size - off;

			assert_int_equal(
			    spw_concat_pread(c, buf, len, off), want);
			assert_memory_equal(buf, all + off, want);
		}
		spw_concat_unref(c);
	}
	close(fd);
	spw_spool_unref(s);
	world_fini(&w);
}

/* Lines longer than what is looked at in one go. */
static void test_long_lines(void **state)
{
	struct world w;
	struct spw_spool *s;
	char text[1700], buf[1700];

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	memset(text, 'x', sizeof(text));
	text[255] = text[256] = text[1400] = '\n';
	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = MIB), &s));
	assert_ok(spw_spool_append(s, text, sizeof(text)));
	const struct spw_part parts[] = { { .spool = s, .len = 700 },
		{ .spool = s, .off = 700, .len = 1000 } };
	struct spw_concat *c = concat_of(parts, 2);
	assert_int_equal(spw_concat_readline(c, buf, sizeof(buf)), 256);
	assert_int_equal(spw_concat_readline(c, buf, sizeof(buf)), 1);
	assert_int_equal(spw_concat_readline(c, buf, sizeof(buf)), 1144);
	assert_memory_equal(buf, text + 257, 1144);
	assert_int_equal(spw_concat_readline(c, buf, sizeof(buf)), 299);
	assert_int_equal(spw_concat_readline(c, buf, sizeof(buf)), 0);
	spw_concat_unref(c);
	spw_spool_unref(s);
	world_fini(&w);
}

static void *read_all(void *arg)
{
	struct spw_concat *c = spw_concat_ref(arg);
	uint8_t buf[300];

	for (int i = 0; i < 200; i++) {
		require(spw_concat_pread(c, buf, 300, 0) == 200);
		require(is_content(buf, 100, 0));
		require(is_content(buf + 100, 100, 50));
	}
	spw_concat_unref(c);
	return NULL;
}

static void test_many_readers(void **state)
{
	struct world w;
	pthread_t ids[4];

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	struct spw_spool *s = content_spool(&w, 200);
	const struct spw_part parts[] = { { .spool = s, .len = 100 },
		{ .spool = s, .off = 50, .len = 100 } };
	struct spw_concat *c = concat_of(parts, 2);
	for (int i = 0; i < 4; i++)
		ids[i] = start_thread(read_all, c);
	assert_ok(spw_spool_rollover(s));
	for (int i = 0; i < 4; i++)
		join_thread(ids[i]);
	spw_concat_unref(c);
	spw_spool_unref(s);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_descriptors),
		cmocka_unit_test(test_open_ends),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_what_is_not_there_yet),
		cmocka_unit_test(test_broken_promises),
		cmocka_unit_test(test_walking),
		cmocka_unit_test(test_random_pieces),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_many_readers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
