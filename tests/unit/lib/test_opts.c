/* SPDX-License-Identifier: MIT */
/*
 * Options of programs that were compiled with an older or a newer header, of
 * each call that takes some.
 */
#include "opts.h"

#include <errno.h>
#include <unistd.h>

#include <spillway/aio.h>
#include <spillway/copy.h>
#include <spillway/cipher.h>
#include <spillway/digest.h>
#include <spillway/keep.h>
#include <spillway/stream.h>
#include <spillway/tempfile.h>
#include <spillway/text.h>

#include "unit/lib/model.h"
#include "unit/lib/toy.h"

struct sample {
	size_t size;
	uint64_t a;
	uint32_t b, c;
};

static void test_taking(void **state)
{
	struct { struct sample s; uint64_t d[2]; } newer = {
		.s = { sizeof(newer), 1, 2, 3 } };
	union { struct sample s; uint8_t bytes[64]; } old = {
		.s = { sizeof(old.s), 1, 2, 3 } };
	struct sample to;

	(void)state;
	assert_err(spw__opts_take(&to, sizeof(to), NULL), EINVAL);
	assert_ok(spw__opts_take(&to, sizeof(to), &old));
	assert_memory_equal(&to, &old, sizeof(to));

	/* What they do not have is 0, whatever is behind it in memory. */
	old.s.size = offsetof(struct sample, b);
	assert_ok(spw__opts_take(&to, sizeof(to), &old));
	assert_int_equal(to.size, sizeof(to));
	assert_int_equal(to.a, 1);
	assert_int_equal(to.b, 0);
	assert_int_equal(to.c, 0);
	old.s.size = sizeof(size_t);
	assert_ok(spw__opts_take(&to, sizeof(to), &old));
	assert_int_equal(to.a, 0);

	/* What is new must not be wanted. */
	assert_ok(spw__opts_take(&to, sizeof(to), &newer));
	assert_int_equal(to.size, sizeof(to));
	assert_int_equal(to.c, 3);
	for (size_t i = 0; i < sizeof(newer.d); i++) {
		((uint8_t *)newer.d)[i] = 1;
		assert_err(spw__opts_take(&to, sizeof(to), &newer), EINVAL);
		((uint8_t *)newer.d)[i] = 0;
	}
}

static void test_sizes_that_are_none(void **state)
{
	static uint8_t from[2 * SPW__OPTS_MAX];
	const size_t sizes[] = { 0, 1, sizeof(size_t) - 1, sizeof(size_t) + 1,
		sizeof(struct sample) + 1, SPW__OPTS_MAX + sizeof(size_t),
		SIZE_MAX, SIZE_MAX - sizeof(size_t) + 1 };
	struct sample to = { .a = 7 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		memcpy(from, &sizes[i], sizeof(size_t));
		assert_err(spw__opts_take(&to, sizeof(to), from), EINVAL);
		assert_int_equal(to.a, 7);
	}
	size_t most = SPW__OPTS_MAX;
	memcpy(from, &most, sizeof(most));
	assert_ok(spw__opts_take(&to, sizeof(to), from));
}

static struct world world;

static int open_spool(const void *opts)
{
	struct spw_spool *s;
	int r = spw_spool_new(opts, &s);

	if (r == 0)
		spw_spool_unref(s);
	return r;
}

static int open_clone(const void *opts)
{
	struct spw_spool *s, *c;

	assert_ok(spw_spool_new(NULL, &s));
	int r = spw_spool_clone(s, opts, &c);
	if (r == 0)
		spw_spool_unref(c);
	spw_spool_unref(s);
	return r;
}

static int open_confidential(const void *cipher)
{
	return open_spool(SPOOL_OPTS(&world, .cipher = cipher));
}

static int open_budget(const void *opts)
{
	struct spw_budget *b;
	int r = spw_budget_new_with(opts, &b);

	if (r == 0)
		spw_budget_unref(b);
	return r;
}

static int open_dir(const void *opts)
{
	struct spw_dir *d;
	int r = spw_dir_open(opts, &d);

	if (r == 0)
		spw_dir_unref(d);
	return r;
}

static int open_first(const void *opts)
{
	const char *path = world.path;
	struct spw_dir *d;
	int r = spw_dir_open_first(opts, &path, 1, &d);

	if (r == 0)
		spw_dir_unref(d);
	return r;
}

static int open_stream(const void *opts)
{
	struct spw_stream *s;
	int r = spw_stream_new(opts, &s);

	if (r == 0)
		spw_stream_unref(s);
	return r;
}

static int open_text(const void *opts)
{
	struct spw_text *t = NULL;
	struct spw_spool *s;

	assert_ok(spw_spool_new(NULL, &s));
	int r = spw_text_new(s, opts, &t);
	spw_text_free(t);
	spw_spool_unref(s);
	return r;
}

