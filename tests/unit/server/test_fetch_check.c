/* SPDX-License-Identifier: MIT */
/* What is told of a URL; what its name leads to is looked up elsewhere. */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "ingest/fetch_check.h"
#include "unit/base/conf_rig.h"

/* What is said of the text of a URL; NULL: nothing, it is to be looked up. */
static json_t *check(const struct conf *c, const char *url)
{
	struct strbuf out;
	json_t *j = NULL;

	strbuf_init(&out, FETCH_CHECK_MAX);
	bool told = fetch_check_text(&c->fetch, str_from(url), &out);
	assert_false(out.failed);
	assert_int_equal(told, out.len > 0);
	if (told) {
		j = json_loadb(out.data, out.len, 0, NULL);
		assert_non_null(j);
	}
	strbuf_fini(&out);
	return j;
}

static void assert_text(const json_t *j, const char *key, const char *want)
{
	const json_t *got = json_object_get(j, key);

	if (!want)
		assert_true(json_is_null(got));
	else
		assert_string_equal(json_string_value(got), want);
}

static void assert_denied(
    const struct conf *c, const char *url, const char *rule)
{
	json_t *j = check(c, url);

	assert_non_null(j);
	assert_true(json_is_false(json_object_get(j, "allowed")));
	assert_text(j, "rule", rule);
	assert_non_null(json_string_value(json_object_get(j, "detail")));
	json_decref(j);
}

static void test_denied(void **state)
{
	const struct conf *c = *state;

	assert_denied(c, "", "scheme");
	assert_denied(c, "http://a@example.com/", "userinfo");
	assert_denied(c, "http://localhost/", "name-single-label");
	assert_denied(c, "http://example.com:22/", "port-not-listed");
	assert_denied(c, "http://8.8.8.8:22/", "port-not-listed");
	assert_denied(c, "http://10.0.0.1/", "private");
	assert_denied(c, "http://[::1]/", "loopback");
}

static void test_address(void **state)
{
	json_t *j = check(*state, "https://8.8.8.8/a");
	const json_t *all = json_object_get(j, "addresses");

	assert_true(json_is_true(json_object_get(j, "allowed")));
	assert_text(j, "rule", NULL);
	assert_text(j, "detail", NULL);
	assert_text(j, "host", "8.8.8.8");
	assert_int_equal(json_integer_value(json_object_get(j, "port")), 443);
	assert_int_equal(json_array_size(all), 1);
	assert_text(json_array_get(all, 0), "address", "8.8.8.8");
	json_decref(j);
}

static void test_to_be_looked_up(void **state)
{
	struct conf *c = *state;

	assert_null(check(c, "http://example.com/"));
	/* What a local name leads to may be listed. */
	set(c, "fetch.allow_networks=127.0.0.1");
	assert_null(check(c, "http://localhost/"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_CONF(test_denied),
	    WITH_CONF(test_address),
	    WITH_CONF(test_to_be_looked_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
