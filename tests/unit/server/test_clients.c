/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <limits.h>

#include "base/clients.h"

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
			assert_ok(clients_enter(*state, 1, 3, &t[i]));
		assert_err(
		    clients_enter(*state, 1, 3, &other), EUSERS);
		assert_ok(clients_enter(*state, 2, 1, &other));
		clients_leave(other);
		clients_leave(t[0]);
		assert_ok(clients_enter(*state, 1, 3, &t[0]));
		for (int i = 0; i < 3; i++)
			clients_leave(t[i]);
	}
	clients_leave(NULL);
}

static void test_many(void **state)
{
	struct clients_ticket *t[5000];

	for (uint64_t i = 0; i < 5000; i++)
		assert_ok(clients_enter(*state, i, 1, &t[i]));
	for (uint64_t i = 0; i < 5000; i++)
		assert_err(clients_enter(*state, i, 1, &t[0]), EUSERS);
	for (int i = 0; i < 5000; i++)
		clients_leave(t[i]);
}

/* Of any number of places but one there is one for others. */
static void test_part(void **state)
{
	static const unsigned parts[] = {0, 1, 1, 2, 3, 3, 4, 5, 6};

	(void)state;
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		assert_int_equal(clients_part(i), parts[i]);
	assert_int_equal(clients_part(64), 48);
	assert_int_equal(clients_part(UINT_MAX), UINT_MAX / 4 * 3 + 2);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_limit),
	    T(test_many),
	    T(test_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
