/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "ingest/clients.h"

static int setup(void **state)
{
	return clients_new((struct clients **)state);
}

static int teardown(void **state)
{
	clients_free(*state);
	return 0;
}

static void test_limit(void **state)
{
	struct clients_ticket *t[3], *other;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 3; i++)
			assert_ok(clients_enter(*state, "192.0.2.1", 3, &t[i]));
		assert_err(
		    clients_enter(*state, "192.0.2.1", 3, &other), EUSERS);
		assert_ok(clients_enter(*state, "192.0.2.2", 1, &other));
		clients_leave(other);
		clients_leave(t[0]);
		assert_ok(clients_enter(*state, "192.0.2.1", 3, &t[0]));
		for (int i = 0; i < 3; i++)
			clients_leave(t[i]);
	}
	clients_leave(NULL);
}

static void check_same(void *clients, const char *a, const char *b, bool same)
{
	struct clients_ticket *first, *second;

	assert_ok(clients_enter(clients, a, 1, &first));
	int r = clients_enter(clients, b, 1, &second);
	if (r == 0)
		clients_leave(second);
	clients_leave(first);
	if ((r == -EUSERS) != same)
		fail_msg("%s and %s: %d", a, b, r);
}

static void test_networks(void **state)
{
	check_same(*state, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::", true);
	check_same(*state, "2001:db8:1:2::1", "2001:db8:1:3::1", false);
	check_same(*state, "::ffff:192.0.2.7", "192.0.2.7", true);
	check_same(*state, "::ffff:192.0.2.7", "::ffff:192.0.2.8", false);
	check_same(*state, "unix", "unix", true);
	check_same(*state, "", "unix", false);
}

static void test_many(void **state)
{
	struct clients_ticket *t[5000];
	char name[32];

	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "10.0.%d.%d", i >> 8, i & 255);
		assert_ok(clients_enter(*state, name, 1, &t[i]));
	}
	assert_err(clients_enter(*state, "10.0.7.7", 1, &t[0]), EUSERS);
	for (int i = 0; i < 5000; i++)
		clients_leave(t[i]);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_limit),
	    T(test_networks),
	    T(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
