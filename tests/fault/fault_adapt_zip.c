/* SPDX-License-Identifier: MIT */
/*
 * Archives in spools made and changed by libzip, with every call below
 * failing in turn: once, and for good. The slot holds the old archive or the
 * new one, whole; when the fault is gone it works, after a failed write with
 * the same zip_close(); and in the end nothing is held.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zip.h>

#include <spillway/zip.h>

#include "fault/fault.h"
#include "unit/lib/model.h"

#define LARGE 200000

struct scenario {
	const char *name;
	uint64_t memory_max;
	bool there;		/* there is an archive already */
};

static const struct scenario scenarios[] = {
	{ "making", MIB, false },
	{ "making_on_disk", 0, false },
	{ "making_over_the_limit", 50000, false },
	{ "changing", MIB, true },
	{ "changing_on_disk", 0, true },
	{ "changing_over_the_limit", 50000, true },
};
#define SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

static uint8_t large[LARGE];

static bool expected(int r)
{
	return r == ENOMEM || r == EMFILE || r == EIO || r == ENOSPC;
}

/* Open the archive and add to it. NULL: it failed and changed nothing. */
static zip_t *open_and_add(struct spw_spool **slot,
    const struct spw_spool_opts *opts, const char *name)
{
	zip_source_t *src;
	zip_error_t error;
	int r = spw_zip_archive_new(slot, opts, &src);

	if (r < 0) {
		assert_true(expected(-r));
		return NULL;
	}

	zip_error_init(&error);
	zip_t *za = zip_open_from_source(src, ZIP_CREATE, &error);
	if (!za) {
		assert_true(expected(zip_error_code_system(&error)));
		zip_error_fini(&error);
		zip_source_free(src);
		return NULL;
	}

	src = zip_source_buffer(za, large, sizeof(large), 0);
	assert_non_null(src);
	assert_true(zip_file_add(za, name, src, 0) >= 0);
	return za;
}

static void check_archive(struct spw_spool *s, int members)
{
	static uint8_t buf[LARGE + 1];
	zip_source_t *src;
	zip_error_t error;

	assert_ok(spw_zip_source_new(s, &src));
	zip_error_init(&error);
	zip_t *za = zip_open_from_source(src, ZIP_CHECKCONS, &error);
	assert_non_null(za);
	assert_int_equal(zip_get_num_entries(za, 0), members);
	for (int i = 0; i < members; i++) {
		zip_file_t *f = zip_fopen_index(za, (zip_uint64_t)i, 0);

		assert_non_null(f);
		assert_int_equal(zip_fread(f, buf, sizeof(buf)), LARGE);
		assert_memory_equal(buf, large, LARGE);
		zip_fclose(f);
	}
	zip_discard(za);
}

/*
 * libzip never reads again where it once failed to, and lets go of the old
 * archive before it commits: it must be opened anew then.
 */
static bool can_go_on(zip_t *za)
{
	if (!za)
		return false;

	zip_error_t *error = zip_get_error(za);
	assert_true(expected(zip_error_code_system(error)));
	if (zip_error_code_zip(error) == ZIP_ER_WRITE)
		return true;

	zip_discard(za);
	return false;
}

/* Returns: whether there was a call `n`. */
static bool run_once(const struct scenario *sc, unsigned n, bool persistent,
    enum fault_style style)
{
	struct world w;
	struct spw_spool *slot = NULL;

	world_init(&w, &(struct world_opts){ 0 });
	const struct spw_spool_opts *opts =
	    SPOOL_OPTS(&w, .memory_max = sc->memory_max);
	if (sc->there)
		assert_int_equal(zip_close(open_and_add(&slot, opts, "a")), 0);
	struct spw_spool *old = slot;

	fault_arm(n, persistent, style);
	zip_t *za = open_and_add(&slot, opts, "b");
	int r = za ? zip_close(za) : -1;
	bool hit = fault_disarm();
	if (r < 0) {
		assert_true(hit);
		assert_ptr_equal(slot, old);
		if (old)
			check_archive(old, 1);
		if (!can_go_on(za))
			za = open_and_add(&slot, opts, "b");
		assert_int_equal(zip_close(za), 0);
	}
	check_archive(slot, sc->there ? 2 : 1);
	spw_spool_unref(slot);
	world_fini(&w);
	assert_int_equal(fault_held(), 0);
	return hit;
}

static void test_scenario(void **state)
{
	const struct scenario *sc = *state;

	for (int i = 0; i < FAULT_STYLES * 2; i++) {
		unsigned n = 1;

		while (run_once(sc, n, i % 2, (enum fault_style)(i / 2)))
			assert_true(n++ < 200);
		assert_true(n > 2);
	}
}

int main(void)
{
	struct CMUnitTest tests[SCENARIOS];
	uint64_t random = 88172645463325252u;

	/* Does not deflate, so that the archive is as large. */
	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = (uint8_t)next_random(&random);
	for (size_t i = 0; i < SCENARIOS; i++) {
		tests[i] = (struct CMUnitTest){
			.name = scenarios[i].name,
			.test_func = test_scenario,
			.initial_state = (void *)(uintptr_t)&scenarios[i],
		};
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
