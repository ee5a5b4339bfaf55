/* SPDX-License-Identifier: MIT */
/* libcurl over spools: the callbacks by themselves, and in transfers. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include <curl/curl.h>

#include <spillway/curl.h>

#include "unit/lib/http_peer.h"
#include "unit/lib/model.h"

static CURL *connect_to(const struct peer *p)
{
	CURL *easy = curl_easy_init();

	assert_non_null(easy);
	curl_easy_setopt(easy, CURLOPT_URL, "http://127.0.0.1/");
	curl_easy_setopt(easy, CURLOPT_PORT, (long)p->port);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	return easy;
}

/* The transfer is over: let the other side have it all. */
static void disconnect(struct peer *p, CURL *easy)
{
	curl_easy_cleanup(easy);
	peer_stop(p);
}

static void check_request(struct exchange *ex, const char *header,
    const void *body, size_t len)
{
	char *got;

	assert_non_null(memmem(ex->request, ex->request_len, header,
	    strlen(header)));
	assert_int_equal(peer_body(ex, &got), len);
	assert_memory_equal(got, body, len);
}

static const struct exchange no_content = {
	.head = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
};

/* All of `body`, up to the end of the connection. */
#define CONTENT(content)                                                       \
	(&(const struct exchange){                                             \
	    .head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",          \
	    .body = (content), .body_len = sizeof(content) })

static void test_writing(void **state)
{
	const struct spw_spool_opts opts = { .size = sizeof(opts),
		.memory_max = 10 };
	char data[] = "0123456789";
	struct spw_spool *s;
	struct spw_curl c;

	(void)state;
	assert_ok(spw_spool_new(&opts, &s));
	spw_curl_init(&c, s, 0);
	assert_int_equal(spw_curl_write(data, 1, 0, &c), 0);
	assert_int_equal(spw_curl_write(data, 1, 4, &c), 4);
	assert_int_equal(spw_curl_write(data + 4, 2, 3, &c), 6);
	assert_int_equal(c.error, 0);
	assert_int_equal(spw_curl_write(data, 1, 1, &c), CURL_WRITEFUNC_ERROR);
	assert_int_equal(c.error, -ENOBUFS);
	assert_int_equal(spw_spool_size(s), 10);
	spw_curl_init(&c, s, 0);
	assert_int_equal(c.error, 0);
	spw_spool_unref(s);
}

static void test_reading(void **state)
{
	struct spw_spool *s;
	struct spw_curl c, follower;
	char buf[8];

	(void)state;
	assert_ok(spw_spool_new(NULL, &s));
	assert_ok(spw_spool_append(s, "abcdefghij", 10));
	spw_curl_init(&c, s, 0);
	spw_curl_init(&follower, s, SPW_CURL_PAUSE);
	follower.off = 10;
	assert_int_equal(spw_curl_read(buf, 1, 8, &c), 8);
	assert_memory_equal(buf, "abcdefgh", 8);
	assert_int_equal(spw_curl_read(buf, 1, 8, &c), 2);
	assert_memory_equal(buf, "ij", 2);
	assert_int_equal(spw_curl_read(buf, 1, 8, &c), 0);
	assert_int_equal(c.off, 10);

	/* Who may pause has not seen the end yet. */
	assert_int_equal(spw_curl_read(buf, 1, 8, &follower),
	    CURL_READFUNC_PAUSE);
	assert_ok(spw_spool_append(s, "k", 1));
	assert_int_equal(spw_curl_read(buf, 1, 8, &follower), 1);
	assert_ok(spw_spool_seal(s));
	assert_int_equal(spw_curl_read(buf, 1, 8, &follower), 0);
	assert_int_equal(follower.error, 0);
	spw_spool_unref(s);

	assert_ok(spw_spool_new(NULL, &s));
	spw_curl_init(&c, s, SPW_CURL_PAUSE);
	spw_spool_fail(s, -ETIMEDOUT);
	assert_int_equal(spw_curl_read(buf, 1, 8, &c), CURL_READFUNC_ABORT);
	assert_int_equal(c.error, -ETIMEDOUT);
	spw_spool_unref(s);
}

static void test_seeking(void **state)
{
	static const struct {
		int64_t off;
		int whence, result;
		uint64_t pos;
	} steps[] = {
		{ 7, SEEK_SET, CURL_SEEKFUNC_OK, 7 },
		{ -3, SEEK_CUR, CURL_SEEKFUNC_OK, 4 },
		{ 6, SEEK_CUR, CURL_SEEKFUNC_OK, 10 },
		{ 1, SEEK_CUR, CURL_SEEKFUNC_FAIL, 10 },
		{ -10, SEEK_END, CURL_SEEKFUNC_OK, 0 },
		{ -1, SEEK_CUR, CURL_SEEKFUNC_FAIL, 0 },
		{ 5, SEEK_SET, CURL_SEEKFUNC_OK, 5 },
		{ -1, SEEK_SET, CURL_SEEKFUNC_FAIL, 5 },
		{ INT64_MIN, SEEK_END, CURL_SEEKFUNC_FAIL, 5 },
		{ INT64_MAX, SEEK_CUR, CURL_SEEKFUNC_FAIL, 5 },
		{ 0, 77, CURL_SEEKFUNC_FAIL, 5 },
		{ 0, SEEK_END, CURL_SEEKFUNC_OK, 10 },
	};
	struct spw_spool *s;
	struct spw_curl c;

	(void)state;
	assert_ok(spw_spool_new(NULL, &s));
	assert_ok(spw_spool_append(s, "0123456789", 10));
	spw_curl_init(&c, s, 0);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		assert_int_equal(spw_curl_seek(&c, steps[i].off,
		    steps[i].whence), steps[i].result);
		assert_int_equal(c.off, steps[i].pos);
	}
	c.off = 11;
	assert_err(spw_curl_receive(NULL, &c), EINVAL);
	assert_err(spw_curl_send(NULL, &c), EINVAL);
	assert_ok(spw_spool_seal(s));
	CURL *easy = curl_easy_init();
	assert_err(spw_curl_send(easy, &c), EINVAL);
	curl_easy_cleanup(easy);
	spw_spool_unref(s);
}

/* From the network into a spool, and what of it does not fit. */
static void test_receiving(void **state)
{
	static const uint64_t phases[] = { SPW_UNLIMITED, 0, 100000 };
	static uint8_t body[300000], got[300000];

	(void)state;
	fill_content(body, sizeof(body), 0);
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		for (uint64_t max = 0; max <= 200000; max += 200000) {
			struct world w;
			struct peer p;
			struct spw_spool *s;
			struct spw_curl c;

			world_init(&w, &(struct world_opts){ 0 });
			assert_ok(spw_spool_new(SPOOL_OPTS(&w, .size_max = max,
			    .memory_max = phases[i]), &s));
			peer_init(&p, CONTENT(body), NULL);
			CURL *easy = connect_to(&p);
			spw_curl_init(&c, s, 0);
			assert_ok(spw_curl_receive(easy, &c));
			assert_int_equal(curl_easy_perform(easy),
			    max ? CURLE_WRITE_ERROR : CURLE_OK);
			assert_int_equal(c.error, max ? -EFBIG : 0);
			ssize_t n = spw_spool_pread(s, got, sizeof(got), 0);
			if (!max)
				assert_int_equal(n, sizeof(body));
			assert_true(n > 0);
			assert_memory_equal(got, body, (size_t)n);
			disconnect(&p, easy);
			peer_fini(&p);
			spw_spool_unref(s);
			world_fini(&w);
		}
	}
}

