/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <string.h>

#include "http/problem.h"
#include "ingest/fetch_error.h"

static void assert_word(
    CURLcode code, const struct fetch_stage *at, const char *want)
{
	struct failure e;

	fetch_error_set(&e, fetch_cause_of(code, at), "x");
	assert_non_null(e.word);
	assert_string_equal(e.word, want);
}

/* RFC 9209 §2.3 */
static void test_words(void **state)
{
	static const struct fetch_stage none = {0};
	static const struct {
		CURLcode code;
		const char *want;
	} cases[] = {
	    {CURLE_UNSUPPORTED_PROTOCOL, "http_protocol_error"},
	    {CURLE_WEIRD_SERVER_REPLY, "http_protocol_error"},
	    {CURLE_COULDNT_RESOLVE_HOST, "dns_error"},
	    {CURLE_COULDNT_CONNECT, "connection_refused"},
	    {CURLE_PARTIAL_FILE, "http_response_incomplete"},
	    {CURLE_GOT_NOTHING, "connection_terminated"},
	    {CURLE_SEND_ERROR, "connection_terminated"},
	    {CURLE_RECV_ERROR, "connection_terminated"},
	    {CURLE_SSL_CONNECT_ERROR, "tls_protocol_error"},
	    {CURLE_PEER_FAILED_VERIFICATION, "tls_certificate_error"},
	    {CURLE_WRITE_ERROR, "proxy_internal_error"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_word(cases[i].code, &none, cases[i].want);
}

static void test_words_for_timeouts(void **state)
{
	struct fetch_stage at = {0};

	(void)state;
	assert_word(CURLE_OPERATION_TIMEDOUT, &at, "dns_timeout");
	at.resolved = true;
	assert_word(CURLE_OPERATION_TIMEDOUT, &at, "connection_timeout");
	at.connected = true;
	assert_word(CURLE_OPERATION_TIMEDOUT, &at, "http_response_timeout");
	at.answered = true;
	assert_word(CURLE_OPERATION_TIMEDOUT, &at, "connection_read_timeout");
}

static void test_words_for_connections(void **state)
{
	static const struct {
		int err;
		const char *want;
	} cases[] = {
	    {ECONNREFUSED, "connection_refused"},
	    {ENETUNREACH, "destination_ip_unroutable"},
	    {EHOSTUNREACH, "destination_ip_unroutable"},
	    {ETIMEDOUT, "connection_timeout"},
	    {EMFILE, "proxy_internal_error"},
	};
	struct fetch_stage at = {.resolved = true};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		at.os_errno = cases[i].err;
		assert_word(CURLE_COULDNT_CONNECT, &at, cases[i].want);
	}

	at.denied = true;
	assert_word(CURLE_COULDNT_CONNECT, &at, "destination_ip_prohibited");
	assert_word(
	    CURLE_ABORTED_BY_CALLBACK, &at, "destination_ip_prohibited");
}

static void test_words_for_broken_answers(void **state)
{
	struct fetch_stage at = {.resolved = true, .connected = true};

	(void)state;
	assert_word(CURLE_OUT_OF_MEMORY, &at,
	    "http_response_header_section_size");
	at.answered = true;
	assert_int_equal(fetch_cause_of(CURLE_OUT_OF_MEMORY, &at),
	    FETCH_CAUSE_EXHAUSTED);
	at.chunked = true;
	assert_word(CURLE_RECV_ERROR, &at, "http_response_transfer_coding");
	at.os_errno = ECONNRESET;
	assert_word(CURLE_RECV_ERROR, &at, "connection_terminated");
	at.os_errno = 0;
	at.https = true;
	assert_word(CURLE_RECV_ERROR, &at, "connection_terminated");
}

static void test_errno(void **state)
{
	(void)state;
	assert_int_equal(
	    fetch_cause_of_errno(-ENOSPC), FETCH_CAUSE_NO_SPACE);
	assert_int_equal(
	    fetch_cause_of_errno(-EDQUOT), FETCH_CAUSE_NO_SPACE);
	assert_int_equal(
	    fetch_cause_of_errno(-ENOSR), FETCH_CAUSE_NO_SPACE);
	assert_int_equal(
	    fetch_cause_of_errno(-ENOANO), FETCH_CAUSE_NO_SPACE);
	assert_int_equal(
	    fetch_cause_of_errno(-ENOBUFS), FETCH_CAUSE_NO_SPACE);
	assert_int_equal(fetch_cause_of_errno(-EIO), FETCH_CAUSE_NO_SPACE);
	assert_int_equal(fetch_cause_of_errno(-EFBIG), FETCH_CAUSE_BODY_SIZE);
	assert_int_equal(fetch_cause_of_errno(-ENOMEM), FETCH_CAUSE_EXHAUSTED);
	assert_int_equal(fetch_cause_of_errno(-EMFILE), FETCH_CAUSE_EXHAUSTED);
	assert_int_equal(fetch_cause_of_errno(-EPERM), FETCH_CAUSE_INTERNAL);
}

/* A type means the same in a descriptor as in an answer. */
static void test_types_agree_with_problems(void **state)
{
	static const struct {
		enum fetch_cause cause;
		enum http_problem_kind kind;
	} all[] = {{FETCH_CAUSE_PROHIBITED, PROBLEM_ADDRESS_FORBIDDEN},
	    {FETCH_CAUSE_TOO_SLOW, PROBLEM_FETCH_TIMEOUT},
	    {FETCH_CAUSE_REFUSED, PROBLEM_FETCH_FAILED},
	    {FETCH_CAUSE_BAD_REDIRECT, PROBLEM_BAD_REDIRECT},
	    {FETCH_CAUSE_REDIRECTS, PROBLEM_TOO_MANY_REDIRECTS},
	    {FETCH_CAUSE_CHANGED, PROBLEM_ORIGIN_CHANGED},
	    {FETCH_CAUSE_SIZE, PROBLEM_SIZE_MISMATCH},
	    {FETCH_CAUSE_DIGEST, PROBLEM_DIGEST_MISMATCH},
	    {FETCH_CAUSE_CANCELLED, PROBLEM_GONE},
	    {FETCH_CAUSE_STOPPED, PROBLEM_DRAINING},
	    {FETCH_CAUSE_NO_SPACE, PROBLEM_NO_SPACE},
	    {FETCH_CAUSE_EXHAUSTED, PROBLEM_UNAVAILABLE},
	    {FETCH_CAUSE_INTERNAL, PROBLEM_INTERNAL}};
	struct failure e;

	(void)state;
	for (int c = FETCH_CAUSE_NONE + 1; c < FETCH_CAUSE_COUNT; c++) {
		fetch_error_set(&e, (enum fetch_cause)c, "%d", c);
		/* Which is no failure, and never told as one. */
		if (c != FETCH_CAUSE_UNCHANGED)
			assert_in_range(e.status, 400, 599);
		else
			assert_int_equal(e.status, 304);
	}
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct http_problem_type *want =
		    http_problem_type(all[i].kind);

		fetch_error_set(&e, all[i].cause, "x");
		assert_int_equal(e.status, want->status);
		assert_string_equal(e.type, want->name);
		assert_string_equal(e.title, want->title);
	}
}

static void test_detail_is_cut(void **state)
{
	struct failure e;

	(void)state;
	fetch_error_set(&e, FETCH_CAUSE_STATUS, "%01000d", 7);
	assert_int_equal(strlen(e.detail), sizeof(e.detail) - 1);
	assert_int_equal(fetch_cause_metric(FETCH_CAUSE_STATUS),
	    METRIC_FETCHES_FAILED_STATUS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_words_for_timeouts),
	    cmocka_unit_test(test_words_for_connections),
	    cmocka_unit_test(test_words_for_broken_answers),
	    cmocka_unit_test(test_errno),
	    cmocka_unit_test(test_types_agree_with_problems),
	    cmocka_unit_test(test_detail_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
