/* SPDX-License-Identifier: MIT */
/* Archives of files that survive the process, and are not all open at once. */
#include "check.h"

#include "deliver/zip_build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "unit/server/kept.h"

#define FILES 24
#define OPEN_MAX 4
#define LEN 3000
#define PIECE 700

static void name_of(unsigned i, char out[16])
{
	snprintf(out, 16, "f%u", i);
}

static struct zip_build *build(struct kept *k, bool deflated)
{
	struct zip_build *b = NULL;
	char name[16];

	assert_ok(zip_build_new(deflated, &b));
	for (unsigned i = 0; i < FILES; i++) {
		struct file *f;

		name_of(i, name);
		f = store_get(k->store, name, strlen(name));
		assert_non_null(f);
		assert_ok(zip_build_add(b, f, str_from(name)));
		file_unref(f);
	}
	return b;
}

static int setup(void **state)
{
	char name[16];

	kept_setup(state);
	struct kept *k = *state;
	kept_stop(k);
	kept_start(k, false, OPEN_MAX);
	kept_restore(k);
	for (unsigned i = 0; i < FILES; i++) {
		name_of(i, name);
		file_unref(kept_file(k, name, LEN));
	}
	return 0;
}

/* Whatever is read of it, no more of them are open than may be. */
static void test_one_at_a_time(void **state)
{
	struct kept *k = *state;

	for (int deflated = 0; deflated < 2; deflated++) {
		struct zip_build *b = build(k, deflated);
		struct zip_pull *p = zip_build_pull(b);
		uint64_t told = zip_build_size(b), made = 0;
		struct zip_fault fault = {0};
		char buf[PIECE];
		ssize_t n;

		store_close_all_unused(k->store);
		assert_int_equal(metrics_get(METRIC_FILES_OPEN), 0);
		while ((n = zip_pull_read(p, buf, PIECE, &fault)) != 0) {
			assert_true(n > 0 || n == -EINTR);
			made += n > 0 ? (uint64_t)n : 0;
			assert_true(
			    metrics_get(METRIC_FILES_OPEN) <= OPEN_MAX + 1);
		}
		assert_true(deflated || made == told);
		zip_pull_free(p);
		store_close_all_unused(k->store);
		assert_int_equal(metrics_get(METRIC_FILES_OPEN), 0);
	}
}

/* What was added is not there any more when its turn comes. */
static void test_gone_meanwhile(void **state)
{
	struct kept *k = *state;

	for (int replaced = 0; replaced < 2; replaced++) {
		struct zip_build *b = build(k, false);
		struct zip_pull *p = zip_build_pull(b);
		struct zip_fault fault = {0};
		char buf[PIECE], name[16];
		ssize_t n;

		assert_int_equal(zip_pull_read(p, buf, PIECE, &fault) > 0, 1);
		name_of(FILES / 2, name);
		struct file *f = store_get(k->store, name, strlen(name));
		assert_true(store_remove(k->store, f));
		file_unref(f);
		if (replaced)
			file_unref(kept_file(k, name, LEN));
		do {
			n = zip_pull_read(p, buf, PIECE, &fault);
		} while (n > 0 || n == -EINTR);
		assert_err(n, ESTALE);
		assert_int_equal(fault.kind, ZIP_FAULT_SYSTEM);
		assert_int_equal(fault.err, -ESTALE);
		zip_pull_free(p);
		if (!replaced)
			file_unref(kept_file(k, name, LEN));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_one_at_a_time, setup, kept_teardown),
	    cmocka_unit_test_setup_teardown(
		test_gone_meanwhile, setup, kept_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
