/* SPDX-License-Identifier: MIT */
/* What becomes of what is kept, when what was to come has come, or has not. */
#include "ingest/through_entry.h"

#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "unit/server/stored.h"

struct rig {
	struct conf conf;
	struct store *store;
	struct through_cache *cache;
	struct through_entry *entry;
};

static int setup(void **state)
{
	static struct rig rig;

	*state = &rig;
	assert_ok(conf_init(&rig.conf));
	rig.store = stored_new(100);
	assert_ok(through_cache_new(1 << 20, &rig.cache));
	rig.entry = through_cache_add(rig.cache, "key");
	return rig.entry ? 0 : -1;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	through_cache_free(rig->cache);
	store_free(rig->store);
	conf_fini(&rig->conf);
	return 0;
}

/* Something that comes, of which this is said. Returns: borrowed. */
static struct file *come(struct rig *rig, const char *fields)
{
	struct file *f = stored_file(rig->store, NULL);
	const struct file_origin o = {
	    .asked_ms = clock_unix_ms(),
	    .received_ms = clock_unix_ms(),
	    .redirects_s = UINT64_MAX,
	    .url = "http://o/",
	    .fields = fields,
	    .len = strlen(fields),
	};

	assert_ok(file_set_origin(f, &o));
	rig->entry->coming = f;
	return f;
}

static struct through_entry *settle(struct rig *rig)
{
	rig->entry = through_entry_settle(
	    rig->cache, &rig->conf.fetch, rig->entry);
	return rig->entry;
}

/* Have something there. */
static struct file *keep(struct rig *rig, const char *fields)
{
	struct file *f = come(rig, fields);

	atomic_store(&f->described, true);
	stored_seal(f);
	assert_non_null(settle(rig));
	assert_ptr_equal(rig->entry->file, f);
	assert_null(rig->entry->coming);
	return f;
}

/* What comes fails, with this for an answer. */
static void fail_with(struct file *f, int status, int answered)
{
	const struct failure err = {
	    .status = status,
	    .answered = answered,
	    .type = "x",
	    .title = "x",
	};

	file_fail(f, &err);
}

static void test_comes(void **state)
{
	struct rig *rig = *state;
	struct file *f = come(rig, "Cache-Control: max-age=60\n");

	/* Nothing is known of it. */
	assert_non_null(settle(rig));
	assert_null(rig->entry->file);
	atomic_store(&f->described, true);
	assert_non_null(settle(rig));
	assert_ptr_equal(rig->entry->file, f);
	assert_int_equal(rig->entry->lifetime_s, 60);
	assert_string_equal(rig->entry->url, "http://o/");
	assert_ptr_equal(through_cache_busy(rig->cache, NULL), rig->entry);
	stored_seal(f);
	assert_non_null(settle(rig));
	assert_null(through_cache_busy(rig->cache, NULL));
}

static void test_not_to_be_kept(void **state)
{
	struct rig *rig = *state;
	struct file *f = file_ref(come(rig, "Cache-Control: private\n"));

	atomic_store(&f->described, true);
	assert_null(settle(rig));
	assert_int_equal(through_cache_count(rig->cache), 0);
	file_unref(f);
}

static void test_takes_its_place(void **state)
{
	struct rig *rig = *state;
	struct file *old = file_ref(keep(rig, "ETag: \"a\"\n"));

	struct file *f = come(rig, "ETag: \"b\"\n");
	assert_ptr_equal(settle(rig)->file, old);
	atomic_store(&f->described, true);
	assert_ptr_equal(settle(rig)->file, f);
	assert_string_equal(rig->entry->said.etag, "\"b\"");
	file_unref(old);
}

static void test_unchanged(void **state)
{
	struct rig *rig = *state;
	struct file *old = keep(rig, "ETag: \"a\"\n");

	assert_int_equal(rig->entry->lifetime_s, 0);
	fail_with(come(rig, "ETag: \"a\"\nCache-Control: max-age=60\n"), 304,
	    304);
	assert_ptr_equal(settle(rig)->file, old);
	assert_null(rig->entry->coming);
	assert_int_equal(rig->entry->lifetime_s, 60);
	/* Of another version: what is kept is not what it is about. */
	fail_with(come(rig, "ETag: \"b\"\n"), 304, 304);
	assert_null(settle(rig));
}

static void test_fails(void **state)
{
	struct rig *rig = *state;
	struct file *old = keep(rig, "ETag: \"a\"\n");

	fail_with(come(rig, ""), 502, 500);
	assert_ptr_equal(settle(rig)->file, old);
	assert_true(rig->entry->paused_ms > clock_ms());
	assert_true(through_entry_covers(rig->entry, &rig->conf.fetch));
	fail_with(come(rig, ""), 504, 0);
	assert_ptr_equal(settle(rig)->file, old);
	/* It is gone, says who must know. */
	fail_with(come(rig, ""), 502, 404);
	assert_null(settle(rig));
}

static void test_forbidden(void **state)
{
	struct rig *rig = *state;

	keep(rig, "");
	fail_with(come(rig, ""), 403, 0);
	assert_null(settle(rig));
}

static void test_never_stale(void **state)
{
	struct rig *rig = *state;

	keep(rig, "Cache-Control: must-revalidate\n");
	fail_with(come(rig, ""), 502, 500);
	assert_non_null(settle(rig));
	assert_false(through_entry_covers(rig->entry, &rig->conf.fetch));
	assert_int_equal(rig->entry->paused_ms, 0);
	assert_false(through_entry_covers(NULL, &rig->conf.fetch));
}

static void test_breaks(void **state)
{
	struct rig *rig = *state;
	struct file *f = come(rig, "");

	atomic_store(&f->described, true);
	assert_non_null(settle(rig));
	fail_with(f, 502, 200);
	assert_null(settle(rig));
}

static void test_redirects_bound_it(void **state)
{
	static const char fields[] = "Cache-Control: max-age=60\nAge: 20\n";
	struct rig *rig = *state;
	const struct file_origin o = {
	    .asked_ms = clock_unix_ms(),
	    .received_ms = clock_unix_ms(),
	    .redirects_s = 10,
	    .url = "",
	    .fields = fields,
	    .len = strlen(fields),
	};

	/* It is 20 seconds old, and they lead to it for 10 more. */
	through_entry_read(rig->entry, &o);
	assert_int_equal(rig->entry->lifetime_s, 30);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_comes),
	    CASE(test_not_to_be_kept),
	    CASE(test_takes_its_place),
	    CASE(test_unchanged),
	    CASE(test_fails),
	    CASE(test_forbidden),
	    CASE(test_never_stale),
	    CASE(test_breaks),
	    CASE(test_redirects_bound_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
