/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <spillway/client.h>

#include "check.h"
#include "core/descriptor.h"
#include "core/error.h"

static json_t *json_of(const char *text)
{
	json_t *json = json_loads(text, JSON_ALLOW_NUL, NULL);

	assert_non_null(json);
	return json;
}

static void test_file(void **state)
{
	json_t *json = json_of(
	    "{\"id\":\"k3\",\"state\":\"ready\",\"name\":\"\\u00fc\\u001b\","
	    "\"size\":1234,\"received\":1200,\"etag\":\"\\\"e\\\"\","
	    "\"type\":\"text/plain\",\"created\":\"2026-11-21T06:00:00Z\","
	    "\"expires\":\"2026-11-21T06:00:01.5Z\"}");
	struct spwc_file f = {0};

	(void)state;
	assert_ok(spwc__file_from_json(json, &f));
	assert_string_equal(f.id, "k3");
	assert_string_equal(f.name, "\xc3\xbc\x1b");
	assert_string_equal(f.etag, "\"e\"");
	assert_string_equal(f.type, "text/plain");
	assert_int_equal(f.state, SPWC_READY);
	assert_int_equal(f.size, 1234);
	assert_int_equal(f.received, 1200);
	assert_int_equal(f.created, 1795240800);
	assert_int_equal(f.expires, 1795240801);
	assert_non_null(strstr(f.json, "\"\\u00FC\\u001B\""));
	assert_string_equal(f.error.type, "");
	spwc_file_fini(&f);
	spwc_file_fini(&f);
	json_decref(json);
}

static void test_file_without_much(void **state)
{
	json_t *json = json_of(
	    "{\"id\":\"k3\",\"state\":\"receiving\",\"size\":null,\"name\":7,"
	    "\"received\":-1,\"created\":\"soon\",\"expires\":\"2026-11-21\"}");
	struct spwc_file f = {0};

	(void)state;
	assert_ok(spwc__file_from_json(json, &f));
	assert_null(f.name);
	assert_null(f.etag);
	assert_true(f.size == SPWC_UNKNOWN);
	assert_int_equal(f.received, 0);
	assert_true(f.created == SPWC_UNKNOWN);
	assert_true(f.expires == SPWC_UNKNOWN);
	spwc_file_fini(&f);
	json_decref(json);
}

static void test_file_failed(void **state)
{
	json_t *json = json_of(
	    "{\"id\":\"k3\",\"state\":\"failed\",\"source\":{\"error\":{"
	    "\"type\":\"/problems/dns_error\",\"title\":\"t\",\"status\":504,"
	    "\"detail\":\"no such host.\",\"stderr\":\"a\\nb\"}}}");
	struct spwc_file f = {0};

	(void)state;
	assert_ok(spwc__file_from_json(json, &f));
	assert_int_equal(f.error.status, 504);
	assert_string_equal(f.error.type, "dns_error");
	/* Whoever tells it ends the sentence. */
	assert_string_equal(f.error.detail, "no such host");
	assert_string_equal(f.error.said, "a\nb");
	spwc_file_fini(&f);
	json_decref(json);

	json = json_of("{\"id\":\"k3\",\"state\":\"failed\"}");
	assert_ok(spwc__file_from_json(json, &f));
	assert_string_equal(f.error.said, "");
	assert_true(f.error.status != 0);
	assert_true(f.error.detail[0] != '\0');
	assert_true(f.error.type[0] != '\0');
	spwc_file_fini(&f);
	json_decref(json);
}

static void test_not_a_file(void **state)
{
	static const char *const bad[] = {
	    "{}",
	    "[]",
	    "{\"id\":\"a\"}",
	    "{\"id\":\"a\",\"state\":\"odd\"}",
	    "{\"id\":\"a/b\",\"state\":\"ready\"}",
	    "{\"id\":\"\",\"state\":\"ready\"}",
	    "{\"id\":1,\"state\":\"ready\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		json_t *json = json_of(bad[i]);
		struct spwc_file f = {0};

		assert_err(spwc__file_from_json(json, &f), EPROTO);
		assert_null(f.id);
		json_decref(json);
	}
}

static void test_entry(void **state)
{
	json_t *json =
	    json_of("{\"index\":3,\"name\":\"a\\u0000b\",\"size\":10,"
		    "\"compressed_size\":5,\"method\":8,\"crc32\":\"deadbeef\","
		    "\"modified\":\"2026-11-21T06:00:00\",\"is_dir\":false,"
		    "\"encrypted\":true,\"unsafe\":true}");
	struct spwc_zip_entry e;
	char *line = NULL;

	(void)state;
	assert_ok(spwc__entry_from_json(json, &e, &line));
	assert_int_equal(e.index, 3);
	assert_int_equal(e.name_len, 3);
	assert_memory_equal(e.name, "a\0b", 3);
	assert_string_equal(e.method, "deflated");
	assert_int_equal(e.crc32, 0xdeadbeef);
	assert_true(e.is_encrypted);
	assert_true(e.is_unsafe);
	assert_false(e.is_dir);
	assert_ptr_equal(e.json, line);
	free(line);
	json_decref(json);

	json = json_of("{\"name\":\"a\"}");
	assert_err(spwc__entry_from_json(json, &e, &line), EPROTO);
	json_decref(json);
}

static int answer(struct spwc_error *e, long status, const char *body)
{
	return spwc__error_answer(e, status, body, strlen(body), NULL);
}

static void test_problems(void **state)
{
	struct spwc_error e;
	char text[2100] = "{\"detail\":\"";

	(void)state;
	assert_err(answer(&e, 404,
		       "{\"type\":\"/problems/not-found\",\"title\":\"T\","
		       "\"detail\":\"D\"}"),
	    ENOENT);
	assert_int_equal(e.status, 404);
	assert_string_equal(e.type, "not-found");
	assert_string_equal(e.title, "T");
	assert_string_equal(e.detail, "D");

	assert_err(answer(&e, 410, "{\"title\":\"T\"}"), ENOENT);
	assert_string_equal(e.detail, "T");
	assert_err(answer(&e, 507, "{}"), ENOSPC);
	assert_string_equal(e.detail, "HTTP 507");
	assert_err(answer(&e, 500, "<html>"), EREMOTEIO);
	assert_true(e.detail[0] != '\0');
	assert_int_equal(e.status, 500);
	assert_err(answer(&e, 418, ""), EINVAL);
	assert_err(answer(&e, 304, ""), EPROTO);
	assert_err(answer(NULL, 404, ""), ENOENT);

	/* Cut between characters. */
	for (int i = 0; i < 1000; i++)
		strcat(text, "\xc3\xbc");
	strcat(text, "\"}");
	assert_err(answer(&e, 400, text), EINVAL);
	assert_int_equal(strlen(e.detail), sizeof(e.detail) - 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_file),
	    cmocka_unit_test(test_file_without_much),
	    cmocka_unit_test(test_file_failed),
	    cmocka_unit_test(test_not_a_file),
	    cmocka_unit_test(test_entry),
	    cmocka_unit_test(test_problems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
