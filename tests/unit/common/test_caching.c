/* SPDX-License-Identifier: MIT */
#include "common/caching.h"

#include <string.h>

#include "check.h"
#include "common/httpdate.h"

/* Sun, 06 Nov 1994 08:49:37 GMT */
#define THEN INT64_C(784111777)
#define DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\n"

static struct cache_control control(const char *field)
{
	struct cache_control cc;

	cache_control_init(&cc);
	cache_control_read(str_from(field), &cc);
	return cc;
}

static struct caching said(const char *lines)
{
	struct caching c;

	caching_read(lines, strlen(lines), &c);
	return c;
}

/* ---- Cache-Control ------------------------------------------------------- */

static void flags_rfc9111_5_2(void **state)
{
	(void)state;
	struct cache_control cc = control("No-Store, no-cache=\"a, b\" ,,"
					  "PRIVATE, must-revalidate");
	assert_true(
	    cc.no_store && cc.no_cache && cc.is_private && cc.must_revalidate);
	assert_false(
	    cc.proxy_revalidate || cc.must_understand || cc.only_if_cached);

	cc = control("proxy-revalidate,must-understand, only-if-cached");
	assert_true(
	    cc.proxy_revalidate && cc.must_understand && cc.only_if_cached);
	/* Neither a part of a name, nor something in quotes. */
	cc = control("x-no-store, no-stores, ext=\"no-store, private\"");
	assert_false(cc.no_store || cc.is_private);
	cc = control("");
	assert_int_equal(cc.max_age, CACHING_NONE);
}

