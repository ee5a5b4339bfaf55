/* SPDX-License-Identifier: MIT */
/* Which addresses may be connected to; the blocks themselves are tested with
   common/ipaddr.h. */
#include <string.h>

#include "guard/guard.h"
#include "unit/base/conf_rig.h"

static const char *rule(const struct conf *c, const char *address)
{
	struct sockaddr_storage ss;

	assert_true(guard_literal(str_from(address), &ss));
	return guard_address(&c->fetch, (const struct sockaddr *)&ss);
}

static void assert_rule(
    const struct conf *c, const char *address, const char *want)
{
	const char *got = rule(c, address);

	if (!want)
		assert_null(got);
	else if (!got)
		fail_msg("%s may be connected to", address);
	else
		assert_string_equal(got, want);
}

static void test_default_is_public_only(void **state)
{
	const struct conf *c = *state;

	assert_rule(c, "8.8.8.8", NULL);
	assert_rule(c, "2a00:1450:4001::1", NULL);
	assert_rule(c, "127.0.0.1", "loopback");
	assert_rule(c, "::1", "loopback");
	assert_rule(c, "10.0.0.1", "private");
	assert_rule(c, "169.254.169.254", "metadata");
	assert_rule(c, "::ffff:10.0.0.1", "private");
	assert_rule(c, "64:ff9b::7f00:1", "loopback");
	assert_rule(c, "64:ff9b::808:808", NULL);
}

static void test_allow_sets_aside_what_it_lists(void **state)
{
	struct conf *c = *state;

	set(c, "fetch.allow_networks=127.0.0.0/8, fd00::/8");
	assert_rule(c, "127.0.0.1", NULL);
	assert_rule(c, "127.255.0.1", NULL);
	assert_rule(c, "::ffff:127.0.0.1", NULL);
	assert_rule(c, "fd00::1", NULL);
	assert_rule(c, "::1", "loopback");
	assert_rule(c, "10.0.0.1", "private");
	assert_rule(c, "8.8.8.8", NULL);
	/* The translator is another way than the one that is listed. */
	assert_rule(c, "64:ff9b::7f00:1", "loopback");
}

static void test_deny_wins(void **state)
{
	struct conf *c = *state;

	set(c, "fetch.allow_networks=10.0.0.0/8");
	set(c, "fetch.deny_networks=10.1.0.0/16, 8.8.8.8, 2a00::/16");
	assert_rule(c, "10.0.0.1", NULL);
	assert_rule(c, "10.1.0.1", "denied");
	assert_rule(c, "::ffff:10.1.0.1", "denied");
	assert_rule(c, "8.8.8.8", "denied");
	assert_rule(c, "8.8.4.4", NULL);
	assert_rule(c, "64:ff9b::808:808", "denied");
	assert_rule(c, "64:ff9b::808:404", NULL);
	assert_rule(c, "2a00::1", "denied");
}

static void test_listed(void **state)
{
	struct conf *c = *state;
	struct sockaddr_storage ss;
	const struct sockaddr *sa = (const struct sockaddr *)&ss;

	set(c, "fetch.allow_networks=10.0.0.0/8, 8.8.8.8");
	set(c, "fetch.deny_networks=10.1.0.0/16");
	assert_true(guard_literal(str_from("10.0.0.1"), &ss));
	assert_true(guard_listed(&c->fetch, sa));
	assert_true(guard_literal(str_from("10.1.0.1"), &ss));
	assert_false(guard_listed(&c->fetch, sa));
	assert_true(guard_literal(str_from("8.8.8.8"), &ss));
	assert_true(guard_listed(&c->fetch, sa));
	assert_true(guard_literal(str_from("8.8.4.4"), &ss));
	assert_false(guard_listed(&c->fetch, sa));
}

static void test_other_families(void **state)
{
	struct conf *c = *state;
	struct sockaddr sa = {.sa_family = AF_UNIX};
	char text[GUARD_ADDRESS_SIZE];

	set(c, "fetch.allow_networks=0.0.0.0/0, ::/0");
	assert_string_equal(guard_address(&c->fetch, &sa), "family");
	guard_address_text(&sa, text);
	assert_string_equal(text, "?");
}

