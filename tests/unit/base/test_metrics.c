/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <ctype.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"

#define THREADS (METRICS_SHARDS + 3)
#define ADDS 10000

static char *exposition(void)
{
	struct strbuf b;

	strbuf_init(&b, 1 << 20);
	metrics_write(&b);
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
	metrics_add(METRIC_REQUEST_TIME, 1000001);
	assert_has_line("spillway_spool_disk_free_bytes 9223372036854775807");
	assert_has_line("spillway_draining 0");
	assert_has_line("spillway_spool_bytes{tier=\"memory\"} 6");
	assert_has_line("spillway_spool_bytes{tier=\"disk\"} 0");
	assert_has_line("spillway_request_seconds_total 1.000001");
	assert_has_line("# TYPE spillway_spool_bytes gauge");
	assert_has_line("# TYPE spillway_request_seconds_total counter");
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

/** Name of a sample or of a comment's family: up to a brace or space. */
static size_t name_len(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");
}

/** `name` or `name{label="value"}`, a space and a number. */
static void assert_sample(const char *line)
{
	const char *p = line + name_len(line);

	assert_true(p > line);
	if (*p == '{') {
		size_t label = name_len(++p);
		assert_true(label > 0);
		p += label;
		assert_int_equal(*p++, '=');
		assert_int_equal(*p++, '"');
		p = strchr(p, '"');
		assert_non_null(p);
		assert_int_equal(*++p, '}');
		p++;
	}
	assert_int_equal(*p++, ' ');
	assert_true(*p == '-' || isdigit((unsigned char)*p));
	p += strspn(p, "-0123456789.");
	assert_int_equal(*p, '\0');
}

/* Text format 0.0.4: HELP, TYPE, then the samples of that family, once. */
static void test_exposition_format(void **state)
{
	char *text = exposition();
	char family[128] = "";
	char *rest = text;
	size_t samples = 0;

	(void)state;
	assert_int_equal(text[strlen(text) - 1], '\n');
	for (char *line; (line = strsep(&rest, "\n")) && *line;) {
		size_t help = strlen("# HELP ");

		assert_int_equal(strncmp(line[0] == '#' ? line + help : line,
				     "spillway_", 9),
		    0);
		if (strncmp(line, "# HELP ", help) == 0) {
			size_t n = name_len(line + help);
			char again[160];

			assert_true(n > 0 && n < sizeof family);
			assert_true(strlen(line + help + n) > 2);
			memcpy(family, line + help, n);
			family[n] = '\0';
			snprintf(again, sizeof again, "\n# HELP %s ", family);
			assert_null(strstr(rest, again));
		} else if (strncmp(line, "# TYPE ", help) == 0) {
			size_t n = name_len(line + help);
			bool counter = n > 6 && strncmp(line + help + n - 6,
						    "_total", 6) == 0;

			assert_int_equal(strncmp(line + help, family, n), 0);
			assert_string_equal(
			    line + help + n, counter ? " counter" : " gauge");
		} else {
			assert_int_equal(name_len(line), strlen(family));
			assert_int_equal(
			    strncmp(line, family, strlen(family)), 0);
			assert_sample(line);
			samples++;
		}
	}
	assert_int_equal(samples, METRIC_COUNT + 1);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_threads_add_up),
	    cmocka_unit_test(test_values_are_shown),
	    cmocka_unit_test(test_methods_and_statuses),
	    cmocka_unit_test(test_exposition_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
