/* SPDX-License-Identifier: MIT */
#include "http/member.h"

#include <string.h>

#include "check.h"

static void assert_detail(const struct http_problem *p, const char *want)
{
	assert_int_equal(p->kind, PROBLEM_BAD_REQUEST);
	assert_string_equal(p->detail, want);
}

static void test_value(void **state)
{
	json_t *v = json_pack("[i, s]", 1, "a\xc3\xa4\n");
	struct http_problem p;

	(void)state;
	assert_non_null(v);
	p = http_problem_member("ttl", v, "is not %d", 5);
	assert_detail(&p,
	    "The member 'ttl' is not 5: it is [1,\"a\\u00E4\\n\"].");
	p = http_problem_member("ttl", NULL, "is missing");
	assert_detail(&p, "The member 'ttl' is missing.");
	json_decref(v);
}

/* However long what came is, what is said of it is whole. */
static void test_long(void **state)
{
	char text[400], key[400];
	struct http_problem p;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memcpy(key, text, sizeof(text));
	json_t *v = json_pack("s", text);
	p = http_problem_member(key, v, "is %s", text);
	assert_true(strlen(p.detail) < sizeof(p.detail));
	p = http_problem_member(key, v, "is too long");
	assert_non_null(strstr(p.detail, "is too long: it is \"xxx"));
	assert_string_equal(p.detail + strlen(p.detail) - 5, "x....");
	json_decref(v);
}

static void test_document(void **state)
{
	json_error_t why = {.text = "unexpected thing", .line = 3};
	struct http_problem p = http_problem_document(&why, "{}");

	(void)state;
	assert_detail(&p, "The body is not JSON: unexpected thing, in line 3; "
			  "write {} or the like.");
	p = http_problem_document(NULL, "{}");
	assert_detail(
	    &p, "The body is not a JSON object; write {} or the like.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_value),
	    cmocka_unit_test(test_long),
	    cmocka_unit_test(test_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
