/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ingest/fetch_body.h"

#define URL "\"url\":\"http://h.de/a\""

static void assert_bad(const char *text, const char *want)
{
	struct fetch_body b;
	struct http_problem p;

	assert_err(fetch_body_parse(text, strlen(text), &b, &p), EINVAL);
	assert_int_equal(p.kind, PROBLEM_BAD_REQUEST);
	if (!strstr(p.detail, want))
		fail_msg("%s: %s", text, p.detail);
}

static void test_least(void **state)
{
	static const char text[] = "{" URL "}";
	struct fetch_body b;
	struct http_problem p;

	(void)state;
	assert_ok(fetch_body_parse(text, strlen(text), &b, &p));
	assert_int_equal(b.request.url_len, 13);
	assert_string_equal(b.request.url, "http://h.de/a");
	assert_false(b.request.lazy);
	assert_null(b.request.name);
	assert_false(b.request.has_ttl);
	assert_int_equal(b.request.reads, 0);
	assert_int_equal(b.request.size_max, 0);
	assert_null(b.request.sha256);
	assert_int_equal(b.request.field_count, 0);
	fetch_body_fini(&b);
	fetch_body_fini(&b);
}

static void test_all(void **state)
{
	static const char text[] =
	    "{" URL ",\"mode\":\"lazy\",\"name\":\"../n\\u00e4\",\"ttl\":0,"
	    "\"reads\":3,\"max_size\":1,\"size\":0,\"connections\":3,"
	    "\"digest\":{\"sha-256\":\""
	    "00ff00ff00ff00ff00ff00ff00ff00ff"
	    "00FF00FF00FF00FF00FF00FF00FF00FF\"},"
	    "\"headers\":{\"authorization\":\"Bearer x\",\"Cookie\":\"a=b\"}}";
	struct fetch_body b;
	struct http_problem p;

	(void)state;
	assert_ok(fetch_body_parse(text, strlen(text), &b, &p));
	assert_true(b.request.lazy);
	assert_string_equal(b.request.name, "n\xc3\xa4");
	assert_true(b.request.has_ttl);
	assert_int_equal(b.request.ttl_s, 0);
	assert_int_equal(b.request.reads, 3);
	assert_int_equal(b.request.size_max, 1);
	assert_true(b.request.has_size);
	assert_int_equal(b.request.size, 0);
	assert_int_equal(b.request.connections, 3);
	assert_int_equal(b.request.sha256[0], 0);
	assert_int_equal(b.request.sha256[31], 0xff);
	assert_int_equal(b.request.field_count, 2);
	assert_string_equal(b.request.fields[0].name, "authorization");
	assert_string_equal(b.request.fields[0].value, "Bearer x");
	assert_string_equal(b.request.fields[1].name, "Cookie");
	fetch_body_fini(&b);
}

static void test_not_json(void **state)
{
	(void)state;
	assert_bad("", "not JSON");
	assert_bad("{", "not JSON");
	assert_bad("{" URL "} x", "not JSON");
	assert_bad("{" URL "," URL "}", "not JSON");
	assert_bad("{\"url\":\"\xff\"}", "not JSON");
	assert_bad("{\"url\":\"http://a\\u0000\"}", "not JSON");
	assert_bad("[]", "not a JSON object");
}

static void test_wrong_members(void **state)
{
	static const struct {
		const char *member, *want;
	} cases[] = {
	    {"\"URL\":1", "'URL' is not known; known are url, mode,"},
	    {"\"mode\":\"Full\"",
		"'mode' is neither \"full\" nor \"lazy\": it is \"Full\"."},
	    {"\"mode\":1", "'mode' is neither"},
	    {"\"name\":1", "'name'"},
	    {"\"name\":\"..\"", "'name'"},
	    {"\"name\":null", "'name'"},
	    {"\"ttl\":-1", "'ttl' is not a whole number from 0 to "},
	    {"\"ttl\":1.5", "'ttl'"},
	    {"\"ttl\":\"1\"", "'ttl'"},
	    {"\"ttl\":9223372036854775807", "'ttl'"},
	    {"\"reads\":0", "'reads'"},
	    {"\"reads\":-1", ": it is -1."},
	    {"\"reads\":true", "'reads'"},
	    {"\"max_size\":0", "'max_size'"},
	    {"\"size\":-1", "'size'"},
	    {"\"size\":\"1\"", "'size'"},
	    {"\"connections\":0", "'connections'"},
	    {"\"connections\":65", "'connections'"},
	    {"\"digest\":\"x\"", "'digest'"},
	    {"\"digest\":{}", "'digest'"},
	    {"\"digest\":{\"md5\":\"00\"}", "'digest'"},
	    {"\"digest\":{\"sha-256\":\"00\"}", "64 hexadecimal"},
	    {"\"digest\":{\"sha-256\":5}", "'digest'"},
	    {"\"headers\":[]", "'headers'"},
	    {"\"headers\":{\"Host\":\"x\"}", "has the field 'Host'"},
	    {"\"headers\":{\"Accept\":1}", "'headers'"},
	    {"\"headers\":{\"Accept\":\"\"}", "'headers'"},
	    {"\"headers\":{\"Accept\":\" a\"}", "'headers'"},
	    {"\"headers\":{\"Accept\":\"a\\r\\nB: c\"}", "'headers'"},
	    {"\"headers\":{\"Accept\\r\\nB\":\"a\"}", "'headers'"},
	};
	char text[256];

	(void)state;
	assert_bad("{}", "'url' is missing");
	assert_bad("{\"url\":5}", "'url' is not a string.");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(
		    text, sizeof(text), "{" URL ",%s}", cases[i].member);
		assert_bad(text, cases[i].want);
	}
}

static void test_fields(void **state)
{
	static const char *const refused[] = {"Host", "Content-Length",
	    "Transfer-Encoding", "Connection", "Proxy-Authorization", "Upgrade",
	    "TE", "Trailer", "Keep-Alive", "Range", "If-Range", "Expect",
	    "Accept-Encoding", "Metadata-Flavor", "Metadata",
	    "X-aws-ec2-metadata-token", "X-Forwarded-For", "Forwarded", ""};

	(void)state;
	assert_true(fetch_field_allowed("Authorization"));
	assert_true(fetch_field_allowed("COOKIE"));
	assert_true(fetch_field_allowed("user-agent"));
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_false(fetch_field_allowed(refused[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_least),
	    cmocka_unit_test(test_all),
	    cmocka_unit_test(test_not_json),
	    cmocka_unit_test(test_wrong_members),
	    cmocka_unit_test(test_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
