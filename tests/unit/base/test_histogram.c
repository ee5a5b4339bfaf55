/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/histogram.h"

#define THREADS (METRICS_SHARDS + 3)
#define MANY 2000

#define LABELS "{route=\"upload\",class=\"2xx\"}"

static char *exposition(void)
{
	struct strbuf b;

	strbuf_init(&b, 1 << 20);
	histogram_write(&b, METRICS_TEXT);
	char *text = strbuf_take(&b, NULL);
	assert_non_null(text);
	return text;
}

/** Returns: the number behind what a line begins with; -1 without one. */
static double value(const char *begins)
{
	char *text = exposition(), *at = strstr(text, begins);
	double v = -1;

	if (at && (at == text || at[-1] == '\n'))
		v = strtod(at + strlen(begins), NULL);
	free(text);
	return v;
}

/** Returns: how many there are up to a bound. */
static double bucket(const char *route, const char *class, const char *le)
{
	char line[200];

	snprintf(line, sizeof(line),
	    "spillway_request_latency_seconds_bucket{route=\"%s\",class=\"%s\","
	    "le=\"%s\"} ",
	    route, class, le);
	return value(line);
}

/* Before the first one there is nothing but the families. */
static void test_nothing(void **state)
{
	char *text = exposition();

	(void)state;
	assert_non_null(strstr(
	    text, "# TYPE spillway_request_duration_seconds histogram\n"));
	assert_non_null(strstr(
	    text, "# TYPE spillway_request_latency_seconds histogram\n"));
	assert_null(strstr(text, "_count"));
	free(text);
}

static void observe(uint64_t us)
{
	histogram_observe(HISTOGRAM_REQUEST_LATENCY, ROUTE_DOWNLOAD, 404, us);
}

/* A bound belongs to its bucket. */
static void test_buckets(void **state)
{
	(void)state;
	observe(0);
	observe(250);
	observe(251);
	observe(1000000);
	observe(300000000);
	observe(300000001);
	assert_true(bucket("download", "4xx", "0.00025") == 2);
	assert_true(bucket("download", "4xx", "0.0005") == 3);
	assert_true(bucket("download", "4xx", "0.5") == 3);
	assert_true(bucket("download", "4xx", "1.0") == 4);
	assert_true(bucket("download", "4xx", "300.0") == 5);
	assert_true(bucket("download", "4xx", "+Inf") == 6);
	assert_true(value("spillway_request_latency_seconds_count{route="
			  "\"download\",class=\"4xx\"} ") == 6);
	assert_true(value("spillway_request_latency_seconds_sum{route="
			  "\"download\",class=\"4xx\"} ") == 601.000502);
	/* Of others there is none. */
	assert_true(bucket("download", "2xx", "+Inf") == -1);
	assert_true(bucket("upload", "4xx", "+Inf") == -1);
}

static void test_classes(void **state)
{
	static const struct {
		int status;
		const char *class;
	} rows[] = {{0, "none"}, {101, "1xx"}, {299, "2xx"}, {304, "3xx"},
	    {460, "4xx"}, {599, "5xx"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		histogram_observe(
		    HISTOGRAM_REQUEST_LATENCY, ROUTE_LINK, rows[i].status, 1);
		assert_true(bucket("link", rows[i].class, "+Inf") == 1);
	}
}

static void *observe_many(void *unused)
{
	for (unsigned i = 0; i < MANY; i++)
		histogram_observe(
		    HISTOGRAM_REQUEST_DURATION, ROUTE_UPLOAD, 201, i * 500);
	return unused;
}

static void test_threads_add_up(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, observe_many, NULL), 0);
	/* What is read meanwhile agrees with itself. */
	for (int i = 0; i < 20; i++) {
		char *text = exposition();
		const char *inf = strstr(text,
		    "request_duration_seconds_bucket{route=\"upload\","
		    "class=\"2xx\",le=\"+Inf\"} ");
		const char *count =
		    strstr(text, "request_duration_seconds_count" LABELS " ");

		assert_true(!inf == !count);
		if (count)
			assert_int_equal(strtol(strchr(inf, ' '), NULL, 10),
			    strtol(strchr(count, ' '), NULL, 10));
		free(text);
	}
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_true(value("spillway_request_duration_seconds_count" LABELS
			  " ") == MANY * THREADS);
	assert_true(value("spillway_request_duration_seconds_sum" LABELS " ") ==
		    MANY * (MANY - 1) / 2 * 0.0005 * THREADS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nothing),
	    cmocka_unit_test(test_buckets),
	    cmocka_unit_test(test_classes),
	    cmocka_unit_test(test_threads_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
