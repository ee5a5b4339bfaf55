/* SPDX-License-Identifier: MIT */
/* What is found on the disk while others ask for it, and what nobody can have
   written there: store/restore.c and recall.c. */
#include "check.h"

#include <errno.h>

#include "base/metrics.h"
#include "kept.h"

/* Where it is asked the next time all is restored before it is answered. */
static struct kept *restored_now;

bool __real_store_restoring(const struct store *st);
bool __wrap_store_restoring(const struct store *st);
bool __wrap_store_restoring(const struct store *st)
{
	const _Atomic bool stop = false;
	struct kept *k = restored_now;

	if (!k)
		return __real_store_restoring(st);

	restored_now = NULL;
	assert_ok(store_restore(k->store, &stop));
	return __real_store_restoring(st);
}

/* It ends while one asks: what is there is found, though by then nothing is
   looked for on the disk. */
static void test_ends_meanwhile(void **state)
{
	struct kept *k = *state;

	file_unref(kept_file(k, "x", 70));
	kept_restart(k, false);
	restored_now = k;
	kept_expect(k, "x", 70);
	assert_null(restored_now);
	kept_expect_none(k, "y");
}

/* As it would be there if somebody had made it. */
static void forge(
    struct kept *k, const char *id, int64_t expires_ms, const char *etag)
{
	uint8_t buf[FILEMETA_MAX], fresh[FILEMETA_MAX];
	struct filemeta m;
	char path[256];

	snprintf(path, sizeof(path), "%s/files/%s", k->path, id);
	ssize_t n = getxattr(path, "user.spillway", buf, sizeof(buf));
	require(n > 0 && filemeta_read(buf, (size_t)n, &m) == 0);
	m.expires_ms = expires_ms;
	if (etag)
		m.etag = str_from(etag);
	size_t len = filemeta_write(&m, fresh, sizeof(fresh));
	assert_ok(setxattr(path, "user.spillway", fresh, len, 0));
}

static void test_times(void **state)
{
	static const int64_t times[] = {
	    INT64_MAX, INT64_MAX - 500, INT64_MAX / 2};
	struct kept *k = *state;

	file_unref(kept_file(k, "x", 70));
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		kept_restart(k, false);
		forge(k, "x", times[i], NULL);
		int64_t damaged = metrics_get(METRIC_FILES_DAMAGED);
		kept_expect_none(k, "x");
		kept_restore(k);
		kept_expect_none(k, "x");
		assert_int_equal(
		    metrics_get(METRIC_FILES_DAMAGED), damaged + 1);
		assert_int_equal(kept_count(k, "files"), 1);
	}
	/* Far off, as it may be asked for. */
	kept_restart(k, false);
	forge(k, "x", INT64_MAX / 4, NULL);
	kept_restore(k);
	kept_expect(k, "x", 70);
}

/* It cannot be that of one of ours, and is nobody's to delete; nor does it
   keep the others from being restored. */
static void test_etag(void **state)
{
	struct kept *k = *state;
	char path[256];

	file_unref(kept_file(k, "x", 70));
	file_unref(kept_file(k, "y", 80));
	kept_restart(k, false);
	forge(k, "x", 0, "short");
	kept_path(k, "files/x", path);
	assert_ok(truncate(path, 10));
	int64_t damaged = metrics_get(METRIC_FILES_DAMAGED);
	kept_expect_none(k, "x");
	kept_restore(k);
	assert_int_equal(metrics_get(METRIC_FILES_DAMAGED), damaged + 1);
	assert_int_equal(kept_count(k, "files"), 2);
	kept_expect_none(k, "x");
	kept_expect(k, "y", 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    KEPT_TEST(test_ends_meanwhile),
	    KEPT_TEST(test_times),
	    KEPT_TEST(test_etag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
