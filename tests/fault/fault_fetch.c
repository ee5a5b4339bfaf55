/* SPDX-License-Identifier: MIT */
/*
 * The same for what comes from elsewhere: fetches whole, in parts and as they
 * are read, content by its URL, and archives of which the bytes are brought
 * while they are looked into. The origin is a thread of the test that nothing
 * fails.
 */
#include "fault/whole.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inproc/archive.h"

#define SIZE ((size_t)200000)
/* More than a ring holds, so that a reply begins before its end. */
#define ENTRY_SIZE ((size_t)300000)
#define TAG "\"v1\""

/* ---- the origin --------------------------------------------------------- */

static struct origin {
	int fd;
	uint16_t port;
	pthread_t thread;
	uint8_t *content, *archive;
	size_t archive_size;
} origin;

static void send_all(int fd, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	while (len > 0 && (n = send(fd, p, len, MSG_NOSIGNAL)) > 0) {
		p += n;
		len -= (size_t)n;
	}
}

/* The range that is asked for, if there is one. */
static bool find_range(
    const char *request, size_t size, size_t *ret_first, size_t *ret_end)
{
	const char *range = strstr(request, "Range: bytes=");
	size_t first, last;

	if (!range)
		return false;

	range += strlen("Range: bytes=");
	*ret_end = size;
	if (sscanf(range, "-%zu", &last) == 1) {
		*ret_first = last < size ? size - last : 0;
		return true;
	}
	int n = sscanf(range, "%zu-%zu", &first, &last);
	require(n >= 1 && first < size);
	*ret_first = first;
	if (n == 2 && last < size)
		*ret_end = last + 1;
	return true;
}

/* /plain has neither parts nor versions; /zip is the archive. */
static void answer(int fd, const char *request)
{
	bool zip = !strncmp(request, "GET /zip", 8);
	bool plain = !strncmp(request, "GET /plain", 10);
	size_t size = zip ? origin.archive_size : SIZE, first = 0, end = size;
	char head[512], part[80] = "";
	bool ranged = !plain && find_range(request, size, &first, &end);
	bool same = !plain && strstr(request, "If-None-Match: " TAG);

	if (ranged)
		snprintf(part, sizeof(part),
		    "Content-Range: bytes %zu-%zu/%zu\r\n", first, end - 1,
		    size);
	int n = snprintf(head, sizeof(head),
	    "HTTP/1.1 %d As told\r\nConnection: close\r\n"
	    "Cache-Control: max-age=0\r\nContent-Length: %zu\r\n%s%s\r\n",
	    same ? 304 : ranged ? 206 : 200, end - first, part,
	    plain ? "" : "ETag: " TAG "\r\nAccept-Ranges: bytes\r\n");
	send_all(fd, head, (size_t)n);
	if (!same)
		send_all(fd, (zip ? origin.archive : origin.content) + first,
		    end - first);
}

static void *serve(void *arg)
{
	int fd;

	(void)arg;
	whole_be_client(true);
	while ((fd = accept(origin.fd, NULL, NULL)) >= 0) {
		char request[4096] = "";
		ssize_t n = recv(fd, request, sizeof(request) - 1, 0);

		/* It is short, and comes in one piece. */
		if (n > 0 && strstr(request, "\r\n\r\n"))
			answer(fd, request);
		close(fd);
	}
	return NULL;
}

static void open_origin(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t len = sizeof(in);

	origin.content = malloc(SIZE);
	require(origin.content != NULL);
	fill_content(origin.content, SIZE, 0);
	origin.archive_size = archive_make(ENTRY_SIZE, &origin.archive);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	origin.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	require(bind(origin.fd, (struct sockaddr *)&in, sizeof(in)) == 0);
	require(listen(origin.fd, 64) == 0);
	require(getsockname(origin.fd, (struct sockaddr *)&in, &len) == 0);
	origin.port = ntohs(in.sin_port);
	origin.thread = start_thread(serve, NULL);
}

static void close_origin(void)
{
	/* Ends the accept() of the thread. */
	shutdown(origin.fd, SHUT_RDWR);
	join_thread(origin.thread);
	close(origin.fd);
	free(origin.content);
	free(origin.archive);
}

/* ---- what a client wants ------------------------------------------------ */

/* The file that a fetch made; "" when none is known of. */
static char made[64];

static void keep_id(struct peer *p, struct answer *a)
{
	char text[4096];

	made[0] = '\0';
	if (a->status / 100 != 2 || !peer_text(p, a, text, sizeof(text)))
		return;

	/* A check makes none. */
	const char *id = strstr(text, "\"id\":\"");
	require(!id || sscanf(id, "\"id\":\"%63[^\"]", made) == 1);
}

static int post(
    const struct bed *b, const char *target, const char *path, bool lazy)
{
	char body[200];
	struct answer a;
	struct peer p;
	int status = 0;

	int n = snprintf(body, sizeof(body),
	    "{\"url\":\"http://127.0.0.1:%u%s\"%s}", (unsigned)origin.port,
	    path, lazy ? ",\"mode\":\"lazy\"" : "");
	made[0] = '\0';
	peer_open(&p, b->port);
	peer_say(&p,
	    "POST %s HTTP/1.1\r\nHost: x\r\nPrefer: wait=30\r\n"
	    "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
	    target, n, body);
	if (peer_head(&p, &a)) {
		status = a.status;
		require(status != 503 || answer_has(&a, "Retry-After", ""));
		keep_id(&p, &a);
	}
	peer_reset(&p);
	return status;
}

static int fetch_plain(const struct bed *b)
{
	return post(b, "/fetch", "/plain", false);
}

static int fetch_parts(const struct bed *b)
{
	return post(b, "/fetch", "/parts", false);
}

