/* SPDX-License-Identifier: MIT */
#include "check.h"

#include "common/prefer.h"

/* RFC 7240 §2 */
static void test_find(void **state)
{
	static const struct {
		const char *field, *want; /* NULL: it is not there */
	} cases[] = {
	    {"", NULL},
	    {"wait", ""},
	    {"wait=", ""},
	    {"wait=10", "10"},
	    {"Wait = 10 ; x=y", "10"},
	    {"wait=\"7\"", "7"},
	    {"wait=\"7\";x", "7"},
	    {"wait=\"\"", ""},
	    {"wait=\"7", "7"},
	    {"wait=\"a\\\"b\";x", "a\\\"b"},
	    {"wait=\"a,b;c\"", "a,b;c"},
	    {"wait;x=1", ""},
	    {"respond-async, wait=5", "5"},
	    {"wait=5, wait=9", "5"},
	    {"handling=\"lenient, wait=3\", wait=4", "4"},
	    {"handling;wait=3", NULL},
	    {"await=5", NULL},
	    {"wait5", NULL},
	    {";wait=5", NULL},
	    {"=5", NULL},
	};
	struct str got;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str field = str_from(cases[i].field);
		bool there = prefer_find(field, "wait", &got);

		assert_int_equal(there, cases[i].want != NULL);
		if (there)
			assert_true(str_eq(got, cases[i].want));
	}
}

/* RFC 7240 §4.3 */
static void test_wait(void **state)
{
	static const struct {
		const char *value;
		unsigned want;
	} cases[] = {
	    {"", 0},
	    {"0", 0},
	    {"10", 10},
	    {"60", 60},
	    {"61", 60},
	    {"99999999999999999999999", 60},
	    {"-1", 0},
	    {"1s", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(prefer_wait(str_from(cases[i].value), 60),
		    cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