static void test_literal(void **state)
{
	static const char *const good[] = {
	    "1.2.3.4", "255.255.255.255", "::", "fe80::1", "::ffff:1.2.3.4"};
	static const char *const bad[] = {"", "1.2.3", "01.2.3.4", "[::1]",
	    "fe80::1%eth0", "localhost", "1.2.3.4.", "0x7f.0.0.1",
	    "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc"};
	struct sockaddr_storage ss;
	char text[GUARD_ADDRESS_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(guard_literal(str_from(good[i]), &ss));
		guard_address_text((const struct sockaddr *)&ss, text);
		assert_string_equal(text, good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(guard_literal(str_from(bad[i]), &ss));
	assert_false(guard_literal((struct str){"1.2.3.4\0", 8}, &ss));
}

static bool connects(const struct conf *c, const char *local_rule,
    const char *address, struct guard_reason *why)
{
	struct sockaddr_storage ss;

	assert_true(guard_literal(str_from(address), &ss));
	return guard_connect(
	    &c->fetch, local_rule, (const struct sockaddr *)&ss, why);
}

static void test_reasons(void **state)
{
	struct conf *c = *state;
	struct guard_reason why;

	assert_false(connects(c, NULL, "::1", &why));
	assert_string_equal(why.rule, "loopback");
	assert_string_equal(why.text,
	    "The address ::1 is forbidden (loopback); the operator can list "
	    "it in fetch.allow_networks.");

	set(c, "fetch.deny_networks=8.8.8.8");
	assert_false(connects(c, NULL, "8.8.8.8", &why));
	assert_string_equal(why.rule, "denied");
	assert_string_equal(why.text,
	    "The address 8.8.8.8 is forbidden: fetch.deny_networks lists it.");
	assert_true(connects(c, NULL, "8.8.4.4", &why));
}

/* A name that is local leads to listed addresses or nowhere. */
static void test_local_names(void **state)
{
	struct conf *c = *state;
	struct guard_reason why;
	const char *local = url_host_forbidden(str_from("localhost"));

	assert_non_null(local);
	assert_false(connects(c, local, "8.8.8.8", &why));
	assert_string_equal(why.rule, local);
	assert_string_equal(why.text, url_rule_text(local));
	set(c, "fetch.allow_networks=127.0.0.0/8, 8.8.8.8");
	assert_true(connects(c, local, "127.0.0.1", &why));
	assert_true(connects(c, local, "8.8.8.8", &why));
	assert_false(connects(c, local, "8.8.4.4", &why));
	assert_false(connects(c, local, "10.0.0.1", &why));
	assert_string_equal(why.rule, "private");
}

static void test_own(void **state)
{
	static const char *const others[] = {
	    "127.1.2.3", "192.0.2.1", "2001:db8::1", "::ffff:127.1.2.3"};
	const struct sockaddr unknown = {.sa_family = AF_UNIX};
	struct sockaddr_storage ss;

	(void)state;
	assert_true(guard_literal(str_from("127.0.0.1"), &ss));
	assert_true(guard_is_own((const struct sockaddr *)&ss));
	assert_true(guard_literal(str_from("::ffff:127.0.0.1"), &ss));
	assert_true(guard_is_own((const struct sockaddr *)&ss));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_true(guard_literal(str_from(others[i]), &ss));
		assert_false(guard_is_own((const struct sockaddr *)&ss));
	}
	assert_false(guard_is_own(&unknown));
}

static enum guard_verdict verdict(const struct conf *c, const char *url)
{
	struct url_parts parts;
	struct guard_reason why = {0};

	enum guard_verdict v =
	    guard_url(&c->fetch, str_from(url), &parts, &why);
	assert_true((v == GUARD_OK) == (why.text[0] == '\0'));
	assert_true((v == GUARD_OK) == !why.rule);
	return v;
}

static void assert_verdict(
    const struct conf *c, const char *url, enum guard_verdict want)
{
	enum guard_verdict got = verdict(c, url);

	if (got != want)
		fail_msg("%s: %d, not %d", url, (int)got, (int)want);
}

static void test_default_policy(void **state)
{
	const struct conf *c = *state;

	assert_verdict(c, "http://example.com", GUARD_OK);
	assert_verdict(c, "https://example.com:443/a?b#c", GUARD_OK);
	assert_verdict(c, "http://8.8.8.8/", GUARD_OK);
	assert_verdict(c, "http://[2a00:1450:4001::1]/", GUARD_OK);
	assert_verdict(c, "", GUARD_BAD);
	assert_verdict(c, "ftp://example.com/", GUARD_BAD);
	assert_verdict(c, "http://user@example.com/", GUARD_BAD);
	assert_verdict(c, "http://2130706433/", GUARD_BAD);
	assert_verdict(c, "http://example.com:8080/", GUARD_BAD);
	assert_verdict(c, "http://127.0.0.1/", GUARD_FORBIDDEN);
	assert_verdict(c, "http://[::ffff:127.0.0.1]/", GUARD_FORBIDDEN);
	assert_verdict(c, "http://localhost/", GUARD_FORBIDDEN);
	assert_verdict(c, "http://LOCALHOST./", GUARD_FORBIDDEN);
	assert_verdict(c, "http://a.internal/", GUARD_FORBIDDEN);
	/* The address is told before the port. */
	assert_verdict(c, "http://127.0.0.1:1/", GUARD_FORBIDDEN);
}

static void test_operator_policy(void **state)
{
	struct conf *c = *state;

	set(c, "fetch.allow_networks=127.0.0.0/8");
	set(c, "fetch.ports=8000-8080");
	assert_verdict(c, "http://127.0.0.1:8000/", GUARD_OK);
	assert_verdict(c, "http://localhost:8080/", GUARD_OK);
	assert_verdict(c, "http://localhost/", GUARD_BAD);
	assert_verdict(c, "http://10.0.0.1:8000/", GUARD_FORBIDDEN);
	set(c, "fetch.deny_networks=127.0.0.2");
	assert_verdict(c, "http://127.0.0.2:8000/", GUARD_FORBIDDEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_CONF(test_default_is_public_only),
	    WITH_CONF(test_allow_sets_aside_what_it_lists),
	    WITH_CONF(test_deny_wins),
	    WITH_CONF(test_listed),
	    WITH_CONF(test_other_families),
	    WITH_CONF(test_literal),
	    WITH_CONF(test_reasons),
	    WITH_CONF(test_local_names),
	    WITH_CONF(test_own),
	    WITH_CONF(test_default_policy),
	    WITH_CONF(test_operator_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