static int fetch_lazy(const struct bed *b)
{
	return post(b, "/fetch", "/parts", true);
}

static int check(const struct bed *b)
{
	return post(b, "/fetch/check", "/parts", false);
}

static int read_through(const struct bed *b, const char *path)
{
	char target[128];

	snprintf(target, sizeof(target),
	    "/fetch?url=http%%3A%%2F%%2F127.0.0.1%%3A%u%s",
	    (unsigned)origin.port, path);
	return whole_read(b, target, "", 0, SIZE);
}

/* Each time another one, that nobody has read yet. */
static int through_new_url(const struct bed *b)
{
	static unsigned count;
	char path[32];

	snprintf(path, sizeof(path), "/cached%u", count++);
	return read_through(b, path);
}

/* What is kept has to be asked for again. */
static int through_kept(const struct bed *b)
{
	return read_through(b, "/kept");
}

/* The target of something of the file that was made. */
static const char *of_made(const char *rest)
{
	static char target[128];

	snprintf(target, sizeof(target), "/files/%s%s", made, rest);
	return target;
}

static int read_far(const struct bed *b)
{
	return whole_read(
	    b, of_made(""), "Range: bytes=100000-120000\r\n", 100000, 20001);
}

/* GET what has an end of its own. */
static int read_to_end(
    const struct bed *b, const char *target, const char *lines)
{
	struct answer a;
	struct peer p;
	int status = 0;

	peer_open(&p, b->port);
	peer_say(&p, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", target, lines);
	if (peer_head(&p, &a) && peer_drop(&p, &a))
		status = a.status;
	peer_reset(&p);
	return status;
}

static int list_remote(const struct bed *b)
{
	return read_to_end(b, of_made("/zip"), "");
}

static int read_entry(const struct bed *b)
{
	return whole_read(b, of_made("/zip/entry"), "", 0, ENTRY_SIZE);
}

static int read_entry_far(const struct bed *b)
{
	return whole_read(b, of_made("/zip/entry"),
	    "Range: bytes=250000-250099\r\n", 250000, 100);
}

static int pass_entry(const struct bed *b)
{
	return read_to_end(
	    b, of_made("/zip/entry"), "Accept-Encoding: gzip\r\n");
}

static int save_entry(const struct bed *b)
{
	char head[160];

	snprintf(head, sizeof(head), "POST %s", of_made("/zip/entry?save"));
	return whole_say(b, head, "", NULL, 0);
}

static const struct scenario scenarios[] = {
    {"fetch_plain", fetch_plain, 201},
    {"fetch_parts", fetch_parts, 201},
    {"fetch_lazy", fetch_lazy, 202},
    {"check", check, 200},
    {"through_new_url", through_new_url, 200},
    {"through_kept", through_kept, 200},
    {"read_far", read_far, 206},
    {"list_remote", list_remote, 200},
    {"read_entry", read_entry, 200},
    {"read_entry_far", read_entry_far, 206},
    {"pass_entry", pass_entry, 200},
    {"save_entry", save_entry, 201},
};

/* ---- rounds ------------------------------------------------------------- */

static const struct scenario *now;

/* Have a remote file of which next to nothing is there. */
static void prepare(const struct bed *b)
{
	made[0] = '\0';
	if (now->want == through_kept)
		require(read_through(b, "/kept") == 200);
	if (now->want == read_far)
		require(post(b, "/fetch", "/parts", true) == 202);
	if (now->want == list_remote || now->want == read_entry ||
	    now->want == read_entry_far || now->want == pass_entry ||
	    now->want == save_entry)
		require(post(b, "/fetch", "/zip", true) == 202);
}

static bool is_defined(const struct scenario *sc, int status)
{
	return whole_is_trouble(status) ||
	       /* It was admitted, and there was no memory to wait. */
	       ((sc->want == fetch_plain || sc->want == fetch_parts) &&
		   status == 202);
}

static bool has_state(const struct bed *b, const char *state)
{
	char text[4096], want[32];

	snprintf(want, sizeof(want), "\"state\":\"%s\"", state);
	require(ask_text(b->port, of_made("/info"), text, sizeof(text)) == 200);
	return strstr(text, want);
}

static void check_after(
    const struct bed *b, const struct scenario *sc, int status)
{
	bool fetched = sc->want == fetch_plain || sc->want == fetch_parts ||
		       sc->want == fetch_lazy;

	if (fetched && made[0]) {
		/* A fetch that was told of is whole in the end, or failed. */
		bool whole = get(b->port, made, SIZE);

		eventually(!has_state(b, "receiving"));
		expect(whole == has_state(b, "ready"));
		expect(whole || status != 201);
	}
	if (made[0])
		expect(ask(b->port, "DELETE", of_made("")) == 204);
	/* Nothing of a failure is kept. */
	if (sc->want == through_new_url || sc->want == through_kept)
		expect(read_through(b, "/kept") == 200);
	expect(ask(b->port, "GET", "/healthz") == 200);
	expect(put(b->port, "next", SIZE) / 100 == 2);
	expect(get(b->port, "next", SIZE));
}

static void test_scenario(void **state)
{
	static const struct play play = {prepare, is_defined, check_after};
	struct census before;

	whole_be_client(true);
	open_origin();
	before = census_take();
	now = *state;
	require(whole_start(&bed) == 0);
	whole_play(now, &play);
	whole_stop(&bed);
	assert_int_equal(whole_held(), 0);
	census_check(&before);
	close_origin();
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(scenarios)];

	host_prepare();
	SCENARIO_TESTS(tests, scenarios, test_scenario);
	return cmocka_run_group_tests(tests, whole_make_bed, NULL);
}