static int open_aio(const void *opts)
{
	struct spw_aio *q;
	int r = spw_aio_open(opts, &q);

	if (r == 0)
		spw_aio_closep(&q);
	return r;
}

static int open_keep(const void *opts)
{
	struct spw_keep *k;
	int r = spw_keep_open(opts, &k);

	if (r == 0)
		spw_keep_unref(k);
	return r;
}

static int open_temp_file(const void *opts)
{
	int fd = spw_temp_file(opts);

	return fd < 0 ? fd : close(fd);
}

static int open_named(const void *opts)
{
	struct spw_tempfile *t = NULL;
	int r = spw_tempfile_open(opts, &t);

	spw_tempfile_free(t);
	return r;
}

static int open_tempdir(const void *opts)
{
	struct spw_tempdir *d = NULL;
	int r = spw_tempdir_open(opts, &d);

	spw_tempdir_free(d);
	return r;
}

static int open_digest(const void *algo)
{
	struct spw_digest *d;
	struct spw_spool *s;

	assert_ok(spw_spool_new(NULL, &s));
	int r = spw_digest_open(s, algo, &d);
	if (r == 0)
		spw_digest_close(d);
	spw_spool_unref(s);
	return r;
}

static ssize_t read_nothing(void *user_data, void *buf, size_t len)
{
	(void)user_data;
	(void)buf;
	(void)len;
	return 0;
}

/* A struct, and room for what may come. */
union any {
	size_t size;
	struct spw_spool_opts spool;
	struct spw_budget_opts budget;
	struct spw_dir_opts dir;
	struct spw_stream_opts stream;
	struct spw_text_opts text;
	struct spw_aio_opts aio;
	struct spw_keep_opts keep;
	struct spw_temp_opts temp;
	struct spw_cipher cipher;
	struct spw_digest_algo algo;
	uint8_t bytes[512];
};

static void try(const union any *good, int (*open)(const void *opts))
{
	union any opts = *good;
	size_t size = good->size;

	assert_ok(open(&opts));
	for (size_t more = sizeof(size); more <= 64; more += sizeof(size)) {
		opts.size = size + more;
		assert_ok(open(&opts));
		opts.bytes[size + more - 1] = 1;
		assert_err(open(&opts), EINVAL);
		opts.bytes[size + more - 1] = 0;
	}
	opts.size = 0;
	assert_err(open(&opts), EINVAL);
	opts.size = size + 1;
	assert_err(open(&opts), EINVAL);
}

static void test_newer_programs(void **state)
{
	union any spool = { .spool = { .size = sizeof(spool.spool) } };
	union any budget = { .budget = { .size = sizeof(budget.budget),
	    .limit_bytes = 1 } };
	union any dir = { .dir = { .size = sizeof(dir.dir) } };
	union any stream = { .stream = { .size = sizeof(stream.stream),
	    .read = read_nothing } };
	union any text = { .text = { .size = sizeof(text.text) } };
	union any aio = { .aio = { .size = sizeof(aio.aio) } };
	union any keep = { .keep = { .size = sizeof(keep.keep) } };
	union any temp = { .temp = { .size = sizeof(temp.temp) } };
	union any cipher = { .cipher = toy_cipher };
	union any algo = { .algo = *spw_digest_crc32c() };

	(void)state;
	world_init(&world, &(struct world_opts){ .threads = 1 });
	dir.dir.path = keep.keep.path = temp.temp.dir = world.path;
	aio.aio.pool = world.pool;
	try(&spool, open_spool);
	try(&spool, open_clone);
	try(&cipher, open_confidential);
	try(&budget, open_budget);
	try(&dir, open_dir);
	try(&dir, open_first);
	try(&stream, open_stream);
	try(&text, open_text);
	try(&aio, open_aio);
	try(&keep, open_keep);
	try(&temp, open_temp_file);
	try(&temp, open_named);
	try(&temp, open_tempdir);
	try(&algo, open_digest);
	world_fini(&world);
}

/* One that knows nothing of ciphers has none, whatever lies behind. */
static void test_an_older_program(void **state)
{
	struct spw_spool_opts opts = {
		.size = offsetof(struct spw_spool_opts, cipher),
		.memory_max = SPW_UNLIMITED,
		.cipher = (const struct spw_cipher *)(const void *)"junk",
	};
	struct spw_spool *s;
	char byte;

	(void)state;
	assert_ok(spw_spool_new(&opts, &s));
	assert_ok(spw_spool_append(s, "x", 1));
	assert_int_equal(spw_spool_pread(s, &byte, 1, 0), 1);
	spw_spool_unref(s);

	struct spw_temp_opts temp = {
		.size = offsetof(struct spw_temp_opts, flags),
		.flags = ~0u,
	};
	assert_ok(open_temp_file(&temp));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taking),
		cmocka_unit_test(test_sizes_that_are_none),
		cmocka_unit_test(test_newer_programs),
		cmocka_unit_test(test_an_older_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
