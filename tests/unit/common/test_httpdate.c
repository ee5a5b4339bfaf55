/* SPDX-License-Identifier: MIT */
#include "common/httpdate.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "check.h"

static int parse(const char *s, int64_t *ret)
{
	return httpdate_parse(s, strlen(s), ret);
}

static void three_forms_rfc9110_5_6_7(void **state)
{
	(void)state;
	static const char *const forms[] = {
	    "Sun, 06 Nov 1994 08:49:37 GMT",
	    "Sunday, 06-Nov-94 08:49:37 GMT",
	    "Sun Nov  6 08:49:37 1994",
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		int64_t t;
		assert_ok(parse(forms[i], &t));
		assert_int_equal(t, 784111777);
	}
}

static void format_is_imf_fixdate_rfc9110_5_6_7(void **state)
{
	(void)state;
	char out[HTTPDATE_SIZE];

	httpdate_format(784111777, out);
	assert_string_equal(out, "Sun, 06 Nov 1994 08:49:37 GMT");
	httpdate_format(0, out);
	assert_string_equal(out, "Thu, 01 Jan 1970 00:00:00 GMT");
	httpdate_format(-1, out);
	assert_string_equal(out, "Wed, 31 Dec 1969 23:59:59 GMT");
	httpdate_format(951782400, out);
	assert_string_equal(out, "Tue, 29 Feb 2000 00:00:00 GMT");
	httpdate_format(4107542400, out);
	assert_string_equal(out, "Mon, 01 Mar 2100 00:00:00 GMT");
	httpdate_format(HTTPDATE_MIN, out);
	assert_string_equal(out, "Sat, 01 Jan 0000 00:00:00 GMT");
	httpdate_format(INT64_MIN, out);
	assert_string_equal(out, "Sat, 01 Jan 0000 00:00:00 GMT");
	httpdate_format(INT64_MAX, out);
	assert_string_equal(out, "Fri, 31 Dec 9999 23:59:59 GMT");
}

/* Against the C library, across every kind of year. */
static void format_agrees_with_libc(void **state)
{
	(void)state;

	for (int64_t t = HTTPDATE_MIN; t <= HTTPDATE_MAX;
	     t += INT64_C(86400) * 13 + 7919) {
		time_t libc_time = (time_t)t;
		struct tm tm;
		char want[40];
		char got[HTTPDATE_SIZE];
		int64_t back;

		assert_non_null(gmtime_r(&libc_time, &tm));
		/* %Y does not pad */
		strftime(
		    want, sizeof(want), "%a, %d %b XXXX %H:%M:%S GMT", &tm);
		int year = tm.tm_year + 1900;
		for (int i = 3; i >= 0; i--, year /= 10)
			want[12 + i] = (char)('0' + year % 10);
		httpdate_format(t, got);
		assert_string_equal(got, want);
		assert_ok(parse(got, &back));
		assert_int_equal(back, t);
	}
}

static void years_of_two_digits(void **state)
{
	(void)state;
	int64_t t;

	assert_ok(parse("Thursday, 01-Jan-70 00:00:00 GMT", &t));
	assert_int_equal(t, 0);
	assert_ok(parse("Tuesday, 01-Jan-69 00:00:00 GMT", &t));
	assert_int_equal(t, 3124224000);
	assert_ok(parse("Wednesday, 01-Jan-25 00:00:00 GMT", &t));
	assert_int_equal(t, 1735689600);
}

static void tolerated(void **state)
{
	(void)state;
	int64_t t;

	/* the wrong day of the week; a leap second */
	assert_ok(parse("Mon, 06 Nov 1994 08:49:37 GMT", &t));
	assert_int_equal(t, 784111777);
	assert_ok(parse("Sat, 31 Dec 2016 23:59:60 GMT", &t));
	assert_int_equal(t, 1483228800);
	assert_ok(parse("Sun Nov 16 08:49:37 1994", &t));
	assert_int_equal(t, 784975777);
}

static void malformed(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "Sun", "Sun,", "garbage", "0",
	    "784111777", "sun, 06 Nov 1994 08:49:37 GMT",
	    "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
	    "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37",
	    "Sun, 06 Nov 1994 08:49:37 GMT ", " Sun, 06 Nov 1994 08:49:37 GMT",
	    "Sun, 06  Nov 1994 08:49:37 GMT", "Sun,06 Nov 1994 08:49:37 GMT",
	    "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
	    "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
	    "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
	    "Thu, 29 Feb 1900 00:00:00 GMT", "Sun, 29 Feb 2023 00:00:00 GMT",
	    "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT",
	    "Sun, 06 Nov 19940 08:49:37 GMT", "Sun, 06-Nov-94 08:49:37 GMT",
	    "Sunday, 06 Nov 1994 08:49:37 GMT", "Sunda, 06-Nov-94 08:49:37 GMT",
	    "Sun Nov 6 08:49:37 1994", "Sun Nov 06 08:49:37 94",
	    "Sun Nov    08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 +0000"};
	int64_t t = 42;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_err(parse(bad[i], &t), EINVAL);
	assert_err(httpdate_parse(NULL, 0, &t), EINVAL);
	assert_int_equal(t, 42);
}

static void rfc3339_section_5_6(void **state)
{
	(void)state;
	char out[RFC3339_SIZE];

	rfc3339_format(784111777, out);
	assert_string_equal(out, "1994-11-06T08:49:37Z");
	rfc3339_format(INT64_MAX, out);
	assert_string_equal(out, "9999-12-31T23:59:59Z");
	rfc3339_format(INT64_MIN, out);
	assert_string_equal(out, "0000-01-01T00:00:00Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(three_forms_rfc9110_5_6_7),
	    cmocka_unit_test(format_is_imf_fixdate_rfc9110_5_6_7),
	    cmocka_unit_test(format_agrees_with_libc),
	    cmocka_unit_test(years_of_two_digits),
	    cmocka_unit_test(tolerated),
	    cmocka_unit_test(malformed),
	    cmocka_unit_test(rfc3339_section_5_6),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
