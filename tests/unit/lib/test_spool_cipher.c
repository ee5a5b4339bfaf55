/* SPDX-License-Identifier: MIT */
/*
 * Confidential spools: to the program they are as any other; the disk and
 * memory that was given back show nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <spillway/copy.h>

#include "spool.h"
#include "unit/lib/model.h"
#include "unit/lib/secret.h"
#include "unit/lib/toy.h"

#define LEN SECRETS_LEN

#define CIPHER_OPTS(w, ...) SPOOL_OPTS(w, .cipher = &toy_cipher, __VA_ARGS__)

static void fill(struct spw_spool *s)
{
	assert_ok(spw_spool_append(s, secrets(), LEN / 2));
	assert_ok(spw_spool_append(s, secrets() + LEN / 2, LEN - LEN / 2));
}

/* Look at the spool's file, whatever else is in it. Returns: its size. */
static size_t expect_no_secret(struct spw_spool *s)
{
	struct stat st;
	int fd = atomic_load(&s->fd);

	assert_true(fd >= 0);
	assert_ok(fstat(fd, &st));
	uint8_t *raw = malloc((size_t)st.st_size + 1);
	assert_non_null(raw);
	assert_int_equal(pread(fd, raw, (size_t)st.st_size, 0), st.st_size);
	assert_false(holds_secret(raw, (size_t)st.st_size));
	free(raw);
	return (size_t)st.st_size;
}

static void expect_content(struct spw_spool *s)
{
	void *all;
	size_t n;

	assert_ok(spw_spool_read_all(s, LEN, &all, &n));
	assert_int_equal(n, LEN);
	assert_memory_equal(all, secrets(), LEN);
	spw_free(all);
}

static void test_birth(void **state)
{
	struct spw_cipher c = toy_cipher;
	struct spw_spool *s;
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	c.key_bytes = 8;
	assert_err(spw_spool_new(SPOOL_OPTS(&w, .cipher = &c), &s), EINVAL);
	/* Without a directory nothing has to be encrypted. */
	assert_ok(spw_spool_new(&(struct spw_spool_opts){ .size =
	    sizeof(struct spw_spool_opts), .memory_max = SPW_UNLIMITED,
	    .cipher = &toy_cipher }, &s));
	fill(s);
	expect_content(s);
	spw_spool_unref(s);
	world_fini(&w);
}

/* The file, however the bytes came there. */
static void test_the_disk_shows_nothing(void **state)
{
	static const uint64_t limits[] = { 0, 50000, SPW_UNLIMITED };

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		struct spw_spool *s;
		struct world w;

		world_init(&w, &(struct world_opts){ .threads = i % 2 });
		assert_ok(spw_spool_new(CIPHER_OPTS(&w,
		    .memory_max = limits[i / 2]), &s));
		fill(s);
		assert_ok(spw_spool_rollover(s));
		assert_int_equal(expect_no_secret(s), LEN);
		expect_content(s);
		assert_ok(spw_spool_pwrite(s, SECRET, sizeof(SECRET) - 1, 0));
		assert_ok(spw_spool_pwrite(s, secrets(), LEN / 2, 0));
		assert_int_equal(expect_no_secret(s), LEN);
		assert_ok(spw_spool_truncate(s, LEN / 2));
		assert_ok(spw_spool_append(
		    s, secrets() + LEN / 2, LEN - LEN / 2));
		assert_ok(spw_spool_seal(s));
		assert_int_equal(expect_no_secret(s), LEN);
		expect_content(s);
		spw_spool_unref(s);
		world_fini(&w);
	}
}

static void test_sparse(void **state)
{
	struct spw_spool *s;
	struct world w;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		world_init(&w, &(struct world_opts){ 0 });
		assert_ok(spw_spool_new(CIPHER_OPTS(&w, .size_hint = LEN,
		    .memory_max = i * MIB, .flags = SPW_SPOOL_SPARSE), &s));
		assert_ok(spw_spool_pwrite(
		    s, secrets() + 1000, LEN - 1000, 1000));
		assert_ok(spw_spool_rollover(s));
		assert_ok(spw_spool_pwrite(s, secrets(), 1000, 0));
		expect_no_secret(s);
		expect_content(s);
		spw_spool_unref(s);
		world_fini(&w);
	}
}

/* Several spools in one file, one of them plain. */
static void test_segments(void **state)
{
	struct spw__pack p = { 0 };
	struct model m[4];
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	for (size_t i = 0; i < 4; i++) {
		const struct spw_cipher *c = i == 2 ? NULL : &toy_cipher;

		model_init(&m[i], MIB,
		    SPOOL_OPTS(&w, .memory_max = MIB, .cipher = c));
		if (i != 2) {
			memcpy(m[i].bytes, secrets(), 3000 + i);
			m[i].size = 3000 + i;
			assert_ok(spw_spool_append(
			    m[i].spool, m[i].bytes, m[i].size));
		}
		assert_ok(model_append(&m[i], i * 1000));
		assert_ok(model_seal(&m[i]));
		assert_true(spw__pack_add(&p, m[i].spool));
	}
	assert_ok(spw__pack_write(&p));
	assert_int_equal(dir_stats(&w).files, 1);
	for (size_t i = 0; i < 4; i++) {
		model_check(&m[i]);
		expect_no_secret(m[i].spool);
		assert_int_equal(
		    spool_info(m[i].spool).disk_bytes, m[i].size);
	}
	for (size_t i = 0; i < 4; i++)
		model_fini(&m[i]);
	world_fini(&w);
}

