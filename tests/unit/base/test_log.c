/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>

#include "base/log.h"
#include "base/metrics.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

/** The log's other end; it keeps what one write() wrote for one read(). */
static int ends[2];

static int setup(void **state)
{
	(void)state;
	return socketpair(
	    AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends);
}

static int teardown(void **state)
{
	(void)state;
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, STDERR_FILENO);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static void log_to_us(enum log_level level, enum log_format format)
{
	log_init(level, format, ends[1]);
}

/** What was written by one write(), "" when nothing was. */
static const char *written(void)
{
	static char got[LOG_ACCESS_BUF_SIZE * 2];

	ssize_t n = read(ends[0], got, sizeof got - 1);
	got[n > 0 ? n : 0] = '\0';
	return got;
}

/** Compare behind "2026-11-21T06:00:00.123Z". */
static void assert_stamped(const char *line, const char *rest)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";

	assert_true(strlen(line) >= sizeof form - 1);
	for (size_t i = 0; i < sizeof form - 1; i++) {
		if (form[i] == 'd')
			assert_in_range(line[i], '0', '9');
		else
			assert_int_equal(line[i], form[i]);
	}
	assert_string_equal(line + sizeof form - 1, rest);
}

static void test_text(void **state)
{
	(void)state;
	log_to_us(LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT);
	log_error("disk %s, %d left", "full", 3);
	assert_stamped(written(), " error  disk full, 3 left\n");
	log_warn("w");
	assert_stamped(written(), " warn   w\n");
	log_info("i");
	assert_stamped(written(), " info   i\n");
	log_debug("d");
	assert_stamped(written(), " debug  d\n");
	log_info("%s", "");
	assert_stamped(written(), " info   \n");
	assert_string_equal(written(), "");
}

static void test_journal(void **state)
{
	(void)state;
	log_to_us(LOG_LEVEL_DEBUG, LOG_FORMAT_JOURNAL);
	log_error("e");
	assert_string_equal(written(), "<3>e\n");
	log_warn("w");
	assert_string_equal(written(), "<4>w\n");
	log_info("i");
	assert_string_equal(written(), "<6>i\n");
	log_debug("a\nb");
	assert_string_equal(written(), "<7>a\\nb\n");
}

