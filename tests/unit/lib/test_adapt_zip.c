/* SPDX-License-Identifier: MIT */
/* libzip over spools: archives read, made, changed, and commits that fail. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zip.h>

#include <spillway/zip.h>

#include "unit/lib/model.h"

static zip_source_t *archive_source(struct spw_spool **slot,
    const struct spw_spool_opts *opts)
{
	zip_source_t *src;

	assert_ok(spw_zip_archive_new(slot, opts, &src));
	return src;
}

static zip_source_t *content_source(struct spw_spool *s)
{
	zip_source_t *src;

	assert_ok(spw_zip_source_new(s, &src));
	return src;
}

/* Open what must open; the archive has the source then. */
static zip_t *open_zip(zip_source_t *src, int flags)
{
	zip_error_t error;

	zip_error_init(&error);
	zip_t *za = zip_open_from_source(src, flags, &error);
	if (!za)
		fail_msg("%s", zip_error_strerror(&error));
	return za;
}

/* What must not open. Returns: libzip's error; the system's in `*ret`. */
static int open_error(zip_source_t *src, int flags, int *ret)
{
	zip_error_t error;

	zip_error_init(&error);
	assert_null(zip_open_from_source(src, flags, &error));
	zip_source_free(src);
	*ret = zip_error_code_system(&error);
	int code = zip_error_code_zip(&error);
	zip_error_fini(&error);
	return code;
}

static void add_member(zip_t *za, const char *name, const char *text)
{
	zip_source_t *src = zip_source_buffer(za, text, strlen(text), 0);

	assert_non_null(src);
	assert_true(zip_file_add(za, name, src, 0) >= 0);
}

static void add_spool(zip_t *za, const char *name, struct spw_spool *s)
{
	assert_true(zip_file_add(za, name, content_source(s), 0) >= 0);
}

static void close_zip(zip_t *za)
{
	if (zip_close(za) < 0)
		fail_msg("%s", zip_strerror(za));
}

/* Compare a member with what it should be. */
static void check_member(zip_t *za, const char *name, const void *bytes,
    size_t size)
{
	uint8_t *buf = malloc(size + 1);
	zip_file_t *f = zip_fopen(za, name, 0);

	assert_non_null(buf);
	assert_non_null(f);
	size_t got = 0;
	zip_int64_t n;
	while ((n = zip_fread(f, buf + got, size + 1 - got)) > 0)
		got += (size_t)n;
	assert_int_equal(n, 0);
	assert_int_equal(got, size);
	assert_memory_equal(buf, bytes, size);
	assert_int_equal(zip_fclose(f), 0);
	free(buf);
}

static void check_text(zip_t *za, const char *name, const char *text)
{
	check_member(za, name, text, strlen(text));
}

/* An archive of one member, a.txt = "first". */
static struct spw_spool *make_archive(const struct spw_spool_opts *opts)
{
	struct spw_spool *slot = NULL;
	zip_t *za = open_zip(archive_source(&slot, opts), ZIP_CREATE);

	add_member(za, "a.txt", "first");
	assert_null(slot);
	close_zip(za);
	assert_non_null(slot);
	assert_int_equal(spw_spool_state(slot), SPW_STATE_SEALED);
	return slot;
}

static void check_is_first(struct spw_spool *s)
{
	zip_t *za = open_zip(content_source(s), ZIP_RDONLY | ZIP_CHECKCONS);

	assert_int_equal(zip_get_num_entries(za, 0), 1);
	check_text(za, "a.txt", "first");
	zip_discard(za);
}

static void in_every_phase(
    void (*body)(struct world *w, const struct spw_spool_opts *opts))
{
	static const uint64_t phases[] = { SPW_UNLIMITED, 0, 5000 };

	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		struct world w;

		world_init(&w, &(struct world_opts){ .budget = 8 * MIB });
		body(&w, SPOOL_OPTS(&w, .memory_max = phases[i]));
		world_fini(&w);
	}
}