/* Out of a spool: again after a redirect, from where it was asked to begin. */
static void test_sending(void **state)
{
	static const struct exchange redirect = { .head =
		"HTTP/1.1 307 Moved\r\nLocation: /other\r\n"
		"Content-Length: 0\r\nConnection: close\r\n\r\n" };

	(void)state;
	for (uint64_t memory = 0; memory <= MIB; memory += MIB) {
		struct world w;
		struct model m;
		struct peer p;
		struct spw_curl c;

		world_init(&w, &(struct world_opts){ 0 });
		model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = memory));
		assert_ok(model_append(&m, 300000));
		assert_ok(model_seal(&m));
		peer_init(&p, &redirect, &no_content);
		CURL *easy = connect_to(&p);
		spw_curl_init(&c, m.spool, 0);
		assert_ok(spw_curl_send(easy, &c));
		curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
		assert_int_equal(curl_easy_perform(easy), CURLE_OK);
		assert_int_equal(c.error, 0);
		disconnect(&p, easy);
		assert_int_equal(p.taken, 2);
		for (int i = 0; i < 2; i++)
			check_request(&p.script[i],
			    "Content-Length: 300000\r\n", m.bytes, m.size);
		peer_fini(&p);

		peer_init(&p, &no_content, NULL);
		easy = connect_to(&p);
		spw_curl_init(&c, m.spool, 0);
		c.off = 299000;
		assert_ok(spw_curl_send(easy, &c));
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		assert_int_equal(curl_easy_perform(easy), CURLE_OK);
		disconnect(&p, easy);
		check_request(&p.script[0], "Content-Length: 1000\r\n",
		    m.bytes + 299000, 1000);
		peer_fini(&p);
		model_fini(&m);
		world_fini(&w);
	}
}

