/* SPDX-License-Identifier: MIT */
/* Servers that stop while much is going on: at once, or when it is done. */
#include "check.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "inproc/archive.h"
#include "inproc/host.h"
#include "inproc/origin.h"
#include "inproc/peer.h"

#define BIG (16u << 20)

/* Everything a request can be in the middle of, two of each. */
struct traffic {
	struct origin origin;
	struct peer up[2], chunked[2], form[2], begun[2], idle[2], fetch[6];
	struct peer follower[4], range[2], info[2], big[2], entry[2];
};

static void upload_big_things(const struct host *h)
{
	uint8_t *archive;
	size_t size = archive_make(BIG, &archive);
	struct peer p;
	struct answer a;

	assert_int_equal(put(h->port, "big", BIG), 201);
	peer_open(&p, h->port);
	upload_begin(&p, "zip", size);
	assert_true(peer_send(&p, archive, size));
	assert_true(peer_head(&p, &a));
	assert_int_equal(a.status, 201);
	peer_close(&p);
	free(archive);
}

static void begin_get(struct peer *p, const struct host *h, const char *target)
{
	peer_open(p, h->port);
	peer_say(p, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", target,
	    strstr(target, "chunked") ? "Range: bytes=5000-5999\r\n" : "");
}

static void begin_uploads(struct traffic *t, const struct host *h, int i)
{
	peer_open(&t->up[i], h->port);
	upload_begin(&t->up[i], i ? "up1" : "up0", 1 << 20);
	assert_true(peer_send_content(&t->up[i], 0, i ? 300000 : 10));
	peer_open(&t->chunked[i], h->port);
	upload_begin(&t->chunked[i], i ? "chunked1" : "chunked0", PEER_CHUNKED);
	peer_chunk(&t->chunked[i], 0, 1000);
	peer_open(&t->form[i], h->port);
	peer_say(&t->form[i],
	    "POST /files HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
	    "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
	    "Content-Disposition: form-data; name=f; filename=f\r\n\r\nabc");
	peer_open(&t->begun[i], h->port);
	peer_say(&t->begun[i], "GET / HTTP/1.1\r\nHo");
	peer_open(&t->idle[i], h->port);
}

static void begin_fetch(
    struct peer *p, const struct traffic *t, const struct host *h, int i)
{
	static const char *const paths[] = {"silent", "head", "part"};
	char body[128];
	int n = snprintf(body, sizeof(body),
	    "{\"url\":\"http://127.0.0.1:%u/%s\"}", t->origin.port,
	    paths[i % 3]);

	peer_open(p, h->port);
	peer_say(p,
	    "POST /fetch HTTP/1.1\r\nHost: x\r\nPrefer: wait=60\r\n"
	    "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
	    n, body);
}

static void begin_reads(struct traffic *t, const struct host *h, int i)
{
	begin_get(&t->follower[i], h, i ? "/files/up1" : "/files/up0");
	begin_get(&t->follower[2 + i], h, "/files/up1");
	begin_get(&t->range[i], h, i ? "/files/chunked1" : "/files/chunked0");
	begin_get(&t->info[i], h,
	    i ? "/files/up1/info?wait=60" : "/files/up0/info?wait=60");
	/* More than fits into the sockets, and nobody reads it. */
	begin_get(&t->big[i], h, "/files/big");
	begin_get(&t->entry[i], h, "/files/zip/zip/entry");
}

#define ACTIVE (2 * 3 + 6 + 4 + 2 * 4)

static void begin_traffic(struct traffic *t, const struct host *h)
{
	origin_open(&t->origin);
	for (int i = 0; i < 2; i++)
		begin_uploads(t, h, i);
	for (int i = 0; i < 6; i++)
		begin_fetch(&t->fetch[i], t, h, i);
	eventually(received(h->port, "up0") == 10);
	eventually(received(h->port, "up1") == 300000);
	eventually(received(h->port, "chunked0") == 1000);
	eventually(received(h->port, "chunked1") == 1000);
	for (int i = 0; i < 2; i++)
		begin_reads(t, h, i);
	/* And the one who asks. */
	eventually(metric(h->port, "spillway_requests_active") == ACTIVE + 1);
}

/* Every one of them comes to an end. */
static void end_traffic(struct traffic *t)
{
	struct peer *all[] = {t->up, t->chunked, t->form, t->begun, t->idle,
	    t->range, t->info, t->big, t->entry};
	char rest[4096];

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		for (int k = 0; k < 2; k++) {
			while (!peer_ended(&all[i][k]))
				all[i][k].at = all[i][k].end;
			peer_close(&all[i][k]);
		}
	}
	for (int i = 0; i < 6; i++) {
		while (!peer_ended(&t->fetch[i]))
			t->fetch[i].at = t->fetch[i].end;
		peer_close(&t->fetch[i]);
	}
	/* Followers see that it is not all. */
	for (int i = 0; i < 4; i++) {
		struct answer a;
		ssize_t n;

		assert_true(peer_head(&t->follower[i], &a));
		while ((n = peer_body(
			    &t->follower[i], &a, rest, sizeof(rest))) > 0)
			;
		assert_int_equal(n, PEER_CUT);
		peer_close(&t->follower[i]);
	}
	origin_close(&t->origin);
}

static const char *const TRAFFIC_SETTINGS[] = {"server.threads=2",
    "spool.memory_max=64K", "fetch.allow_networks=127.0.0.0/8",
    "fetch.ports=1-65535", NULL};

static void test_free_in_full_traffic(void **state)
{
	struct traffic *t = calloc(1, sizeof(*t));

	(void)state;
	assert_non_null(t);
	struct census before = census_take();
	for (int round = 0; round < 5; round++) {
		struct host h;

		host_open(&h, TRAFFIC_SETTINGS);
		upload_big_things(&h);
		begin_traffic(t, &h);
		host_close(&h);
		end_traffic(t);
		census_check(&before);
	}
	free(t);
}

