/* SPDX-License-Identifier: MIT */
/* The log in a journal of our own: a socket of datagrams. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/metrics.h"
#include "lost.h"
#include "tempdir.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

static char folder[64], path[100];
static int journal, ends[2];

static void listen_there(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	memcpy(a.sun_path, path, strlen(path) + 1);
	journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(journal >= 0);
	assert_int_equal(
	    bind(journal, (const struct sockaddr *)&a, sizeof(a)), 0);
}

static int setup(void **state)
{
	(void)state;
	if (!temp_dir(folder, sizeof(folder)))
		return -1;
	snprintf(path, sizeof(path), "%s/socket", folder);
	listen_there();
	if (log_journal(path) < 0)
		return -1;
	return socketpair(
	    AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends);
}

static int teardown(void **state)
{
	(void)state;
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, STDERR_FILENO);
	unsetenv("JOURNAL_STREAM");
	close(journal);
	close(ends[0]);
	close(ends[1]);
	unlink(path);
	return rmdir(folder);
}

/* What one datagram or write() was; "" for none. */
static const char *got(int fd)
{
	static char text[LOG_ACCESS_BUF_SIZE * 2];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void test_entry(void **state)
{
	struct log_request r = {
	    .id = "own", .trace_id = TRACE, .span_id = SPAN};

	(void)state;
	log_init(LOG_LEVEL_DEBUG, LOG_FORMAT_JOURNAL, ends[1]);
	log_warn("disk %s", "full");
	assert_string_equal(got(journal),
	    "PRIORITY=4\nSYSLOG_IDENTIFIER=spillwayd\nMESSAGE=disk full\n");
	log_for(&r);
	log_debug("a");
	assert_string_equal(got(journal),
	    "PRIORITY=7\nSYSLOG_IDENTIFIER=spillwayd\nREQUEST_ID=own\n"
	    "TRACE_ID=" TRACE "\nSPAN_ID=" SPAN "\nMESSAGE=a\n");
	r.trace_id[0] = '\0';
	log_error("b");
	assert_string_equal(got(journal),
	    "PRIORITY=3\nSYSLOG_IDENTIFIER=spillwayd\nREQUEST_ID=own\n"
	    "MESSAGE=b\n");
	log_for(NULL);
	/* Nothing of it went the other way. */
	assert_string_equal(got(ends[0]), "");
}

/* A line break would begin another field. */
static void test_cannot_be_forged(void **state)
{
	struct access_buf *b = calloc(1, sizeof(*b));

	(void)state;
	assert_non_null(b);
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL, ends[1]);
	log_info("%s", "a\nPRIORITY=0\x1b[2J\xff");
	assert_string_equal(got(journal),
	    "PRIORITY=6\nSYSLOG_IDENTIFIER=spillwayd\n"
	    "MESSAGE=a\\nPRIORITY=0\\x1b[2J\\xff\n");
	log_access(b, &(struct log_access){.method = "G\nFORGED=1"});
	const char *entry = got(journal);
	assert_non_null(strstr(entry, "\nMETHOD=G\\nFORGED=1\n"));
	assert_null(strstr(entry, "\nFORGED="));
	free(b);
}

static const struct log_access usual = {
    .client = "192.0.2.7",
    .method = "GET",
    .target = "/files/k3v?download",
    .target_len = 19,
    .status = 206,
    .bytes_in = 1,
    .bytes_out = 1234,
    .duration_us = 87,
    .request_id = "r1",
    .trace_id = TRACE,
    .span_id = SPAN,
    .user_agent = "curl/7",
};

#define MESSAGE \
	"192.0.2.7 \"GET /files/k3v?download\" 206 in=1 out=1234 us=87 " \
	"request_id=\"r1\" trace_id=\"" TRACE "\" referer=\"-\" " \
	"user_agent=\"curl/7\" token=\"-\"\n"

static void test_access(void **state)
{
	struct access_buf *b = calloc(1, sizeof(*b));

	(void)state;
	assert_non_null(b);
	/* What was collected before a reload goes out before. */
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, ends[1]);
	log_access(b, &usual);
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL, ends[1]);
	log_access(b, &usual);
	assert_non_null(strstr(got(ends[0]), " access " MESSAGE));
	assert_string_equal(got(journal),
	    "PRIORITY=6\nSYSLOG_IDENTIFIER=spillwayd\nCLIENT=192.0.2.7\n"
	    "METHOD=GET\nTARGET=/files/k3v?download\nREQUEST_ID=r1\n"
	    "TRACE_ID=" TRACE "\nSPAN_ID=" SPAN "\nUSER_AGENT=curl/7\n"
	    "STATUS=206\nBYTES_IN=1\nBYTES_OUT=1234\nDURATION_US=87\n"
	    "MESSAGE=" MESSAGE);
	access_flush(b);
	assert_string_equal(got(ends[0]), "");
	free(b);
}

