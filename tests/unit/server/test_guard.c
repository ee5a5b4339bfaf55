/* SPDX-License-Identifier: MIT */
/* Which addresses may be connected to; the blocks themselves are tested with
   common/ipaddr.h. */
#include "check.h"

#include <string.h>

#include "ingest/guard.h"

static int setup(void **state)
{
	static struct conf c;

	*state = &c;
	return conf_init(&c);
}

static int teardown(void **state)
{
	conf_fini(*state);
	return 0;
}

static void set(struct conf *c, const char *assignment)
{
	struct conf_error err;

	assert_ok(conf_set(c, assignment, &err));
}

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

static void test_explain(void **state)
{
	struct conf *c = *state;
	char text[200];

	guard_explain(rule(c, "::1"), "::1", text, sizeof(text));
	assert_string_equal(text,
	    "The address ::1 is forbidden (loopback); the operator can list "
	    "it in fetch.allow_networks.");

	set(c, "fetch.deny_networks=8.8.8.8");
	guard_explain(rule(c, "8.8.8.8"), "8.8.8.8", text, sizeof(text));
	assert_string_equal(text,
	    "The address 8.8.8.8 is forbidden: fetch.deny_networks lists it.");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_default_is_public_only),
	    CASE(test_allow_sets_aside_what_it_lists),
	    CASE(test_deny_wins),
	    CASE(test_listed),
	    CASE(test_other_families),
	    CASE(test_literal),
	    CASE(test_explain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
