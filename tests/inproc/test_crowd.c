/* SPDX-License-Identifier: MIT */
/* Many clients at once, each of whose bytes must come back as they went. */
#include "check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "inproc/host.h"
#include "inproc/peer.h"

#define CROWD 64

struct member {
	const struct host *host;
	unsigned number;
	pthread_t thread;
};

/* From 1 byte to some 300 KB: in memory and spilled. */
static size_t size_of(unsigned number)
{
	return 1 + (size_t)number * number * number * 37 % 300007;
}

static void *upload(void *arg)
{
	struct member *m = arg;
	size_t size = size_of(m->number), sent = 0;
	bool chunked = m->number % 3 == 0;
	struct peer p;
	struct answer a;
	char id[32];

	snprintf(id, sizeof(id), "f%u", m->number);
	peer_open(&p, m->host->port);
	upload_begin(&p, id, chunked ? PEER_CHUNKED : size);
	while (sent < size) {
		size_t n = 1 + (sent * 7 + m->number * 1009) % 20000;

		if (n > size - sent)
			n = size - sent;
		if (chunked)
			peer_chunk(&p, sent, n);
		else
			require(peer_send_content(&p, sent, n));
		sent += n;
	}
	if (chunked)
		peer_last_chunk(&p);
	require(peer_head(&p, &a) && a.status == 201);
	require(peer_drop(&p, &a));
	peer_reset(&p);
	return NULL;
}

/* From the moment the file is there, usually long before it is complete. */
static void *download(void *arg)
{
	struct member *m = arg;
	struct peer p;
	struct answer a = {0};

	peer_open(&p, m->host->port);
	while (a.status != 200) {
		peer_say(&p, "GET /files/f%u HTTP/1.1\r\nHost: x\r\n\r\n",
		    m->number);
		require(peer_head(&p, &a));
		if (a.status == 200)
			break;
		require(a.status == 404 && peer_drop(&p, &a));
		nap();
	}
	require(peer_content(&p, &a, 0, size_of(m->number)));
	peer_reset(&p);
	return NULL;
}

static void run_crowd(const struct host *h)
{
	static struct member members[2 * CROWD];

	for (unsigned i = 0; i < 2 * CROWD; i++) {
		struct member *m = &members[i];

		m->host = h;
		m->number = i / 2;
		m->thread = start_thread(i % 2 ? upload : download, m);
	}
	for (unsigned i = 0; i < 2 * CROWD; i++)
		join_thread(members[i].thread);
	for (unsigned i = 0; i < CROWD; i++) {
		char id[32];

		snprintf(id, sizeof(id), "f%u", i);
		assert_true(get(h->port, id, size_of(i)));
	}
	assert_int_equal(metric(h->port, "spillway_readers_following"), 0);
	assert_int_equal(metric(h->port, "spillway_uploads_active"), 0);
}

static void test_crowd(void **state)
{
	struct census before = census_take();
	struct host h;

	(void)state;
	host_open(&h,
	    SETTINGS("server.threads=4", "spool.memory_max=64K",
		"spool.memory_budget=8M"));
	run_crowd(&h);
	host_close(&h);
	census_check(&before);
}

/* The same with hardly any memory, so that everybody is in everybody's way. */
static void test_crowd_in_a_corner(void **state)
{
	struct host h;

	(void)state;
	host_open(&h,
	    SETTINGS("server.threads=2", "spool.memory_max=16K",
		"spool.memory_budget=128K", "spool.io_threads=1"));
	run_crowd(&h);
	host_close(&h);
}

/* Replaced and deleted while it is read: each reader gets one of them whole
   or is told that there is none. */
#define VERSIONS 40

static void *replace(void *arg)
{
	const struct host *h = arg;

	for (size_t i = 0; i < VERSIONS; i++) {
		int status = put(h->port, "same", 1000 + i * 5000);

		require(status == 200 || status == 201);
		if (i % 8 == 7)
			require(ask(h->port, "DELETE", "/files/same") == 204);
	}
	return NULL;
}

static void *read_versions(void *arg)
{
	const struct host *h = arg;
	struct peer p;
	struct answer a;

	for (int i = 0; i < VERSIONS; i++) {
		peer_open(&p, h->port);
		peer_say(&p, "GET /files/same HTTP/1.1\r\nHost: x\r\n\r\n");
		require(peer_head(&p, &a));
		require(a.status == 200 || a.status == 404 || a.status == 410);
		if (a.status == 200)
			require(a.left % 5000 == 1000 &&
				peer_content(&p, &a, 0, (size_t)a.left));
		peer_reset(&p);
	}
	return NULL;
}

static void test_replaced_while_read(void **state)
{
	pthread_t readers[4];
	struct host h;

	(void)state;
	host_open(&h, SETTINGS("spool.memory_max=64K"));
	pthread_t writer = start_thread(replace, &h);
	for (int i = 0; i < 4; i++)
		readers[i] = start_thread(read_versions, &h);
	for (int i = 0; i < 4; i++)
		join_thread(readers[i]);
	join_thread(writer);
	host_close(&h);
}

/* Many small files under a budget that holds a fraction of them. */
#define SMALL_THREADS 8
#define SMALL_EACH 50

static size_t small_size(unsigned number)
{
	return 1 + number * 1237 % 40000;
}

static void *upload_small(void *arg)
{
	struct member *m = arg;

	for (unsigned i = 0; i < SMALL_EACH; i++) {
		unsigned number = m->number * SMALL_EACH + i;
		char id[32];

		snprintf(id, sizeof(id), "s%u", number);
		require(put(m->host->port, id, small_size(number)) == 201);
		if (i % 5 == 4)
			require(get(m->host->port, id, small_size(number)));
	}
	return NULL;
}

static void test_small_budget(void **state)
{
	static struct member members[SMALL_THREADS];
	struct host h;

	(void)state;
	host_open(&h,
	    SETTINGS("spool.memory_max=64K", "spool.memory_budget=1M"));
	for (unsigned i = 0; i < SMALL_THREADS; i++) {
		members[i] = (struct member){.host = &h, .number = i};
		members[i].thread = start_thread(upload_small, &members[i]);
	}
	for (unsigned i = 0; i < SMALL_THREADS; i++)
		join_thread(members[i].thread);
	for (unsigned i = 0; i < SMALL_THREADS * SMALL_EACH; i++) {
		char id[32];

		snprintf(id, sizeof(id), "s%u", i);
		assert_true(get(h.port, id, small_size(i)));
	}
	host_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_crowd),
	    cmocka_unit_test(test_crowd_in_a_corner),
	    cmocka_unit_test(test_replaced_while_read),
	    cmocka_unit_test(test_small_budget),
	};

	host_prepare();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