/* The worst of all fits, and is one datagram. */
static void test_longest(void **state)
{
	static char bad[20000];
	struct access_buf *b = calloc(1, sizeof(*b));
	const struct log_access worst = {
	    .client = bad,
	    .method = bad,
	    .target = bad,
	    .target_len = sizeof(bad) - 1,
	    .status = INT32_MAX,
	    .bytes_in = UINT64_MAX,
	    .bytes_out = UINT64_MAX,
	    .duration_us = UINT64_MAX,
	    .request_id = bad,
	    .trace_id = bad,
	    .span_id = bad,
	    .referer = bad,
	    .user_agent = bad,
	    .token = bad,
	};

	(void)state;
	assert_non_null(b);
	memset(bad, '\x01', sizeof(bad) - 1);
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL, ends[1]);
	log_access(b, &worst);
	const char *entry = got(journal);
	size_t n = strlen(entry);
	assert_true(n > 20000 && n <= LOG_ACCESS_BUF_SIZE);
	assert_string_equal(entry + n - 6, "\\x01\"\n");
	log_info("%s", bad);
	n = strlen(got(journal));
	assert_true(n > 4 * (size_t)(LOG_MESSAGE_MAX - 3));
	free(b);
}

/* No journal, and one that comes back: nothing is lost. */
static void test_without(void **state)
{
	struct access_buf *b = calloc(1, sizeof(*b));
	int64_t lost = metrics_get(METRIC_LOG_LINES_LOST);

	(void)state;
	assert_non_null(b);
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL, ends[1]);
	close(journal);
	errno = EDOM;
	log_warn("nobody listens");
	assert_int_equal(errno, EDOM);
	assert_string_equal(got(ends[0]), "<4>nobody listens\n");
	log_access(b, &usual);
	access_flush(b);
	assert_string_equal(got(ends[0]), "<6>" MESSAGE);
	unlink(path);
	log_warn("nor is there anything");
	assert_string_equal(got(ends[0]), "<4>nor is there anything\n");

	listen_there();
	log_warn("again");
	assert_non_null(strstr(got(journal), "MESSAGE=again\n"));
	assert_string_equal(got(ends[0]), "");
	assert_int_equal(metrics_get(METRIC_LOG_LINES_LOST), lost);
	free(b);
}

/* One that is not read: its queue fills, and nobody waits for it. */
static void test_full(void **state)
{
	unsigned entries = 0, lines = 0;
	enum { MANY = 20000 };

	(void)state;
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL, ends[1]);
	for (unsigned i = 0; i < MANY && !lines; i++) {
		log_info("%u", i);
		lines += got(ends[0])[0] != '\0';
		entries += !lines;
	}
	assert_int_equal(lines, 1);
	assert_true(entries > 0);
	while (got(journal)[0])
		entries--;
	assert_int_equal(entries, 0);
}

/* Log until a line is lost. Returns: how many were written. */
static unsigned fill(void)
{
	int64_t before = metrics_get(METRIC_LOG_LINES_LOST);
	unsigned lines = 0;

	while (metrics_get(METRIC_LOG_LINES_LOST) == before)
		log_info("line %u", lines++);
	return lines - 1;
}

/* A pipe that nobody reads: lines are whole or not there, and nobody waits;
   what was lost is told when it is read again. */
static void test_full_pipe(void **state)
{
	int64_t lost = metrics_get(METRIC_LOG_LINES_LOST);
	int fds[2];

	(void)state;
	assert_ok(pipe2(fds, O_CLOEXEC));
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, 8192) >= 8192);
	assert_ok(fcntl(fds[0], F_SETFL, O_NONBLOCK));
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, fds[1]);
	unsigned lines = fill();
	errno = EINTR; /* of something before */
	log_info("gone");
	assert_int_equal(metrics_get(METRIC_LOG_LINES_LOST), lost + 2);
	const char *all = got(fds[0]);
	assert_int_equal(count(all, "line "), lines);
	assert_int_equal(all[strlen(all) - 1], '\n');

	log_info("again");
	log_info("more");
	all = got(fds[0]);
	assert_lost(all, 2, " info   again\n");
	assert_int_equal(count(all, "\n"), 3);
	close(fds[0]);
	close(fds[1]);
}

