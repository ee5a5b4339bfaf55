/* SPDX-License-Identifier: MIT */
/* Source: RFC 9110 §12.4.2, §12.5.1, §12.5.3 */
#include "check.h"

#include "common/accept.h"

/* A browser's, and what it names in which weight. */
static const char browser[] =
    "text/html,application/xhtml+xml,application/xml;q=0.9, image/webp ;"
    " level=1; q=0.85,*/*;q=0.8";

static void test_members(void **state)
{
	static const struct {
		const char *name;
		int weight;
	} want[] = {{"text/html", 1000}, {"application/xhtml+xml", 1000},
	    {"application/xml", 900}, {"image/webp", 850}, {"*/*", 800}};
	struct str list = str_from(browser);
	struct accept_choice c;

	(void)state;
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		assert_true(accept_next(&list, &c));
		assert_true(str_eq(c.name, want[i].name));
		assert_int_equal(c.weight, want[i].weight);
	}
	assert_false(accept_next(&list, &c));
	list = str_from(NULL);
	assert_false(accept_next(&list, &c));
}

static void test_weight(void **state)
{
	static const struct {
		const char *list;
		int weight;
	} rows[] = {
	    {NULL, -1},
	    {"", -1},
	    {"*/*", -1},
	    {"text/*", -1},
	    {"text/html", 1000},
	    {"TEXT/Html ;charset=utf-8", 1000},
	    {"text/html;q=0", 0},
	    {"text/html;q=0.5", 500},
	    {"text/html;Q=0.125", 125},
	    {"text/html;q=1.000", 1000},
	    {"text/html;q=1.5", 1000},
	    {"text/html;q=-1", 1000},
	    {"text/html;q=0.1234", 1000},
	    {"text/html;q=", 1000},
	    {"text/htmlx, text/html;q=0.3, text/html;q=0.4", 300},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int got = accept_weight(str_from(rows[i].list), "text/html");
		if (got != rows[i].weight)
			fail_msg("%s: %d", rows[i].list, got);
	}
}

static void test_gzip(void **state)
{
	static const char *const yes[] = {
	    "gzip",
	    "GZIP",
	    "x-gzip",
	    "br, gzip",
	    "gzip;q=0.001",
	    "*",
	    "gzip, deflate, br, zstd",
	    "identity;q=0.5, gzip",
	    "deflate;q=1, gzip;q=1.0",
	};
	static const char *const no[] = {
	    "",
	    "identity",
	    "br",
	    "gzip;q=0",
	    "gzip;q=0.0, *",
	    "*;q=0",
	    "gzip;q=0.5, identity;q=1",
	    "gzipped",
	};

	(void)state;
	assert_false(accept_gzip(str_from(NULL)));
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		if (!accept_gzip(str_from(yes[i])))
			fail_msg("%s", yes[i]);
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		if (accept_gzip(str_from(no[i])))
			fail_msg("%s", no[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_members),
	    cmocka_unit_test(test_weight),
	    cmocka_unit_test(test_gzip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