/* Nobody gets the file; a plain one still can be had. */
static void test_no_file(void **state)
{
	struct spw_spool *s;
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	assert_ok(spw_spool_new(CIPHER_OPTS(&w, .memory_max = 0), &s));
	fill(s);
	assert_ok(spw_spool_flush(s));
	assert_err(spw_spool_fd(s), EOPNOTSUPP);
	assert_err(spw_spool_file(s, 0, 1), EAGAIN);
	assert_err(spw_spool_file(s, 0, 0), EAGAIN);
	expect_content(s);
	spw_spool_unref(s);
	world_fini(&w);
}

/* What is saved is meant to be read, and another file. */
static void test_saving(void **state)
{
	struct spw_spool *s;
	struct world w;
	char path[160];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		char *buf = malloc(LEN);
		struct stat st, own;

		world_init(&w, &(struct world_opts){ 0 });
		snprintf(path, sizeof(path), "%s/name", w.path);
		assert_ok(spw_spool_new(CIPHER_OPTS(&w,
		    .memory_max = i / 2 * MIB), &s));
		fill(s);
		if (i % 2)
			assert_ok(spw_spool_seal(s));
		assert_ok(spw_spool_rollover(s));
		assert_ok(spw_spool_save(s, AT_FDCWD, path, 0600, 0));
		int fd = open(path, O_RDONLY);
		assert_true(fd >= 0);
		assert_non_null(buf);
		assert_int_equal(read(fd, buf, LEN), LEN);
		assert_memory_equal(buf, secrets(), LEN);
		assert_ok(fstat(fd, &st));
		assert_ok(fstat(atomic_load(&s->fd), &own));
		assert_int_not_equal(st.st_ino, own.st_ino);
		close(fd);
		free(buf);
		assert_ok(unlink(path));
		spw_spool_unref(s);
		world_fini(&w);
	}
}

static void test_clones(void **state)
{
	struct spw_spool *s, *c[4];
	struct world w;
	bool equal;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		world_init(&w, &(struct world_opts){ .budget = 8 * MIB });
		assert_ok(spw_spool_new(CIPHER_OPTS(&w,
		    .memory_max = i % 2 * MIB), &s));
		fill(s);
		if (i / 2)
			assert_ok(spw_spool_rollover(s));
		assert_ok(spw_spool_clone(s, NULL, &c[0]));
		/* Not told to, it is confidential all the same. */
		assert_ok(spw_spool_clone(
		    s, SPOOL_OPTS(&w, .memory_max = 0), &c[1]));
		assert_ok(spw_spool_snapshot(s, &c[2]));
		assert_ok(spw_spool_clone(c[2], NULL, &c[3]));
		assert_ok(spw_spool_truncate(s, 0));
		for (unsigned j = 0; j < 4; j++) {
			assert_ptr_equal(c[j]->opts.cipher, &toy_cipher);
			assert_int_equal(
			    spool_info(c[j]).spilled != SPW_SPILL_NONE,
			    j == 1 || i != 1);
			assert_ok(spw_spool_equal(c[j], c[0], &equal));
			assert_true(equal);
			if (j != 2)
				assert_ok(spw_spool_rollover(c[j]));
			if (atomic_load(&c[j]->fd) >= 0)
				expect_no_secret(c[j]);
			expect_content(c[j]);
			if (j > 0)
				assert_err(spw_spool_fd(c[j]), EOPNOTSUPP);
		}
		for (unsigned j = 0; j < 4; j++)
			spw_spool_unref(c[j]);
		spw_spool_unref(s);
		world_fini(&w);
	}
}

/* A plain one's clone may be confidential. */
static void test_a_confidential_clone(void **state)
{
	struct spw_spool *s, *c;
	struct world w;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		world_init(&w, &(struct world_opts){ 0 });
		assert_ok(spw_spool_new(SPOOL_OPTS(&w,
		    .memory_max = i * MIB), &s));
		fill(s);
		assert_ok(spw_spool_clone(
		    s, CIPHER_OPTS(&w, .memory_max = 1000), &c));
		assert_ok(spw_spool_rollover(c));
		expect_no_secret(c);
		expect_content(c);
		spw_spool_unref(c);
		spw_spool_unref(s);
		world_fini(&w);
	}
}

static void expect_wiped(const uint8_t *memory, size_t len)
{
	for (size_t i = 0; i < len; i++)
		assert_int_equal(memory[i], 0);
}