/* What broke off is never sent as if it were whole. */
static void test_sending_what_failed(void **state)
{
	struct spw_spool *s;
	struct spw_curl c;
	struct peer p;

	(void)state;
	assert_ok(spw_spool_new(NULL, &s));
	assert_ok(spw_spool_append(s, "half of", 7));
	spw_spool_fail(s, -EPIPE);
	peer_init(&p, &no_content, NULL);
	CURL *easy = connect_to(&p);
	spw_curl_init(&c, s, 0);
	assert_ok(spw_curl_send(easy, &c));
	curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	assert_int_equal(curl_easy_perform(easy), CURLE_ABORTED_BY_CALLBACK);
	assert_int_equal(c.error, -EPIPE);
	disconnect(&p, easy);
	peer_fini(&p);
	spw_spool_unref(s);
}

/* The callbacks as libcurl's forms take them. */
static void test_a_form(void **state)
{
	struct spw_spool *s;
	struct spw_curl c;
	struct peer p;

	(void)state;
	assert_ok(spw_spool_new(NULL, &s));
	assert_ok(spw_spool_append(s, "from a spool", 12));
	peer_init(&p, &no_content, NULL);
	CURL *easy = connect_to(&p);
	spw_curl_init(&c, s, 0);
	curl_mime *form = curl_mime_init(easy);
	curl_mimepart *part = curl_mime_addpart(form);
	curl_mime_name(part, "field");
	assert_int_equal(curl_mime_data_cb(part, 12, spw_curl_read,
	    spw_curl_seek, NULL, &c), CURLE_OK);
	curl_easy_setopt(easy, CURLOPT_MIMEPOST, form);
	assert_int_equal(curl_easy_perform(easy), CURLE_OK);
	curl_mime_free(form);
	disconnect(&p, easy);
	assert_non_null(memmem(p.script[0].request, p.script[0].request_len,
	    "\r\n\r\nfrom a spool\r\n--", 20));
	peer_fini(&p);
	spw_spool_unref(s);
}

/* A program on curl's multi interface, woken by the spool. */
struct loop {
	CURLM *multi;
	struct spw_curl c;
	struct spw_watch watch;
	_Atomic bool ready;
	unsigned pauses;
	struct flag go;		/* raised with the first pause */
};

static void wake(struct loop *l)
{
	atomic_store(&l->ready, true);
	curl_multi_wakeup(l->multi);
}

static void on_writable(struct spw_spool *s, void *user_data)
{
	(void)s;
	wake(user_data);
}

static void on_bytes(struct spw_watch *w)
{
	wake((struct loop *)((char *)w - offsetof(struct loop, watch)));
}

static void count_pause(struct loop *l)
{
	if (!l->pauses++)
		flag_raise(&l->go);
}

static size_t write_or_pause(char *data, size_t size, size_t n, void *arg)
{
	struct loop *l = arg;
	size_t r = spw_curl_write(data, size, n, &l->c);

	if (r == CURL_WRITEFUNC_PAUSE)
		count_pause(l);
	return r;
}

static size_t read_or_pause(char *buf, size_t size, size_t n, void *arg)
{
	struct loop *l = arg;
	size_t r = spw_curl_read(buf, size, n, &l->c);

	if (r != CURL_READFUNC_PAUSE)
		return r;
	l->watch.fn = on_bytes;
	if (spw_spool_watch(l->c.spool, &l->watch, l->c.off) > 0)
		wake(l);
	count_pause(l);
	return r;
}

