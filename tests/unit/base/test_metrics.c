/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"

#define THREADS (METRICS_SHARDS + 3)
#define ADDS 10000

static char *exposition(void)
{
	struct strbuf b;

	strbuf_init(&b, 1 << 20);
	metrics_write(&b, METRICS_TEXT);
	char *text = strbuf_take(&b, NULL);
	assert_non_null(text);
	return text;
}

static void assert_has_line(const char *line)
{
	char *text = exposition();
	const char *at = strstr(text, line);
	size_t n = strlen(line);

	if (!at || (at != text && at[-1] != '\n') || at[n] != '\n')
		fail_msg("no line '%s'", line);
	free(text);
}

static void *add_many(void *unused)
{
	for (int i = 0; i < ADDS; i++) {
		metrics_add(METRIC_BYTES_IN, 3);
		metrics_add(METRIC_UPLOADS_ACTIVE, i % 2 ? -1 : 1);
	}
	return unused;
}

static void test_threads_add_up(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, add_many, NULL), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(metrics_get(METRIC_BYTES_IN), 3 * ADDS * THREADS);
	assert_int_equal(metrics_get(METRIC_UPLOADS_ACTIVE), 0);
}

static void test_values_are_shown(void **state)
{
	(void)state;
	metrics_set(METRIC_SPOOL_DISK_FREE, INT64_MAX);
	metrics_set(METRIC_DRAINING, 1);
	metrics_set(METRIC_DRAINING, 0);
	metrics_add(METRIC_SPOOL_MEMORY, 10);
	metrics_add(METRIC_SPOOL_MEMORY, -4);
	metrics_add(METRIC_PROCESS_TIME, 1000001);
	assert_has_line("spillway_spool_disk_free_bytes 9223372036854775807");
	assert_has_line("spillway_draining 0");
	assert_has_line("spillway_spool_bytes{tier=\"memory\"} 6");
	assert_has_line("spillway_spool_bytes{tier=\"disk\"} 0");
	assert_has_line("spillway_processor_seconds_total 1.000001");
	assert_has_line("# TYPE spillway_spool_bytes gauge");
	assert_has_line("# TYPE spillway_processor_seconds_total counter");
}

static void test_methods_and_statuses(void **state)
{
	(void)state;
	assert_int_equal(metrics_method("GET"), METRIC_REQUESTS_GET);
	assert_int_equal(metrics_method("HEAD"), METRIC_REQUESTS_HEAD);
	assert_int_equal(metrics_method("POST"), METRIC_REQUESTS_POST);
	assert_int_equal(metrics_method("PUT"), METRIC_REQUESTS_PUT);
	assert_int_equal(metrics_method("PATCH"), METRIC_REQUESTS_PATCH);
	assert_int_equal(metrics_method("DELETE"), METRIC_REQUESTS_DELETE);
	assert_int_equal(metrics_method("OPTIONS"), METRIC_REQUESTS_OPTIONS);
	assert_int_equal(metrics_method("get"), METRIC_REQUESTS_OTHER);
	assert_int_equal(metrics_method(""), METRIC_REQUESTS_OTHER);

	assert_int_equal(metrics_status(100), METRIC_RESPONSES_1XX);
	assert_int_equal(metrics_status(200), METRIC_RESPONSES_2XX);
	assert_int_equal(metrics_status(399), METRIC_RESPONSES_3XX);
	assert_int_equal(metrics_status(404), METRIC_RESPONSES_4XX);
	assert_int_equal(metrics_status(599), METRIC_RESPONSES_5XX);
}

/* The order of a family's lines, in both formats; tests/http/test_metrics.py
   reads all of them as a scraper would. */
static void test_families(void **state)
{
	struct strbuf b;

	(void)state;
	strbuf_init_fixed(&b, (char[300]){0}, 300);
	metrics_write_family(
	    &b, METRICS_TEXT, "spillway_",
	    "a_bytes_total", "counter", "Bytes.");
	assert_string_equal(b.data,
	    "# HELP spillway_a_bytes_total Bytes.\n"
	    "# TYPE spillway_a_bytes_total counter\n");
	strbuf_init_fixed(&b, (char[300]){0}, 300);
	metrics_write_family(
	    &b, METRICS_OPENMETRICS, "spillway_",
	    "a_bytes_total", "counter", "Bytes.");
	assert_string_equal(b.data,
	    "# HELP spillway_a_bytes Bytes.\n"
	    "# TYPE spillway_a_bytes counter\n"
	    "# UNIT spillway_a_bytes bytes\n");
	strbuf_init_fixed(&b, (char[300]){0}, 300);
	metrics_write_family(
	    &b, METRICS_OPENMETRICS, "spillway_",
	    "seconds", "gauge", "No unit.");
	assert_string_equal(b.data,
	    "# HELP spillway_seconds No unit.\n"
	    "# TYPE spillway_seconds gauge\n");
}

static void test_end(void **state)
{
	struct strbuf b;
	char *text = exposition();

	(void)state;
	assert_null(strstr(text, "# EOF"));
	assert_null(strstr(text, "# UNIT"));
	free(text);
	strbuf_init(&b, 1 << 20);
	metrics_write(&b, METRICS_OPENMETRICS);
	assert_true(b.len > 6);
	assert_string_equal(b.data + b.len - 6, "# EOF\n");
	strbuf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_threads_add_up),
	    cmocka_unit_test(test_values_are_shown),
	    cmocka_unit_test(test_methods_and_statuses),
	    cmocka_unit_test(test_families),
	    cmocka_unit_test(test_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