/* Collected lines that do not all go are lost one by one; a line that is
   longer than what a pipe takes at once loses its end. */
static void test_full_pipe_in_pieces(void **state)
{
	static char long_line[LOG_MESSAGE_MAX];
	struct access_buf *b = calloc(1, sizeof(*b));
	int64_t lost = metrics_get(METRIC_LOG_LINES_LOST);
	int fds[2];

	(void)state;
	assert_non_null(b);
	assert_ok(pipe2(fds, O_CLOEXEC));
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, 8192) >= 8192);
	assert_ok(fcntl(fds[0], F_SETFL, O_NONBLOCK));
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, fds[1]);
	for (unsigned i = 0; i < 100; i++)
		log_access(b, &usual);
	access_flush(b);
	unsigned whole = count(got(fds[0]), "\n");
	assert_true(whole > 0);
	assert_int_equal(
	    metrics_get(METRIC_LOG_LINES_LOST), lost + 100 - whole);

	/* Each byte becomes four. */
	memset(long_line, '\x01', sizeof(long_line) - 1);
	log_info("%s", long_line);
	assert_lost(got(fds[0]), 100 - whole, "\\x01\\x01");
	lost = metrics_get(METRIC_LOG_LINES_LOST);
	log_info("next");
	assert_lost(got(fds[0]), 1, " info   next\n");
	assert_int_equal(metrics_get(METRIC_LOG_LINES_LOST), lost);
	close(fds[0]);
	close(fds[1]);
	free(b);
}

/* As the stream that leads to a journal which hangs. */
static void test_full_socket(void **state)
{
	int fds[2], small = 4096;

	(void)state;
	assert_ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	assert_ok(setsockopt(
	    fds[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)));
	assert_ok(fcntl(fds[0], F_SETFL, O_NONBLOCK));
	close(journal);
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL, fds[1]);
	unsigned lines = fill();
	assert_int_equal(count(got(fds[0]), "line "), lines);
	/* The journal is back, and is told. */
	unlink(path);
	listen_there();
	log_info("again");
	assert_non_null(strstr(got(journal), "MESSAGE=1 line was lost\n"));
	assert_non_null(strstr(got(journal), "MESSAGE=again\n"));
	close(fds[0]);
	close(fds[1]);
}

static void test_empty_path(void **state)
{
	char text[200];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_err(log_journal(text), ENAMETOOLONG);
	assert_ok(log_journal(""));
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL, ends[1]);
	log_info("a");
	assert_string_equal(got(ends[0]), "<6>a\n");
}

/* $JOURNAL_STREAM says whether it is the one that this descriptor leads to. */
static void test_auto(void **state)
{
	char stream[64];
	struct stat st;

	(void)state;
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_AUTO, ends[1]);
	log_info("text");
	assert_non_null(strstr(got(ends[0]), " info   text\n"));
	assert_int_equal(fstat(ends[1], &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino + 1);
	setenv("JOURNAL_STREAM", stream, 1);
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_AUTO, ends[1]);
	log_info("another's");
	assert_non_null(strstr(got(ends[0]), " info   another's\n"));
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_AUTO, ends[1]);
	log_info("entry");
	assert_non_null(strstr(got(journal), "MESSAGE=entry\n"));
	assert_string_equal(got(ends[0]), "");
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_AUTO, -1);
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_AUTO, ends[0]);
	log_info("not that one");
	assert_non_null(strstr(got(ends[1]), " info   not that one\n"));
}

#define WITH_JOURNAL(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	/* The first finds no socket open yet. */
	const struct CMUnitTest tests[] = {
	    WITH_JOURNAL(test_empty_path),
	    WITH_JOURNAL(test_entry),
	    WITH_JOURNAL(test_cannot_be_forged),
	    WITH_JOURNAL(test_access),
	    WITH_JOURNAL(test_longest),
	    WITH_JOURNAL(test_without),
	    WITH_JOURNAL(test_full),
	    WITH_JOURNAL(test_full_pipe),
	    WITH_JOURNAL(test_full_pipe_in_pieces),
	    WITH_JOURNAL(test_full_socket),
	    WITH_JOURNAL(test_auto),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
