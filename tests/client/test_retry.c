/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include <spillway/client.h>

#include "check.h"

static bool transient(int err, int status, const char *type)
{
	struct spwc_error e = {.status = status};

	strcpy(e.type, type);
	return spwc_transient(err, &e);
}

static void test_transient(void **state)
{
	(void)state;
	assert_true(transient(-EBUSY, 503, "draining"));
	assert_true(transient(-EBUSY, 429, "rate"));
	assert_true(transient(-EREMOTEIO, 502, ""));
	assert_true(transient(-ETIMEDOUT, 504, ""));
	assert_true(transient(-ECONNRESET, 0, "connection_terminated"));
	assert_true(transient(-ETIMEDOUT, 0, "connection_timeout"));
	assert_true(transient(-ECONNREFUSED, 0, "connection_refused"));
	assert_true(transient(-EHOSTUNREACH, 0, "dns_error"));
	/* These say what they mean, and mean it. */
	assert_false(transient(-EREMOTEIO, 502, "dns_error"));
	assert_false(transient(-EREMOTEIO, 500, ""));
	assert_false(transient(-ENOENT, 404, ""));
	assert_false(transient(-EACCES, 401, ""));
	assert_false(transient(-ENOSPC, 507, "no-space"));
	assert_false(transient(-EPROTO, 0, "http_protocol_error"));
	assert_false(transient(-EPROTO, 0, "tls_error"));
	assert_false(transient(-ECANCELED, 0, "cancelled"));
	assert_false(transient(-ENOMEM, 0, "out_of_memory"));
}

static void test_pause(void **state)
{
	struct spwc_error e = {0};
	uint64_t least = 125;

	(void)state;
	for (unsigned int tries = 1; tries < 8; tries++, least *= 2) {
		uint64_t pause = spwc_pause_ms(tries, &e);

		assert_true(pause >= least);
		assert_true(pause <= 2 * least);
	}
	assert_true(spwc_pause_ms(1000, &e) >= 15000);
	assert_true(spwc_pause_ms(1000, &e) <= 30000);
	e.retry_after_s = 7;
	assert_true(spwc_pause_ms(1, &e) >= 7000);
	assert_true(spwc_pause_ms(1, &e) <= 7250);
	e.retry_after_s = 120;
	assert_true(spwc_pause_ms(1, &e) >= 120000);
	e.retry_after_s = 121;
	assert_true(spwc_pause_ms(1, &e) == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_transient),
	    cmocka_unit_test(test_pause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