static void loop_run(struct loop *l, CURL *easy)
{
	int running = 1, left;

	assert_int_equal(curl_multi_add_handle(l->multi, easy), CURLM_OK);
	while (running) {
		assert_int_equal(curl_multi_perform(l->multi, &running),
		    CURLM_OK);
		if (atomic_exchange(&l->ready, false))
			curl_easy_pause(easy, CURLPAUSE_CONT);
		else if (running)
			curl_multi_poll(l->multi, NULL, 0, 60000, NULL);
	}
	CURLMsg *msg = curl_multi_info_read(l->multi, &left);
	assert_non_null(msg);
	assert_int_equal(msg->data.result, CURLE_OK);
	curl_multi_remove_handle(l->multi, easy);
}

struct stuck_job {
	struct spw_job job;
	struct loop *loop;
};

/* The only thread of the pool: nothing gets to the disk before a pause. */
static void wait_for_pause(struct spw_job *job)
{
	flag_take(&((struct stuck_job *)job)->loop->go);
}

static void test_pausing_to_receive(void **state)
{
	static uint8_t body[3 * 1024 * 1024], got[sizeof(body)];
	struct loop l = { .multi = curl_multi_init() };
	struct stuck_job stuck = { .job.run = wait_for_pause, .loop = &l };
	struct world w;
	struct peer p;
	struct spw_spool *s;

	(void)state;
	fill_content(body, sizeof(body), 0);
	flag_init(&l.go);
	world_init(&w, &(struct world_opts){ .threads = 1 });
	spw_pool_submit(w.pool, &stuck.job);
	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .flags = SPW_SPOOL_ON_DISK,
	    .on_writable = on_writable, .user_data = &l), &s));
	peer_init(&p, CONTENT(body), NULL);
	CURL *easy = connect_to(&p);
	spw_curl_init(&l.c, s, SPW_CURL_PAUSE);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, write_or_pause);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &l);
	loop_run(&l, easy);
	assert_true(l.pauses > 0);
	assert_int_equal(l.c.error, 0);
	assert_int_equal(spw_spool_pread(s, got, sizeof(got), 0), sizeof(got));
	assert_memory_equal(got, body, sizeof(body));
	spw_spool_detach(s);
	disconnect(&p, easy);
	peer_fini(&p);
	curl_multi_cleanup(l.multi);
	spw_spool_unref(s);
	world_fini(&w);
	flag_fini(&l.go);
}

struct producer {
	struct loop *loop;
	const uint8_t *body;
	size_t len;
};

static void *produce(void *arg)
{
	struct producer *pr = arg;
	struct spw_spool *s = pr->loop->c.spool;

	flag_take(&pr->loop->go);
	for (size_t off = 0; off < pr->len; off += 1000)
		require(spw_spool_append(s, pr->body + off, 1000) == 0);
	require(spw_spool_seal(s) == 0);
	return NULL;
}

static void test_pausing_to_send(void **state)
{
	static uint8_t body[50000];
	struct loop l = { .multi = curl_multi_init() };
	struct producer pr = { &l, body, sizeof(body) };
	struct spw_spool *s;
	struct peer p;

	(void)state;
	fill_content(body, sizeof(body), 0);
	flag_init(&l.go);
	assert_ok(spw_spool_new(NULL, &s));
	peer_init(&p, &no_content, NULL);
	CURL *easy = connect_to(&p);
	spw_curl_init(&l.c, s, SPW_CURL_PAUSE);
	assert_ok(spw_curl_send(easy, &l.c));
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, read_or_pause);
	curl_easy_setopt(easy, CURLOPT_READDATA, &l);
	curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	pthread_t thread = start_thread(produce, &pr);
	loop_run(&l, easy);
	join_thread(thread);
	assert_true(l.pauses > 0);
	spw_spool_unwatch(s, &l.watch);
	disconnect(&p, easy);
	check_request(&p.script[0], "chunked\r\n", body, sizeof(body));
	peer_fini(&p);
	curl_multi_cleanup(l.multi);
	spw_spool_unref(s);
	flag_fini(&l.go);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writing),
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_seeking),
		cmocka_unit_test(test_receiving),
		cmocka_unit_test(test_sending),
		cmocka_unit_test(test_sending_what_failed),
		cmocka_unit_test(test_a_form),
		cmocka_unit_test(test_pausing_to_receive),
		cmocka_unit_test(test_pausing_to_send),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	curl_global_cleanup();
	return failed;
}