/* The budget keeps the memory: it can be looked at when it is free. */
static void test_memory_is_wiped(void **state)
{
	struct spw_spool *s;
	struct spw_pin pin, later;
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 64 * MIB });
	assert_ok(spw_spool_new(CIPHER_OPTS(&w,
	    .memory_max = SPW_UNLIMITED), &s));
	const uint8_t *guard = (const uint8_t *)s->guard;

	assert_ok(spw_spool_append(s, secrets(), 4000));
	assert_ok(spw_spool_pin(s, 0, 4000, &pin));
	const uint8_t *data = pin.data;
	/* It grows out of the block, which is gone with the pin. */
	assert_ok(spw_spool_append(s, secrets() + 4000, LEN - 4000));
	assert_memory_equal(data, secrets(), 4000);
	spw_spool_unpin(&pin);
	expect_wiped(data, 4096);

	/* It spills. */
	assert_ok(spw_spool_pin(s, 0, LEN, &later));
	data = later.data;
	spw_spool_unpin(&later);
	assert_true(holds_secret(data, LEN));
	assert_ok(spw_spool_rollover(s));
	expect_wiped(data, LEN);
	expect_content(s);

	/* And goes: its tail, and the key with all that is about it. */
	assert_ok(spw_spool_append(s, SECRET, sizeof(SECRET)));
	assert_ok(spw_spool_pin(s, LEN, sizeof(SECRET), &pin));
	data = pin.data;
	spw_spool_unpin(&pin);
	assert_string_equal((const char *)data, SECRET);
	spw_spool_unref(s);
	expect_wiped(data, sizeof(SECRET));
	expect_wiped(guard, SPW__BLOCK_MIN);
	world_fini(&w);
}

/* Is the memory at `p` left out of core dumps? */
static bool not_dumped(const void *p)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	char line[512];
	bool here = false, left_out = false;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		unsigned long first, end;

		if (sscanf(line, "%lx-%lx ", &first, &end) == 2)
			here = (uintptr_t)p >= first && (uintptr_t)p < end;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			left_out = strstr(line, " dd") != NULL;
	}
	fclose(f);
	return left_out;
}

static void test_core_dumps(void **state)
{
	struct spw_spool *s;
	struct spw_pin pin;
	struct world w;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		world_init(&w, &(struct world_opts){ .budget = i * MIB });
		assert_ok(spw_spool_new(CIPHER_OPTS(&w,
		    .memory_max = SPW_UNLIMITED), &s));
		fill(s);
		assert_ok(spw_spool_pin(s, 0, LEN, &pin));
		assert_true(not_dumped(pin.data));
		assert_true(not_dumped(s->guard));
		assert_false(not_dumped(&pin));
		spw_spool_unpin(&pin);
		spw_spool_unref(s);
		world_fini(&w);
	}
}

/* As many random steps as a plain spool would be given, with the array. */
static void random_steps(struct model *m, struct world *w, unsigned steps)
{
	for (unsigned i = 0; i < steps; i++) {
		uint64_t random = next_random(&m->random);
		size_t len = random >> 8 & 1 ? random % 200 : random % 30000;
		uint64_t off = next_random(&m->random) % (m->size + 2000);
		int r = 0;

		if (m->size > MIB)
			r = model_truncate(m, off % 1000);
		else if (random >> 16 & 3)
			r = model_append(m, len);
		else if (random >> 18 & 3)
			r = model_pwrite(m, len, off);
		else if (random >> 20 & 3)
			r = model_try_append(m, len);
		else if (random >> 22 & 1)
			r = model_truncate(m, off);
		else
			r = model_rollover(m);
		if (r == -EAGAIN)
			world_settle(w);
		else
			assert_ok(r);
	}
}

static void test_as_any_other_spool(void **state)
{
	static const uint64_t limits[] = { 0, 1000, 70000, 300000 };

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct world w;
		struct model m;

		world_init(&w, &(struct world_opts){ .budget = 4 * MIB,
		    .threads = i % 2 });
		model_init(&m, 2 * MIB, CIPHER_OPTS(&w,
		    .memory_max = limits[i / 2]));
		m.random += i;
		random_steps(&m, &w, 150);
		assert_ok(model_seal(&m));
		model_fini(&m);
		world_fini(&w);
	}
}

static void test_as_any_other_sparse_spool(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct world w;
		struct model m;

		world_init(&w, &(struct world_opts){ .budget = 4 * MIB });
		model_init(&m, MIB, CIPHER_OPTS(&w, .memory_max = i * MIB,
		    .size_hint = 100000, .flags = SPW_SPOOL_SPARSE));
		for (unsigned j = 0; j < 400; j++) {
			uint64_t off = next_random(&m.random) % 100000;
			size_t len = next_random(&m.random) % 400;

			if (len > 100000 - off)
				len = (size_t)(100000 - off);
			assert_ok(model_pwrite(&m, len, off));
			if (j == 200 && i == 2)
				assert_ok(model_rollover(&m));
		}
		model_fini(&m);
		world_fini(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_birth),
		cmocka_unit_test(test_the_disk_shows_nothing),
		cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_saving),
		cmocka_unit_test(test_clones),
		cmocka_unit_test(test_a_confidential_clone),
		cmocka_unit_test(test_memory_is_wiped),
		cmocka_unit_test(test_core_dumps),
		cmocka_unit_test(test_as_any_other_spool),
		cmocka_unit_test(test_as_any_other_sparse_spool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