static void test_json(void **state)
{
	(void)state;
	log_to_us(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	log_warn("a\n\"b\" \\ \x01 \xff");
	const char *line = written();
	assert_memory_equal(line, "{\"time\":\"", 9);
	assert_stamped(line + 9,
	    "\",\"level\":\"warn\",\"message\":"
	    "\"a\\n\\\"b\\\" \\\\ \\u0001 \xef\xbf\xbd\"}\n");
}

/* For whom the thread works. */
static void test_request(void **state)
{
	struct log_request r = {0};
	struct log_request traced = {
	    .id = "own", .trace_id = TRACE, .span_id = SPAN};
	char expected[256];

	(void)state;
	log_to_us(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	assert_null(log_for(&r));
	log_warn("a");
	assert_int_equal(strlen(r.id), ID_LEN);
	snprintf(expected, sizeof expected, " warn   [%s] a\n", r.id);
	assert_stamped(written(), expected);

	assert_ptr_equal(log_for(&traced), &r);
	log_warn("b");
	assert_stamped(written(), " warn   [own " TRACE "] b\n");
	log_to_us(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	log_warn("c");
	assert_stamped(written() + 9,
	    "\",\"level\":\"warn\",\"request_id\":\"own\",\"trace_id\":"
	    "\"" TRACE
	    "\",\"span_id\":\"" SPAN "\",\"message\":\"c\"}\n");
	assert_ptr_equal(log_for(NULL), &traced);
	log_warn("d");
	assert_stamped(written() + 9,
	    "\",\"level\":\"warn\",\"message\":\"d\"}\n");
}

static void test_level_is_checked_before_the_arguments(void **state)
{
	int evaluated = 0;

	(void)state;
	log_to_us(LOG_LEVEL_WARN, LOG_FORMAT_TEXT);
	log_info("%d", ++evaluated);
	log_debug("%d", ++evaluated);
	assert_int_equal(evaluated, 0);
	assert_string_equal(written(), "");
	log_warn("%d", ++evaluated);
	assert_int_equal(evaluated, 1);
	assert_stamped(written(), " warn   1\n");

	log_to_us(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	log_warn("x");
	assert_string_equal(written(), "");
}

/* Nothing that comes in from outside can begin a line or a colour. */
static void test_text_cannot_be_forged(void **state)
{
	(void)state;
	log_to_us(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL);
	log_info("%s", "a\r\n<3>forged\t\x1b[31m\x7f\\n");
	assert_string_equal(
	    written(), "<6>a\\r\\n<3>forged\\t\\x1b[31m\\x7f\\\\n\n");
	/* C1 controls, as UTF-8 and as bytes; U+00A0 and above are text. */
	log_info("%s", "\xc2\x9b!\x9b!\xc2\xa0\xc3\xa9\xe2\x82\xac");
	assert_string_equal(
	    written(), "<6>\\xc2\\x9b!\\x9b!\xc2\xa0\xc3\xa9\xe2\x82\xac\n");
	log_info("%s", "\xc3");
	assert_string_equal(written(), "<6>\\xc3\n");
	log_info("%s", "quotes \" stay");
	assert_string_equal(written(), "<6>quotes \" stay\n");
}

static void test_long_messages_are_cut(void **state)
{
	static const char *const units[] = {
	    "x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\x01"};
	char message[LOG_MESSAGE_MAX * 2 + 8];

	(void)state;
	for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
		size_t width = strlen(units[u]);

		for (size_t pad = 0; pad < 4; pad++) {
			memset(message, 'p', pad);
			for (size_t i = pad; i + width < sizeof message;
			     i += width)
				memcpy(message + i, units[u], width + 1);

			/* Whole characters only: nothing needs escaping. */
			log_to_us(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
			log_info("%s", message);
			const char *line = written();
			size_t n = strlen(line);
			assert_null(strstr(line, "\xef\xbf\xbd"));
			assert_string_equal(line + n - 6, "...\"}\n");
		}
	}

	log_to_us(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL);
	memset(message, 'y', sizeof message);
	message[LOG_MESSAGE_MAX] = '\0';
	log_info("%s", message);
	assert_int_equal(strlen(written()), 3 + LOG_MESSAGE_MAX + 1);
	message[LOG_MESSAGE_MAX] = 'y';
	message[LOG_MESSAGE_MAX + 1] = '\0';
	log_info("%s", message);
	const char *line = written();
	assert_int_equal(strlen(line), 3 + LOG_MESSAGE_MAX + 1);
	assert_string_equal(line + LOG_MESSAGE_MAX, "...\n");
}

static void test_errno_is_kept(void **state)
{
	(void)state;
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, -1);
	errno = EDOM;
	int64_t lost = metrics_get(METRIC_LOG_LINES_LOST);
	log_info("nobody reads this");
	assert_int_equal(errno, EDOM);
	assert_int_equal(metrics_get(METRIC_LOG_LINES_LOST), lost + 1);

	/* Who reads it again is told. */
	log_to_us(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	log_info("somebody reads this");
	assert_stamped(written(), " warn   1 line was lost\n");
	assert_stamped(written(), " info   somebody reads this\n");
}

static const struct log_access usual = {
    .client = "192.0.2.7",
    .method = "GET",
    .target = "/files/k3v?download HTTP/1.1",
    .target_len = 19,
    .status = 206,
    .bytes_in = 1,
    .bytes_out = 1234,
    .duration_us = 87,
    .request_id = "r1",
    .referer = NULL,
    .user_agent = "curl/7.88.1",
    .token = "alice",
};

static void test_access_text(void **state)
{
	static struct access_buf b;

	(void)state;
	log_to_us(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	log_access(&b, &usual);
	assert_string_equal(written(), "");
	access_flush(&b);
	assert_stamped(written(),
	    " access 192.0.2.7 \"GET /files/k3v?download\" 206 in=1 out=1234 "
	    "us=87 request_id=\"r1\" trace_id=\"-\" referer=\"-\" "
	    "user_agent=\"curl/7.88.1\" token=\"alice\"\n");
	access_flush(&b);
	assert_string_equal(written(), "");
}

static void test_access_journal(void **state)
{
	static struct access_buf b;
	const struct log_access nothing = {0};

	(void)state;
	log_to_us(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL);
	log_access(&b, &nothing);
	access_flush(&b);
	assert_string_equal(written(),
	    "<6>- \"- -\" 0 in=0 out=0 us=0 request_id=\"-\" "
	    "trace_id=\"-\" referer=\"-\" user_agent=\"-\" token=\"-\"\n");
}

static void test_access_json(void **state)
{
	static struct access_buf b;
	struct log_access traced = usual;

	(void)state;
	log_to_us(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	traced.trace_id = TRACE;
	traced.span_id = SPAN;
	log_access(&b, &traced);
	access_flush(&b);
	json_t *o = json_loads(written(), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	assert_string_equal(
	    json_string_value(json_object_get(o, "level")), "access");
	assert_string_equal(
	    json_string_value(json_object_get(o, "client")), "192.0.2.7");
	assert_string_equal(
	    json_string_value(json_object_get(o, "method")), "GET");
	assert_string_equal(json_string_value(json_object_get(o, "target")),
	    "/files/k3v?download");
	assert_int_equal(json_integer_value(json_object_get(o, "status")), 206);
	assert_int_equal(json_integer_value(json_object_get(o, "bytes_in")), 1);
	assert_int_equal(
	    json_integer_value(json_object_get(o, "bytes_out")), 1234);
	assert_int_equal(
	    json_integer_value(json_object_get(o, "duration_us")), 87);
	assert_string_equal(
	    json_string_value(json_object_get(o, "request_id")), "r1");
	assert_true(json_is_null(json_object_get(o, "referer")));
	assert_string_equal(
	    json_string_value(json_object_get(o, "user_agent")), "curl/7.88.1");
	assert_string_equal(json_string_value(json_object_get(o, "trace_id")),
	    TRACE);
	assert_string_equal(
	    json_string_value(json_object_get(o, "token")), "alice");
	assert_string_equal(
	    json_string_value(json_object_get(o, "span_id")), SPAN);
	assert_int_equal(json_object_size(o), 15);
	json_decref(o);
}

static void test_access_cannot_be_forged(void **state)
{
	static struct access_buf b;
	struct log_access a = {
	    .target = "/x\" 200 in=0\n<3>boo",
	    .target_len = 19,
	    .user_agent = "\"\\\x1b",
	};

	(void)state;
	log_to_us(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL);
	log_access(&b, &a);
	access_flush(&b);
	assert_string_equal(written(),
	    "<6>- \"- /x\\\" 200 in=0\\n<3>boo\" 0 in=0 out=0 us=0 "
	    "request_id=\"-\" trace_id=\"-\" referer=\"-\" "
	    "user_agent=\"\\\"\\\\\\x1b\" token=\"-\"\n");
}

/** Count whole lines; the text must end with one. */
static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (const char *p = text; *p; p++)
		n += *p == '\n';
	assert_int_equal(text[strlen(text) - 1], '\n');
	return n;
}

static void test_access_flushes_whole_lines(void **state)
{
	static struct access_buf b;
	const size_t total = 1000;
	size_t seen = 0;
	char all[16384];
	FILE *f = tmpfile();

	(void)state;
	assert_non_null(f);
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, fileno(f));
	for (size_t i = 0; i < total; i++) {
		size_t before = b.len;
		log_access(&b, &usual);
		assert_true(b.len <= sizeof b.data);
		if (b.len < before) {
			/* It was full, so most of it is in the file. */
			assert_true(before > sizeof b.data / 2);
			assert_int_equal(b.data[b.len - 1], '\n');
		}
	}
	access_flush(&b);
	rewind(f);
	while (fgets(all, sizeof all, f)) {
		assert_int_equal(count_lines(all), 1);
		assert_non_null(strstr(all, "us=87"));
		seen++;
	}
	assert_int_equal(seen, total);
	fclose(f);
}

/* The worst line of all fits, in every format and wherever it comes. */
static void test_access_longest_line(void **state)
{
	static struct access_buf b;
	static char bad[20000];
	const struct log_access worst = {
	    .client = bad,
	    .method = bad,
	    .target = bad,
	    .target_len = sizeof bad - 1,
	    .status = 2147483647,
	    .bytes_in = UINT64_MAX,
	    .bytes_out = UINT64_MAX,
	    .duration_us = UINT64_MAX,
	    .request_id = bad,
	    .trace_id = bad,
	    .span_id = bad,
	    .token = bad,
	    .referer = bad,
	    .user_agent = bad,
	};
	FILE *f = tmpfile();

	(void)state;
	assert_non_null(f);
	memset(bad, '\x01', sizeof bad - 1);
	for (int format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JOURNAL;
	     format++) {
		log_init(LOG_LEVEL_INFO, (enum log_format)format, fileno(f));
		for (int i = 0; i < 300; i++)
			log_access(&b, i % 7 ? &usual : &worst);
		access_flush(&b);
	}
	fclose(f);
}

static void *log_much(void *fill)
{
	char text[200];

	memset(text, *(char *)fill, sizeof text - 1);
	text[sizeof text - 1] = '\0';
	for (int i = 0; i < 500; i++)
		log_info("%s", text);
	return NULL;
}

/* Lines of several threads do not mix. */
static void test_threads(void **state)
{
	enum { THREADS = 4 };
	pthread_t threads[THREADS];
	static char fills[THREADS] = {'a', 'b', 'c', 'd'};
	char line[400];
	size_t lines = 0;
	FILE *f = tmpfile();

	(void)state;
	assert_non_null(f);
	assert_ok(fcntl(fileno(f), F_SETFL, O_APPEND));
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL, fileno(f));
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, log_much, &fills[i]), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	rewind(f);
	while (fgets(line, sizeof line, f)) {
		char one[2] = {line[3], '\0'};

		assert_int_equal(strlen(line), 3 + 199 + 1);
		assert_int_equal(strspn(line + 3, one), 199);
		lines++;
	}
	assert_int_equal(lines, THREADS * 500);
	fclose(f);
}

#define WITH_LOG(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_LOG(test_text),
	    WITH_LOG(test_journal),
	    WITH_LOG(test_json),
	    WITH_LOG(test_request),
	    WITH_LOG(test_level_is_checked_before_the_arguments),
	    WITH_LOG(test_text_cannot_be_forged),
	    WITH_LOG(test_long_messages_are_cut),
	    WITH_LOG(test_errno_is_kept),
	    WITH_LOG(test_access_text),
	    WITH_LOG(test_access_journal),
	    WITH_LOG(test_access_json),
	    WITH_LOG(test_access_cannot_be_forged),
	    WITH_LOG(test_access_flushes_whole_lines),
	    WITH_LOG(test_access_longest_line),
	    WITH_LOG(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
