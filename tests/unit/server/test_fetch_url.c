/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/fetch_url.h"

static void test_public(void **state)
{
	static const struct {
		const char *url, *want;
	} cases[] = {
	    {"http://h.de", "http://h.de/"},
	    {"http://h.de/a/b", "http://h.de/a/b"},
	    {"http://h.de/a#frag", "http://h.de/a"},
	    {"http://h.de#frag/x", "http://h.de/"},
	    {"http://h.de?x=1", "http://h.de/?x="},
	    {"http://h.de/a?sig=secret&e=5#f", "http://h.de/a?sig=&e="},
	    {"http://h.de/a?secret", "http://h.de/a"},
	    {"http://h.de/a?secret&x=1&&y=", "http://h.de/a?x=&y="},
	    {"http://h.de/a?x=a=b?c=d", "http://h.de/a?x="},
	    {"https://[2a00::1]:443/%20", "https://[2a00::1]:443/%20"},
	};
	const char *rule;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str url = str_from(cases[i].url);
		struct url_parts parts;

		assert_ok(url_check(url.p, url.n, &parts, &rule));
		char *got = fetch_url_public(url, &parts);
		assert_string_equal(got, cases[i].want);
		free(got);
	}
}

static void test_name(void **state)
{
	static const struct {
		const char *url, *want;
	} cases[] = {
	    {"http://h.de", ""},
	    {"http://h.de/", ""},
	    {"http://h.de/a/", ""},
	    {"http://h.de/a/b.zip?c=/d", "b.zip"},
	    {"http://h.de?x=/y", ""},
	    {"http://h.de/a%20b.txt", "a b.txt"},
	    {"http://h.de/..%2F..%2Fetc%2Fpasswd", "passwd"},
	    {"http://h.de/..", ""},
	    {"http://h.de/100%", "100%"},
	    {"http://h.de/a%00b%0Ac", "abc"},
	};
	char name[FILE_NAME_SIZE], url[1000];
	struct url_parts parts;
	const char *rule;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_ok(url_check(
		    cases[i].url, strlen(cases[i].url), &parts, &rule));
		assert_int_equal(
		    fetch_url_name(&parts, name), strlen(cases[i].want));
		assert_string_equal(name, cases[i].want);
	}

	/* The longest name that is kept. */
	memset(url, 'a', sizeof(url));
	memcpy(url, "http://h.de/", 12);
	assert_ok(url_check(url, sizeof(url), &parts, &rule));
	assert_int_equal(fetch_url_name(&parts, name), FILE_NAME_SIZE - 1);
}

static void test_same_origin(void **state)
{
	static const struct {
		const char *a, *b;
		bool want;
	} cases[] = {
	    {"http://h.de/a", "http://H.DE:80/b", true},
	    {"http://h.de/", "http://h.de./", true},
	    {"http://h.de/", "https://h.de/", false},
	    {"http://h.de/", "https://h.de:80/", false},
	    {"http://h.de/", "http://h.de:81/", false},
	    {"http://h.de/", "http://w.h.de/", false},
	    {"http://h.de/", "http://h.dex/", false},
	};
	struct url_parts a, b;
	const char *rule;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_ok(
		    url_check(cases[i].a, strlen(cases[i].a), &a, &rule));
		assert_ok(
		    url_check(cases[i].b, strlen(cases[i].b), &b, &rule));
		assert_int_equal(fetch_url_same_origin(&a, &b), cases[i].want);
	}
}

static void test_resolve(void **state)
{
	static const struct {
		const char *location, *want;
	} cases[] = {
	    {"/x", "http://h.de:81/x"},
	    {"x?y", "http://h.de:81/a/x?y"},
	    {"../x", "http://h.de:81/x"},
	    {"//other/x", "http://other/x"},
	    {"https://other/x", "https://other/x"},
	    /* As written: it is the check that refuses these. */
	    {"file:///etc/passwd", "file:///etc/passwd"},
	    {"http:/one", "http:/one"},
	    {"HTTP://2130706433/", "HTTP://2130706433/"},
	    {"http://u:p@h/", "http://u:p@h/"},
	};
	char *got;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_ok(fetch_url_resolve("http://h.de:81/a/b?q",
		    str_from(cases[i].location), &got));
		assert_string_equal(got, cases[i].want);
		free(got);
	}
	assert_err(fetch_url_resolve("http://h.de/", str_from(""), &got),
	    EINVAL);
	assert_err(fetch_url_resolve(
		       "http://h.de/", (struct str){"/a\0b", 4}, &got),
	    EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_public),
	    cmocka_unit_test(test_name),
	    cmocka_unit_test(test_same_origin),
	    cmocka_unit_test(test_resolve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
