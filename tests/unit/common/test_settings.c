/* SPDX-License-Identifier: MIT */
#include "common/settings.h"

#include <errno.h>

#include "check.h"

static void test_file(void **state)
{
	struct str rest = str_from("# who\n\n server = http://h:1/ \r\n"
				   "token=a=b\n\t\nca_file =\n#end");
	struct str key, value;
	unsigned line = 0;

	(void)state;
	assert_int_equal(settings_next(&rest, &line, &key, &value), 1);
	assert_true(str_eq(key, "server"));
	assert_true(str_eq(value, "http://h:1/"));
	assert_int_equal(line, 3);
	assert_int_equal(settings_next(&rest, &line, &key, &value), 1);
	assert_true(str_eq(key, "token"));
	assert_true(str_eq(value, "a=b"));
	assert_int_equal(settings_next(&rest, &line, &key, &value), 1);
	assert_true(str_eq(key, "ca_file"));
	assert_int_equal(value.n, 0);
	assert_int_equal(line, 6);
	assert_int_equal(settings_next(&rest, &line, &key, &value), 0);
}

static void test_wrong(void **state)
{
	static const char *const bad[] = {"server", "= x", "Server = x",
	    "a b = c", "a = b\x01", "a = b\x7f", "[section]", "a-b = c"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct str rest = str_from(bad[i]), key, value;
		unsigned line = 0;

		assert_err(settings_next(&rest, &line, &key, &value), EINVAL);
		assert_int_equal(line, 1);
	}
	struct str nul = {"a = b\0c", 7}, key, value;
	unsigned line = 0;
	assert_err(settings_next(&nul, &line, &key, &value), EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_file),
	    cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
