/* SPDX-License-Identifier: MIT */
#include "check.h"

#include "ingest/fetch_prefer.h"

/* RFC 7240 §2, §4.3 */
static void test_wait(void **state)
{
	static const struct {
		const char *field;
		unsigned want;
	} cases[] = {
	    {NULL, 0},
	    {"", 0},
	    {"wait=10", 10},
	    {"Wait = 10 ; x=y", 10},
	    {"wait=\"7\"", 7},
	    {"respond-async, wait=5", 5},
	    {"wait=5, wait=9", 5},
	    {"wait=0", 0},
	    {"wait=60", 60},
	    {"wait=61", 60},
	    {"wait=99999999999999999999999", 60},
	    {"wait", 0},
	    {"wait=", 0},
	    {"wait=-1", 0},
	    {"wait=1s", 0},
	    {"await=5", 0},
	    {";wait=5", 0},
	    {"=5", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
		    fetch_prefer_wait(str_from(cases[i].field)),
		    cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
