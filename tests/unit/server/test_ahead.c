/* SPDX-License-Identifier: MIT */
/* Long files: what is sent next is at hand, or the reply sleeps. */
#include "check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "fake_mhd.h"
#include "tcp_pair.h"

#define MIB (UINT64_C(1024) * 1024)
#define LENGTH (40 * MIB)
/* Enough of them for a look, several times over. */
#define TURNS 50

/* Who prepares. */
static struct {
	bool slow;	/* it takes until it is asked again */
	uint64_t ready; /* up to where it was asked for */
	unsigned asked;
} disk;

struct fixture {
	struct web web;
	struct http_handler handler;
	int peer; /* the client's end of a socket that counts */
	char *bytes;
};

static bool prepare(void *ctx, uint64_t pos, uint64_t len)
{
	assert_ptr_equal(ctx, &disk);
	assert_int_equal(pos, disk.ready);
	assert_true(len > 0 && pos + len <= LENGTH);
	disk.asked++;
	if (disk.slow)
		return false;
	disk.ready = pos + len;
	return true;
}

static void begin(struct http_request *req, void *ctx)
{
	static const struct http_ahead ops = {prepare};
	uint64_t *len = ctx;
	struct http_reply r = http_reply_file(
	    200, open("/dev/null", O_RDONLY), 0, *len, &ops, &disk);

	http_reply(req, &r);
}

static uint64_t length;

static int setup(void **state)
{
	static struct fixture fx;

	memset(&fx, 0, sizeof(fx));
	memset(&disk, 0, sizeof(disk));
	disk.ready = HTTP_AHEAD_BYTES;
	length = LENGTH;
	fx.handler = (struct http_handler){.begin = begin, .ctx = &length};
	web_init(&fx.web, &fx.handler);
	close(fx.web.conn.fd);
	fx.web.conn.fd = tcp_pair(&fx.peer);
	fx.bytes = calloc(1, MIB);
	assert_non_null(fx.bytes);
	*state = &fx;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fx = *state;

	close(fx->peer);
	free(fx->bytes);
	web_fini(&fx->web);
	return 0;
}

/* The library sends, and the client reads. */
static void pass(struct fixture *fx, uint64_t len)
{
	while (len) {
		ssize_t n = send(fx->web.conn.fd, fx->bytes,
		    len < 65536 ? (size_t)len : 65536, 0);
		assert_true(n > 0);
		assert_int_equal(
		    recv(fx->peer, fx->bytes, (size_t)n, MSG_WAITALL), n);
		len -= (uint64_t)n;
	}
}

static void get(struct fixture *fx, const char *method)
{
	assert_int_equal(web_ask(&fx->web, method, "/f", NULL), 200);
}

/* Never is more sent than was made ready, nor all of it asked for at once. */
static void test_goes_before(void **state)
{
	struct fixture *fx = *state;

	/* What another answer left behind counts for nothing. */
	pass(fx, 5 * MIB);
	get(fx, "GET");
	assert_int_equal(disk.asked, 0);
	for (uint64_t sent = 0; sent < LENGTH; sent += MIB) {
		http_ahead_look(&fx->web.loop);
		assert_false(fx->web.mhd.suspended);
		/* What a turn may send is there. */
		assert_true(
		    disk.ready == LENGTH || disk.ready >= sent + MIB);
		assert_true(disk.ready <= sent + 7 * MIB);
		pass(fx, MIB);
	}
	assert_int_equal(disk.ready, LENGTH);
	assert_null(fx->web.loop.sending);
	web_done(&fx->web, true);
}

static void test_sleeps(void **state)
{
	struct fixture *fx = *state;

	get(fx, "GET");
	disk.slow = true;
	http_ahead_look(&fx->web.loop);
	assert_int_equal(disk.asked, 1);
	/* There is enough for now. */
	assert_false(fx->web.mhd.suspended);
	pass(fx, 5 * MIB / 2);
	http_ahead_look(&fx->web.loop);
	assert_true(fx->web.mhd.suspended);
	/* It is looked at again when it is woken, not before. */
	unsigned asked = disk.asked;
	http_ahead_look(&fx->web.loop);
	assert_int_equal(disk.asked, asked);
	http_request_resume(fx->web.ctx);
	http_ahead_look(&fx->web.loop);
	assert_true(fx->web.mhd.suspended);
	disk.slow = false;
	http_request_resume(fx->web.ctx);
	http_ahead_look(&fx->web.loop);
	assert_false(fx->web.mhd.suspended);
	assert_true(disk.ready >= 4 * MIB);
	web_done(&fx->web, false);
	assert_null(fx->web.loop.sending);
}

/* Who does not read is not looked at, until there is room. */
static void test_stalled_client(void **state)
{
	struct fixture *fx = *state;
	struct http_request *req;

	get(fx, "GET");
	req = fx->web.ctx;
	/* It may take turns before the first byte goes. */
	for (int i = 0; i < TURNS; i++)
		http_ahead_look(&fx->web.loop);
	assert_ptr_equal(fx->web.loop.sending, req);
	pass(fx, 1000);
	for (int i = 0; i < TURNS; i++)
		http_ahead_look(&fx->web.loop);
	assert_null(fx->web.loop.sending);
	http_conn_event(&fx->web.conn, EPOLLOUT);
	assert_ptr_equal(fx->web.loop.sending, req);
	http_conn_event(&fx->web.conn, EPOLLOUT);
	assert_null(req->sending.next);
	web_done(&fx->web, false);
	assert_null(fx->web.loop.sending);
	/* Nobody sends anything now. */
	http_conn_event(&fx->web.conn, EPOLLOUT);
	assert_null(fx->web.loop.sending);
}

static void test_not_for(void **state)
{
	struct fixture *fx = *state;

	get(fx, "HEAD");
	assert_null(fx->web.loop.sending);
	web_done(&fx->web, true);
	length = HTTP_AHEAD_BYTES;
	get(fx, "GET");
	assert_null(fx->web.loop.sending);
	web_done(&fx->web, true);
	/* A socket that does not count. */
	length = LENGTH;
	fx->web.conn.addr.ss_family = AF_UNIX;
	assert_int_equal(web_ask(&fx->web, "GET", "/f", NULL), 200);
	assert_false(http_counts_sent(fx->web.ctx));
	web_done(&fx->web, true);
	assert_int_equal(disk.asked, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_goes_before),
	    T(test_sleeps),
	    T(test_stalled_client),
	    T(test_not_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