static void test_arguments(void **state)
{
	struct spw_spool *s, *slot = NULL;
	struct zip_source *src = NULL;
	struct spw_spool_opts opts = { .size = sizeof(opts) };

	(void)state;
	assert_ok(spw_spool_new(NULL, &s));
	assert_err(spw_zip_source_new(NULL, &src), EINVAL);
	assert_err(spw_zip_source_new(s, NULL), EINVAL);
	assert_err(spw_zip_archive_new(NULL, NULL, &src), EINVAL);
	assert_err(spw_zip_archive_new(&slot, NULL, NULL), EINVAL);
	opts.size = 1;
	assert_err(spw_zip_archive_new(&slot, &opts, &src), EINVAL);
	opts = (struct spw_spool_opts){ .size = sizeof(opts),
		.flags = SPW_SPOOL_SPARSE, .size_hint = 10 };
	assert_err(spw_zip_archive_new(&slot, &opts, &src), EINVAL);
	opts.flags = SPW_SPOOL_ON_DISK;
	assert_err(spw_zip_archive_new(&slot, &opts, &src), ENOBUFS);
	assert_null(src);
	assert_null(slot);
	/* Nobody takes it: it holds nothing back. */
	zip_source_free(content_source(s));
	zip_source_free(archive_source(&slot, NULL));
	spw_spool_unref(s);
}

static void making(struct world *w, const struct spw_spool_opts *opts)
{
	struct spw_spool *s = make_archive(opts);
	struct spw_spool_info info = spool_info(s);

	(void)w;
	if (!opts->memory_max)
		assert_int_equal(info.disk_bytes, info.size);
	check_is_first(s);
	spw_spool_unref(s);
}

static void test_making(void **state)
{
	(void)state;
	in_every_phase(making);
}

/* Who holds the old archive keeps it; the slot has the new one. */
static void changing(struct world *w, const struct spw_spool_opts *opts)
{
	struct spw_spool *slot = make_archive(opts);
	struct spw_spool *old = spw_spool_ref(slot);

	(void)w;
	zip_t *za = open_zip(archive_source(&slot, opts), ZIP_CHECKCONS);
	check_text(za, "a.txt", "first");
	add_member(za, "b.txt", "second");
	close_zip(za);
	assert_ptr_not_equal(slot, old);
	check_is_first(old);
	spw_spool_unref(old);

	za = open_zip(archive_source(&slot, opts), ZIP_CHECKCONS);
	check_text(za, "a.txt", "first");
	check_text(za, "b.txt", "second");
	assert_int_equal(zip_file_rename(za, 1, "c.txt", 0), 0);
	assert_int_equal(zip_delete(za, 0), 0);
	close_zip(za);

	za = open_zip(content_source(slot), ZIP_RDONLY | ZIP_CHECKCONS);
	assert_int_equal(zip_get_num_entries(za, 0), 1);
	check_text(za, "c.txt", "second");
	zip_discard(za);
	spw_spool_unref(slot);
}

static void test_changing(void **state)
{
	(void)state;
	in_every_phase(changing);
}

static void test_what_changes_nothing(void **state)
{
	struct spw_spool *slot = make_archive(NULL);
	struct spw_spool *old = slot;

	(void)state;
	zip_t *za = open_zip(archive_source(&slot, NULL), 0);
	add_member(za, "b.txt", "second");
	zip_discard(za);
	assert_ptr_equal(slot, old);

	za = open_zip(archive_source(&slot, NULL), 0);
	close_zip(za);
	assert_ptr_equal(slot, old);
	check_is_first(slot);
	spw_spool_unref(slot);
}