/*
 * Freed at a moment of its own choosing, under clients who know no rest.
 */
struct storm {
	uint16_t port;
	unsigned number;
	_Atomic unsigned turns;
	pthread_t thread;
};

static void storm_once(struct peer *p, unsigned what)
{
	static const char *const requests[] = {
	    "PUT /files/a HTTP/1.1\r\nHost: x\r\n"
	    "Content-Length: 5\r\n\r\nhello",
	    "PUT /files/b HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nhe",
	    "GET /files/a HTTP/1.1\r\nHost: x\r\n\r\n",
	    "GET /files/b HTTP/1.1\r\nHost: x\r\n\r\n",
	    "GET /files/b/info?wait=60 HTTP/1.1\r\nHost: x\r\n\r\n",
	    "POST /files HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n"
	    "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b--\r\n",
	    "GET /files/zip/zip/entry HTTP/1.1\r\nHost: x\r\n\r\n",
	    "GET / HTTP/1.1\r\n",
	};
	const char *request = requests[what % 8];
	char some[512];

	peer_send(p, request, strlen(request));
	if (what % 5 < 2)
		(void)!recv(p->fd, some, sizeof(some), MSG_DONTWAIT);
}

static void *storm(void *arg)
{
	enum { OPEN = 8 };
	struct storm *s = arg;
	struct peer peers[OPEN];
	unsigned n = 0;

	/* A few connections are kept open behind the newest. */
	while (peer_try_open(&peers[n % OPEN], s->port)) {
		storm_once(&peers[n % OPEN], n * 7 + s->number);
		n++;
		if (n >= OPEN && n % 16)
			peer_reset(&peers[n % OPEN]);
		else if (n >= OPEN)
			peer_close(&peers[n % OPEN]);
		atomic_fetch_add(&s->turns, 1);
	}
	for (unsigned i = n >= OPEN ? n - OPEN + 1 : 0; i < n; i++)
		peer_reset(&peers[i % OPEN]);
	return NULL;
}

static void test_free_in_a_storm(void **state)
{
	static struct storm storms[4];
	struct census before = census_take();
	uint8_t *archive;
	size_t size = archive_make(100000, &archive);

	(void)state;
	for (unsigned round = 0; round < 40; round++) {
		struct host h;
		struct peer p;
		struct answer a;

		host_open(&h,
		    SETTINGS("server.threads=2", "spool.memory_max=64K"));
		peer_open(&p, h.port);
		upload_begin(&p, "zip", size);
		assert_true(peer_send(&p, archive, size));
		assert_true(peer_head(&p, &a));
		peer_close(&p);
		for (unsigned i = 0; i < 4; i++) {
			storms[i].port = h.port;
			storms[i].number = round + i;
			storms[i].turns = 0;
			storms[i].thread = start_thread(storm, &storms[i]);
		}
		for (unsigned i = 0; i < 4; i++)
			eventually(storms[i].turns > round % 10);
		host_close(&h);
		for (unsigned i = 0; i < 4; i++)
			join_thread(storms[i].thread);
		census_check(&before);
	}
	free(archive);
}

/* Draining, on a thread of its own. */
struct drain {
	struct spw_server *server;
	uint64_t timeout_ms;
	bool finished;
};

static void *drain(void *arg)
{
	struct drain *d = arg;

	d->finished = spw_server_drain(d->server, d->timeout_ms);
	return NULL;
}

static void test_drain_waits(void **state)
{
	struct host h;
	struct peer up, down;
	struct answer a;

	(void)state;
	host_open(&h, NULL);
	peer_open(&up, h.port);
	upload_begin(&up, "f", 100000);
	assert_true(peer_send_content(&up, 0, 1000));
	eventually(received(h.port, "f") == 1000);
	peer_open(&down, h.port);
	peer_say(&down, "GET /files/f HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(peer_head(&down, &a));

	struct drain d = {h.server, PATIENCE_MS, false};
	pthread_t thread = start_thread(drain, &d);
	eventually(ask(h.port, "GET", "/readyz") == 503);
	assert_int_equal(put(h.port, "new", 10), 503);
	assert_int_equal(ask(h.port, "GET", "/files/new"), 404);
	/* What runs goes on, and reading does as well. */
	assert_int_equal(received(h.port, "f"), 1000);
	assert_true(peer_send_content(&up, 1000, 99000));
	assert_true(peer_content(&down, &a, 0, 100000));
	assert_true(peer_head(&up, &a));
	assert_int_equal(a.status, 201);
	assert_true(answer_has(&a, "Connection", "close"));
	assert_true(peer_drop(&up, &a));
	assert_true(peer_ended(&up));
	peer_close(&up);
	peer_close(&down);
	join_thread(thread);
	assert_true(d.finished);
	host_close(&h);
}

static void test_drain_in_vain(void **state)
{
	struct host h;
	struct peer up;

	(void)state;
	host_open(&h, NULL);
	assert_true(spw_server_drain(h.server, 0));
	host_close(&h);

	host_open(&h, NULL);
	peer_open(&up, h.port);
	upload_begin(&up, "f", 1000);
	eventually(received(h.port, "f") == 0);
	assert_false(spw_server_drain(h.server, 0));
	assert_false(spw_server_drain(h.server, 50));
	host_close(&h);
	peer_close(&up);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_free_in_full_traffic),
	    cmocka_unit_test(test_free_in_a_storm),
	    cmocka_unit_test(test_drain_waits),
	    cmocka_unit_test(test_drain_in_vain),
	};

	host_prepare();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
