/* SPDX-License-Identifier: MIT */
#include "check.h"

#include "ingest/fetch_retry.h"

static void test_worth(void **state)
{
	static const enum fetch_cause passing[] = {FETCH_CAUSE_DNS_TIMEOUT,
	    FETCH_CAUSE_REFUSED, FETCH_CAUSE_TERMINATED,
	    FETCH_CAUSE_CONNECT_TIMEOUT, FETCH_CAUSE_READ_TIMEOUT,
	    FETCH_CAUSE_RESPONSE_TIMEOUT, FETCH_CAUSE_INCOMPLETE,
	    FETCH_CAUSE_TOO_SLOW};
	unsigned worth = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		assert_true(fetch_retry_worth(passing[i], 0));
	/* And nothing else is, least of all what was refused here. */
	for (int c = FETCH_CAUSE_NONE + 1; c < FETCH_CAUSE_COUNT; c++)
		worth += fetch_retry_worth((enum fetch_cause)c, 0);
	assert_int_equal(worth, sizeof(passing) / sizeof(passing[0]));
}

static void test_statuses(void **state)
{
	static const int passing[] = {408, 429, 500, 502, 503, 504};
	static const int staying[] = {200, 206, 301, 304, 400, 401, 403, 404,
	    410, 416, 501, 505};

	(void)state;
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		assert_true(
		    fetch_retry_worth(FETCH_CAUSE_STATUS, passing[i]));
	for (size_t i = 0; i < sizeof(staying) / sizeof(staying[0]); i++)
		assert_false(
		    fetch_retry_worth(FETCH_CAUSE_STATUS, staying[i]));
	assert_false(fetch_retry_worth(FETCH_CAUSE_PROHIBITED, 503));
}

static void test_pauses_double_and_vary(void **state)
{
	static const struct fetch_head none;

	(void)state;
	assert_int_equal(fetch_retry_pause(1, 100, UINT32_MAX, &none, 0), 100);
	assert_int_equal(fetch_retry_pause(1, 100, 0, &none, 0), 50);
	assert_int_equal(fetch_retry_pause(2, 100, UINT32_MAX, &none, 0), 200);
	assert_int_equal(fetch_retry_pause(4, 100, 0, &none, 0), 400);
	assert_int_equal(fetch_retry_pause(99, 100, UINT32_MAX, &none, 0),
	    FETCH_RETRY_MAX_MS);
	assert_int_equal(
	    fetch_retry_pause(1, UINT64_C(1) << 40, UINT32_MAX, &none, 0),
	    FETCH_RETRY_MAX_MS);
}

static void test_what_the_origin_asks_for(void **state)
{
	struct fetch_head h = {.retry_after_s = 7};

	(void)state;
	assert_int_equal(fetch_retry_pause(1, 100, 0, &h, 0), 7000);
	/* Never less than our own. */
	assert_int_equal(
	    fetch_retry_pause(1, 10000, UINT32_MAX, &h, 0), 10000);
	h.retry_after_s = UINT64_MAX;
	assert_int_equal(
	    fetch_retry_pause(1, 100, 0, &h, 0), FETCH_RETRY_MAX_MS);
	h = (struct fetch_head){.retry_at_s = 1005};
	assert_int_equal(fetch_retry_pause(1, 100, 0, &h, 1000), 5000);
	assert_int_equal(fetch_retry_pause(1, 100, 0, &h, 1005), 50);
	assert_int_equal(fetch_retry_pause(1, 100, 0, &h, 2000), 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_worth),
	    cmocka_unit_test(test_statuses),
	    cmocka_unit_test(test_pauses_double_and_vary),
	    cmocka_unit_test(test_what_the_origin_asks_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