static void test_starting_anew(void **state)
{
	struct spw_spool *slot = make_archive(NULL);

	(void)state;
	zip_t *za = open_zip(archive_source(&slot, NULL), ZIP_TRUNCATE);
	assert_int_equal(zip_get_num_entries(za, 0), 0);
	add_member(za, "z.txt", "other");
	check_is_first(slot);
	close_zip(za);
	za = open_zip(content_source(slot), ZIP_RDONLY);
	assert_int_equal(zip_get_num_entries(za, 0), 1);
	check_text(za, "z.txt", "other");
	zip_discard(za);
	spw_spool_unref(slot);
}

/* Without its last member an archive is gone, as libzip has it for files. */
static void test_removing(void **state)
{
	struct spw_spool *slot = make_archive(NULL);

	(void)state;
	zip_t *za = open_zip(archive_source(&slot, NULL), 0);
	assert_int_equal(zip_delete(za, 0), 0);
	close_zip(za);
	assert_null(slot);
}

static void test_what_is_no_archive(void **state)
{
	struct spw_spool *slot = NULL;
	int error;

	(void)state;
	assert_int_equal(open_error(archive_source(&slot, NULL), 0, &error),
	    ZIP_ER_NOENT);
	assert_null(slot);
	assert_ok(spw_spool_new(NULL, &slot));
	assert_ok(spw_spool_append(slot, "not an archive at all", 21));
	assert_int_equal(open_error(content_source(slot), 0, &error),
	    ZIP_ER_NOZIP);
	assert_int_equal(open_error(archive_source(&slot, NULL), ZIP_EXCL |
	    ZIP_CREATE, &error), ZIP_ER_EXISTS);

	/* An empty spool is an archive in which nothing is yet. */
	assert_ok(spw_spool_truncate(slot, 0));
	zip_t *za = open_zip(archive_source(&slot, NULL), 0);
	add_member(za, "a.txt", "first");
	close_zip(za);
	check_is_first(slot);
	spw_spool_unref(slot);
}

static void test_read_only(void **state)
{
	struct spw_spool *s = make_archive(NULL);

	(void)state;
	zip_t *za = open_zip(content_source(s), 0);
	zip_source_t *more = zip_source_buffer(za, "x", 1, 0);
	assert_true(zip_file_add(za, "x", more, 0) < 0);
	zip_source_free(more);
	assert_int_equal(zip_error_code_zip(zip_get_error(za)),
	    ZIP_ER_RDONLY);
	zip_discard(za);

	/* Two at a time do not disturb each other. */
	zip_t *both[] = { open_zip(content_source(s), 0),
		open_zip(content_source(s), 0) };
	spw_spool_unref(s);
	zip_file_t *f = zip_fopen(both[0], "a.txt", 0);
	char c;
	assert_int_equal(zip_fread(f, &c, 1), 1);
	check_text(both[1], "a.txt", "first");
	assert_int_equal(zip_fread(f, &c, 1), 1);
	assert_int_equal(c, 'i');
	zip_fclose(f);
	zip_discard(both[0]);
	zip_discard(both[1]);
}

/* A spool as a member, larger than every buffer on the way. */
static void members(struct world *w, const struct spw_spool_opts *opts)
{
	struct model m;
	struct spw_spool *slot = NULL;

	(void)w;
	model_init(&m, MIB, opts);
	assert_ok(model_append(&m, 700 * KIB + 7));
	assert_ok(model_seal(&m));
	zip_t *za = open_zip(archive_source(&slot, opts), ZIP_CREATE);
	add_spool(za, "once", m.spool);
	add_spool(za, "twice", m.spool);
	close_zip(za);
	za = open_zip(content_source(slot), ZIP_RDONLY | ZIP_CHECKCONS);
	check_member(za, "once", m.bytes, m.size);
	check_member(za, "twice", m.bytes, m.size);
	zip_discard(za);
	spw_spool_unref(slot);
	model_fini(&m);
}

static void test_members(void **state)
{
	(void)state;
	in_every_phase(members);
}