static void numbers_rfc9111_1_2_2(void **state)
{
	static const struct {
		const char *field;
		uint64_t want;
	} cases[] = {
	    {"max-age=0", 0},
	    {"max-age=60", 60},
	    {"Max-Age=\"60\"", 60},
	    {" max-age = 60 ", 60},
	    {"max-age=2147483647", 2147483647},
	    {"max-age=2147483648", CACHING_MAX_S},
	    {"max-age=99999999999999999999999", CACHING_MAX_S},
	    /* In doubt it is stale. */
	    {"max-age", 0},
	    {"max-age=", 0},
	    {"max-age=x", 0},
	    {"max-age=-1", 0},
	    {"max-age=1.5", 0},
	    {"max-age=60, max-age=30", 30},
	    {"max-age=30, max-age=60", 30},
	    {"max-age=30, max-age=x", 0},
	    {"s-maxage=5", CACHING_NONE},
	    {"xmax-age=5", CACHING_NONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cache_control cc = control(cases[i].field);

		if (cc.max_age != cases[i].want)
			fail_msg(
			    "%s: %ju", cases[i].field, (uintmax_t)cc.max_age);
	}
	/* What allows something counts only when it is clear. */
	struct cache_control cc =
	    control("max-stale=x, min-fresh, "
		    "stale-if-error=-1, stale-while-revalidate=");
	assert_int_equal(cc.max_stale, CACHING_NONE);
	assert_int_equal(cc.min_fresh, CACHING_NONE);
	assert_int_equal(cc.if_error, CACHING_NONE);
	assert_int_equal(cc.while_revalidate, CACHING_NONE);
	assert_int_equal(control("max-stale").max_stale, CACHING_MAX_S);
	assert_int_equal(control("max-stale, max-stale=5").max_stale, 5);
	assert_int_equal(control("min-fresh=5, min-fresh=9").min_fresh, 9);
}

/* ---- answers ------------------------------------------------------------- */

static void fields(void **state)
{
	(void)state;
	struct caching c =
	    said("Cache-Control: max-age=5\n"
		 "cache-control: must-revalidate\n" DATE "Age: 7\nAge: 9\n"
		 "ETag: W/\"x\"\n"
		 "Last-Modified: Sun, 06 Nov 1994 08:00:00 GMT\n"
		 "Expires: 0\n"
		 "Vary: Accept, Cookie\n"
		 "no colon\n: nothing\nEnd: without");
	assert_true(c.has_control && c.has_date && c.has_age &&
		    c.has_modified && c.has_expires);
	assert_int_equal(c.control.max_age, 5);
	assert_true(c.control.must_revalidate);
	assert_int_equal(c.date_s, THEN);
	assert_int_equal(c.age_s, 7);
	assert_string_equal(c.etag, "W/\"x\"");
	assert_string_equal(c.modified, "Sun, 06 Nov 1994 08:00:00 GMT");
	assert_int_equal(c.expires_s, HTTPDATE_MIN);
	assert_false(c.varies);
	assert_true(said("Vary: Accept,*\n").varies);

	/* What is malformed was not said. */
	c = said("Age: -1\nDate: yesterday\nLast-Modified: 0\n");
	assert_false(c.has_age || c.has_date || c.has_modified);
	assert_string_equal(c.modified, "");
}

static void storable_rfc9111_3(void **state)
{
	static const struct {
		const char *lines;
		bool want;
	} cases[] = {
	    {"", true},
	    {"Cache-Control: no-cache\n", true},
	    {"Cache-Control: max-age=0\n", true},
	    {"Cache-Control: no-store\n", false},
	    {"Cache-Control: no-store, must-understand\n", true},
	    {"Cache-Control: private\n", false},
	    {"Cache-Control: private=\"x\", max-age=9\n", false},
	    {"Vary: Accept-Encoding\n", true},
	    {"Vary: *\n", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct caching c = said(cases[i].lines);

		if (caching_storable(&c) != cases[i].want)
			fail_msg("%s", cases[i].lines);
	}
}

static void lifetime_rfc9111_4_2_1(void **state)
{
	static const struct {
		const char *lines;
		uint64_t want;
	} cases[] = {
	    {"Cache-Control: max-age=60\n", 60},
	    {"Cache-Control: max-age=60, s-maxage=5\n", 5},
	    {"Cache-Control: max-age=60, no-cache\n", 0},
	    {"Cache-Control: max-age=60\n" DATE
	     "Expires: Sun, 06 Nov 1994 09:49:37 GMT\n",
		60},
	    {DATE "Expires: Sun, 06 Nov 1994 09:49:37 GMT\n", 3600},
	    {"Expires: Sun, 06 Nov 1994 09:49:37 GMT\n", 3590},
	    {DATE "Expires: Sun, 06 Nov 1994 08:49:36 GMT\n", 0},
	    {DATE "Expires: 0\n", 0},
	    /* §4.2.2: a tenth of its age, a day at most. */
	    {DATE "Last-Modified: Sun, 06 Nov 1994 08:48:37 GMT\n", 6},
	    {DATE "Last-Modified: Sun, 06 Nov 1904 08:48:37 GMT\n",
		CACHING_GUESS_MAX_S},
	    {DATE "Last-Modified: Sun, 06 Nov 1994 09:48:37 GMT\n", 0},
	    {DATE "Cache-Control: max-age=x\n"
		  "Last-Modified: Sun, 06 Nov 1904 08:48:37 GMT\n",
		0},
	    {"", 0},
	    {DATE, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct caching c = said(cases[i].lines);
		uint64_t got = caching_lifetime_s(&c, THEN + 10);

		if (got != cases[i].want)
			fail_msg("%s: %ju", cases[i].lines, (uintmax_t)got);
	}
}

static void age_rfc9111_4_2_3(void **state)
{
	(void)state;
	struct caching c = said(DATE);
	/* Asked for, came, now. */
	assert_int_equal(caching_age_s(&c, THEN, THEN, THEN), 0);
	assert_int_equal(caching_age_s(&c, THEN + 5, THEN + 7, THEN + 10), 10);
	/* A clock that runs ahead makes nothing younger than new. */
	assert_int_equal(caching_age_s(&c, THEN - 9, THEN - 9, THEN - 9), 0);
	c = said("Age: 100\n");
	assert_int_equal(caching_age_s(&c, THEN, THEN + 2, THEN + 5), 105);
	c = said(DATE "Age: 3\n");
	assert_int_equal(
	    caching_age_s(&c, THEN + 50, THEN + 50, THEN + 50), 50);
	c = said("");
	assert_int_equal(caching_age_s(&c, THEN, THEN, THEN + 9), 9);
}

static void redirects(void **state)
{
	static const struct {
		const char *lines;
		bool permanent;
		uint64_t want;
	} cases[] = {
	    {"", false, 0},
	    {"", true, CACHING_NONE},
	    {"Cache-Control: max-age=60\n", false, 60},
	    {"Cache-Control: max-age=60\nAge: 20\n", false, 40},
	    {"Cache-Control: max-age=60\nAge: 80\n", false, 0},
	    {"Cache-Control: max-age=60\n", true, 60},
	    {"Cache-Control: no-cache, max-age=60\n", true, 0},
	    {"Cache-Control: no-store\n", true, 0},
	    {"Cache-Control: private, max-age=60\n", true, 0},
	    {DATE "Expires: Sun, 06 Nov 1994 09:49:37 GMT\n", false, 3600},
	    /* No guesses about where something leads. */
	    {DATE "Last-Modified: Sun, 06 Nov 1904 08:48:37 GMT\n", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct caching c = said(cases[i].lines);
		uint64_t got = caching_redirect_s(&c, THEN, cases[i].permanent);

		if (got != cases[i].want)
			fail_msg("%s: %ju", cases[i].lines, (uintmax_t)got);
	}
}

static void freshen_rfc9111_4_3_4(void **state)
{
	(void)state;
	struct caching kept =
	    said("Cache-Control: max-age=5\nETag: \"a\"\nAge: 9\n" DATE
		 "Last-Modified: Sun, 06 Nov 1994 08:00:00 GMT\n");
	struct caching newer = said("Cache-Control: no-cache\nETag: W/\"a\"\n"
				    "Expires: Sun, 06 Nov 1994 09:49:37 GMT\n");

	assert_true(caching_freshen(&kept, &newer));
	assert_true(kept.control.no_cache);
	assert_int_equal(kept.control.max_age, CACHING_NONE);
	assert_true(kept.has_expires && kept.has_modified);
	assert_false(kept.has_age || kept.has_date);
	assert_string_equal(kept.etag, "\"a\"");

	/* What it does not say stays. */
	newer = said("");
	assert_true(caching_freshen(&kept, &newer));
	assert_true(kept.control.no_cache);
	newer = said("Last-Modified: Sun, 06 Nov 1994 08:30:00 GMT\n");
	assert_true(caching_freshen(&kept, &newer));
	assert_string_equal(kept.modified, "Sun, 06 Nov 1994 08:30:00 GMT");
	newer = said("Vary: *\n");
	assert_true(caching_freshen(&kept, &newer));
	assert_false(caching_storable(&kept));

	newer = said("ETag: \"b\"\n");
	assert_false(caching_freshen(&kept, &newer));
}

/* ---- use ----------------------------------------------------------------- */

static enum caching_use use(
    const char *lines, uint64_t lifetime, uint64_t age, const char *asked)
{
	struct caching c = said(lines);
	struct cache_control cc = control(asked);

	return caching_use(&c, lifetime, age, &cc);
}

static void fresh_rfc9111_5_2_1(void **state)
{
	(void)state;
	assert_int_equal(use("", 10, 9, ""), CACHING_FRESH);
	assert_int_equal(use("", 10, 10, ""), CACHING_VALIDATE);
	assert_int_equal(use("", 0, 0, ""), CACHING_VALIDATE);
	assert_int_equal(use("", 10, 5, "max-age=5"), CACHING_FRESH);
	assert_int_equal(use("", 10, 5, "max-age=4"), CACHING_VALIDATE);
	assert_int_equal(use("", 10, 0, "max-age=0"), CACHING_VALIDATE);
	assert_int_equal(use("", 10, 5, "min-fresh=5"), CACHING_FRESH);
	assert_int_equal(use("", 10, 5, "min-fresh=6"), CACHING_VALIDATE);
	assert_int_equal(use("", 10, 5, "no-cache"), CACHING_VALIDATE);
	assert_int_equal(use("", 10, 5, "no-store"), CACHING_FRESH);
	assert_int_equal(use("Cache-Control: no-cache\n", 10, 5, "max-stale"),
	    CACHING_VALIDATE);
}

static void stale_rfc9111_4_2_4(void **state)
{
	(void)state;
	assert_int_equal(use("", 10, 15, "max-stale"), CACHING_STALE);
	assert_int_equal(use("", 10, 15, "max-stale=5"), CACHING_STALE);
	assert_int_equal(use("", 10, 15, "max-stale=4"), CACHING_VALIDATE);
	assert_int_equal(
	    use("", 10, 15, "max-stale, min-fresh=1"), CACHING_VALIDATE);
	assert_int_equal(
	    use("", 10, 15, "max-stale, max-age=14"), CACHING_VALIDATE);
	static const char *const strict[] = {
	    "must-revalidate", "proxy-revalidate", "s-maxage=10", "no-cache"};
	for (size_t i = 0; i < sizeof(strict) / sizeof(strict[0]); i++) {
		char lines[64] = "Cache-Control: ";

		strcat(lines, strict[i]);
		strcat(lines, "\n");
		assert_int_equal(
		    use(lines, 10, 15, "max-stale"), CACHING_VALIDATE);
		struct caching c = said(lines);
		assert_false(caching_usable_on_error(&c, 10, 15, 1000));
	}
}

static void stale_rfc5861(void **state)
{
	static const char meanwhile[] =
	    "Cache-Control: stale-while-revalidate=5\n";

	(void)state;
	assert_int_equal(use(meanwhile, 10, 15, ""), CACHING_MEANWHILE);
	assert_int_equal(use(meanwhile, 10, 16, ""), CACHING_VALIDATE);
	assert_int_equal(use(meanwhile, 10, 15, "no-cache"), CACHING_VALIDATE);

	struct caching c = said("");
	assert_true(caching_usable_on_error(&c, 10, 15, 5));
	assert_false(caching_usable_on_error(&c, 10, 16, 5));
	c = said("Cache-Control: stale-if-error=100\n");
	assert_true(caching_usable_on_error(&c, 10, 110, 5));
	assert_false(caching_usable_on_error(&c, 10, 111, 5));
	c = said("Cache-Control: stale-if-error=0\n");
	assert_false(caching_usable_on_error(&c, 10, 11, 1000));
	assert_true(caching_usable_on_error(&c, 10, 9, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(flags_rfc9111_5_2),
	    cmocka_unit_test(numbers_rfc9111_1_2_2),
	    cmocka_unit_test(fields),
	    cmocka_unit_test(storable_rfc9111_3),
	    cmocka_unit_test(lifetime_rfc9111_4_2_1),
	    cmocka_unit_test(age_rfc9111_4_2_3),
	    cmocka_unit_test(redirects),
	    cmocka_unit_test(freshen_rfc9111_4_3_4),
	    cmocka_unit_test(fresh_rfc9111_5_2_1),
	    cmocka_unit_test(stale_rfc9111_4_2_4),
	    cmocka_unit_test(stale_rfc5861),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
