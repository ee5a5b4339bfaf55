/* SPDX-License-Identifier: MIT */
/* What one look at the list of files costs those who wait for it. */
#include "check.h"

#include "stored.h"

/* Files that are not what is looked for are looked at, too. */
static void test_looks_at_so_many(void **state)
{
	struct store *st = stored_new(STORED_MAX);
	struct file *found;
	struct store_cursor at = {.state = FILE_READY, .look = 4};

	(void)state;
	for (int i = 0; i < 10; i++) {
		char id[] = {(char)('a' + i), '\0'};
		struct file *f = stored_add(st, id, 0);

		if (i == 9)
			stored_seal(f);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_list(st, &at, &found, 1), 0);
		assert_int_equal(at.look, 0);
		assert_true(at.more);
		at.look = 4;
	}
	assert_int_equal(store_list(st, &at, &found, 1), 1);
	assert_string_equal(found->id, "j");
	assert_int_equal(at.look, 2);
	assert_false(at.more);
	file_unref(found);
	store_free(st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_looks_at_so_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