static void check_close_fails(zip_t *za, int error)
{
	assert_int_equal(zip_close(za), -1);
	assert_int_equal(zip_error_code_system(zip_get_error(za)), error);
}

/* What broke off is never archived as if it were whole. */
static void test_a_broken_member(void **state)
{
	struct spw_spool *s, *slot = make_archive(NULL);

	(void)state;
	assert_ok(spw_spool_new(NULL, &s));
	assert_ok(spw_spool_append(s, "half of", 7));
	spw_spool_fail(s, -ECONNRESET);
	zip_t *za = open_zip(archive_source(&slot, NULL), 0);
	add_spool(za, "broken", s);
	check_close_fails(za, ECONNRESET);
	check_is_first(slot);
	zip_discard(za);
	spw_spool_unref(s);
	spw_spool_unref(slot);
}

/* Fill up the directory, as far as it goes. */
static struct spw_spool *fill_disk(struct world *w)
{
	static const char zeros[1000];
	struct spw_spool *s;

	assert_ok(spw_spool_new(SPOOL_OPTS(w, .flags = SPW_SPOOL_ON_DISK), &s));
	while (spw_spool_append(s, zeros, sizeof(zeros)) == 0)
		;
	return s;
}

/* The old archive stays; with room again the same close succeeds. */
static void test_a_full_disk(void **state)
{
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ .quota = 2 * MIB });
	const struct spw_spool_opts *opts = SPOOL_OPTS(&w, .memory_max = 0);
	struct spw_spool *slot = make_archive(opts), *old = slot;
	model_init(&m, MIB, NULL);
	assert_ok(model_append(&m, 700 * KIB));
	assert_ok(model_seal(&m));

	zip_t *za = open_zip(archive_source(&slot, opts), 0);
	add_spool(za, "large", m.spool);
	struct spw_spool *filler = fill_disk(&w);
	check_close_fails(za, EDQUOT);
	assert_int_equal(zip_error_code_zip(zip_get_error(za)), ZIP_ER_WRITE);
	assert_ptr_equal(slot, old);
	check_is_first(slot);

	spw_spool_unref(filler);
	close_zip(za);
	assert_ptr_not_equal(slot, old);
	za = open_zip(content_source(slot), ZIP_RDONLY | ZIP_CHECKCONS);
	check_text(za, "a.txt", "first");
	check_member(za, "large", m.bytes, m.size);
	zip_discard(za);
	spw_spool_unref(slot);
	model_fini(&m);
	world_fini(&w);
}

static void test_limits(void **state)
{
	const struct spw_spool_opts opts = { .size = sizeof(opts),
		.memory_max = SPW_UNLIMITED, .size_max = 30 };
	struct spw_spool *slot = NULL;

	(void)state;
	zip_t *za = open_zip(archive_source(&slot, &opts), ZIP_CREATE);
	add_member(za, "a.txt", "first");
	check_close_fails(za, EFBIG);
	assert_null(slot);
	zip_discard(za);
}

/* A hole is no content: the archive waits for another day. */
static void test_sparse(void **state)
{
	const struct spw_spool_opts opts = { .size = sizeof(opts),
		.memory_max = SPW_UNLIMITED, .flags = SPW_SPOOL_SPARSE,
		.size_hint = 5000 };
	struct spw_spool *s;
	int error;

	(void)state;
	assert_ok(spw_spool_new(&opts, &s));
	assert_int_equal(open_error(content_source(s), 0, &error),
	    ZIP_ER_READ);
	assert_int_equal(error, EAGAIN);
	spw_spool_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_making),
		cmocka_unit_test(test_changing),
		cmocka_unit_test(test_what_changes_nothing),
		cmocka_unit_test(test_starting_anew),
		cmocka_unit_test(test_removing),
		cmocka_unit_test(test_what_is_no_archive),
		cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_a_broken_member),
		cmocka_unit_test(test_a_full_disk),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_sparse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
