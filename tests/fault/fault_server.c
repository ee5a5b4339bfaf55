/* SPDX-License-Identifier: MIT */
/*
 * A whole server in this process, with each of its allocations and system
 * calls failing in turn while a client wants something of it: once, and from
 * then on. Whatever fails, the client gets an answer that is defined or finds
 * its connection closed, never wrong bytes; what was told is true; the server
 * lives, and the next request is served. In the end nothing is held.
 */
#include "check.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault/fault.h"
#include "fault/heap_fault.h"
#include "fault/store_sys_fault.h"
#include "inproc/host.h"
#include "inproc/peer.h"

/* On disk, and in memory. */
#define LARGE 200000
#define SMALL 3000
/* No scenario has more calls. */
#define CALLS_MAX 400

/* ---- what fails --------------------------------------------------------- */

static void arm_lib(unsigned nth, bool persistent)
{
	fault_arm(nth, persistent, FAULT_BROKEN);
}

static void arm_full(unsigned nth, bool persistent)
{
	fault_arm(nth, persistent, FAULT_FULL);
}

static void arm_store(unsigned nth, bool persistent)
{
	store_fault_arm(nth, persistent, -EIO);
}

static const struct seam {
	const char *name;
	void (*arm)(unsigned nth, bool persistent);
	bool (*disarm)(void);
} seams[] = {
    {"memory of the server", heap_fault_arm, heap_fault_disarm},
    {"the library", arm_lib, fault_disarm},
    {"the library, full", arm_full, fault_disarm},
    {"the store", arm_store, store_fault_disarm},
};
#define SEAMS (sizeof(seams) / sizeof(seams[0]))

/* This thread is the client; it is hit only while it is the server. */
static void be_client(bool on)
{
	static bool was;

	heap_fault_spare(on);
	if (on != was)
		fault_spare(on);
	was = on;
}

/* ---- the server --------------------------------------------------------- */

struct bed {
	char dir[64];
	struct spw_server *server;
	uint16_t port;
};

static int start_server(struct bed *b)
{
	char dir[128], error[SPW_SERVER_ERROR_SIZE] = "";
	const char *settings[] = {dir, "server.listen=127.0.0.1:0",
	    "server.threads=1", "spool.keep_free=0", "spool.memory_max=64K",
	    "store.durability=fsync", "store.max_open_files=16",
	    "fetch.allow_networks=127.0.0.1/32", "fetch.ports=1-65535",
	    "fetch.max_retries=0", "log.level=error", NULL};

	snprintf(dir, sizeof(dir), "spool.dir=%s", b->dir);
	int r = spw_server_new(NULL, settings, &b->server, error);
	if (r < 0) {
		assert_true(error[0]);
		return r;
	}
	r = spw_server_start(b->server);
	b->port = spw_server_port(b->server);
	return r;
}

static void stop_server(struct bed *b)
{
	spw_server_free(b->server);
	b->server = NULL;
}

/* Descriptors go from the one to the other. */
static long held(void)
{
	return fault_held() + store_fault_open();
}

static int remove_one(
    const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static struct bed bed;

static int make_bed(void **state)
{
	const char *base = getenv("TMPDIR");

	snprintf(bed.dir, sizeof(bed.dir), "%s/spw-fault-XXXXXX",
	    base ? base : "/var/tmp");
	require(mkdtemp(bed.dir) != NULL);
	(void)state;
	be_client(true);
	return 0;
}

static int clear_bed(void **state)
{
	(void)state;
	return nftw(bed.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- what a client wants ------------------------------------------------ */

/*
 * Each returns the status of the answer, 0 when there was none. Content of an
 * answer has been compared.
 */
typedef int want_fn(const struct bed *b);

static bool is_whole(struct peer *p, struct answer *a, uint64_t off, size_t n)
{
	uint8_t block[4096];
	ssize_t got;
	uint64_t at = 0;

	while ((got = peer_body(p, a, block, sizeof(block))) > 0) {
		require(is_content(block, (size_t)got, off + at));
		at += (uint64_t)got;
	}
	require(got != 0 || at == n);
	return got == 0;
}

/* GET some of a file; a cut is no answer, wrong bytes are the end. */
static int fetch_bytes(
    const struct bed *b, const char *range, uint64_t off, size_t len)
{
	struct answer a;
	struct peer p;
	int status = 0;

	peer_open(&p, b->port);
	peer_say(&p, "GET /files/old HTTP/1.1\r\nHost: x\r\n%s\r\n", range);
	if (peer_head(&p, &a))
		status = a.status;
	if (status / 100 == 2 && !is_whole(&p, &a, off, len))
		status = 0;
	peer_reset(&p);
	return status;
}

static int read_all(const struct bed *b)
{
	return fetch_bytes(b, "", 0, LARGE);
}

static int read_range(const struct bed *b)
{
	return fetch_bytes(b, "Range: bytes=70000-140000\r\n", 70000, 70001);
}

/* Send a request and read the status. */
static int say(const struct bed *b, const char *head, const char *type,
    const void *body, size_t len)
{
	struct answer a;
	struct peer p;
	int status = 0;

	peer_open(&p, b->port);
	peer_say(&p,
	    "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	    "Content-Length: %zu\r\n%s\r\n",
	    head, len, type);
	(void)peer_send(&p, body, len);
	if (peer_head(&p, &a))
		status = a.status;
	peer_reset(&p);
	return status;
}

static int upload(const struct bed *b, const char *id, size_t len)
{
	static uint8_t body[LARGE];
	char head[64];

	fill_content(body, len, 0);
	snprintf(head, sizeof(head), "PUT /files/%s", id);
	return say(b, head, "", body, len);
}

static int upload_small(const struct bed *b)
{
	return upload(b, "new", SMALL);
}

static int upload_large(const struct bed *b)
{
	return upload(b, "new", LARGE);
}

static int upload_chunked(const struct bed *b)
{
	char head[] = "PUT /files/new HTTP/1.1\r\nHost: x\r\n"
		      "Transfer-Encoding: chunked\r\n\r\n";
	struct answer a;
	struct peer p;
	int status = 0;
	uint8_t chunk[20000];

	peer_open(&p, b->port);
	(void)peer_send(&p, head, sizeof(head) - 1);
	for (uint64_t off = 0; off < LARGE; off += sizeof(chunk)) {
		fill_content(chunk, sizeof(chunk), off);
		(void)peer_send(&p, "4e20\r\n", 6);
		(void)peer_send(&p, chunk, sizeof(chunk));
		(void)peer_send(&p, "\r\n", 2);
	}
	(void)peer_send(&p, "0\r\n\r\n", 5);
	if (peer_head(&p, &a))
		status = a.status;
	peer_reset(&p);
	return status;
}

static int replace(const struct bed *b)
{
	return upload(b, "old", LARGE);
}

static int upload_form(const struct bed *b)
{
	static const char body[] =
	    "--B\r\nContent-Disposition: form-data; name=\"a\"; "
	    "filename=\"x\"\r\n\r\nsome bytes\r\n--B--\r\n";

	return say(b, "POST /files",
	    "Content-Type: multipart/form-data; boundary=B\r\n", body,
	    sizeof(body) - 1);
}

static int upload_tus(const struct bed *b)
{
	return say(b, "POST /files",
	    "Tus-Resumable: 1.0.0\r\nUpload-Length: 10\r\n"
	    "Content-Type: application/offset+octet-stream\r\n",
	    "0123456789", 10);
}

static int delete_old(const struct bed *b)
{
	return say(b, "DELETE /files/old", "", NULL, 0);
}

static int list(const struct bed *b)
{
	return say(b, "GET /files", "", NULL, 0);
}

static int info(const struct bed *b)
{
	return say(b, "GET /files/old/info?digest=sha-256", "", NULL, 0);
}

static int list_archive(const struct bed *b)
{
	return say(b, "GET /files/old/zip", "", NULL, 0);
}

/* From the server itself. */
static int fetch_url(const struct bed *b)
{
	char body[128];
	int n = snprintf(body, sizeof(body),
	    "{\"url\":\"http://127.0.0.1:%u/files/old\"}", (unsigned)b->port);

	return say(b, "POST /fetch",
	    "Content-Type: application/json\r\nPrefer: wait=30\r\n", body,
	    (size_t)n);
}

static const struct scenario {
	const char *name;
	want_fn *want;
	int good; /* status when nothing fails */
} scenarios[] = {
    {"upload_small", upload_small, 201},
    {"upload_large", upload_large, 201},
    {"upload_chunked", upload_chunked, 201},
    {"upload_form", upload_form, 201},
    {"upload_tus", upload_tus, 201},
    {"replace", replace, 200},
    {"read_all", read_all, 200},
    {"read_range", read_range, 206},
    {"delete", delete_old, 204},
    {"list", list, 200},
    {"info", info, 200},
    {"list_archive", list_archive, 422},
    {"fetch", fetch_url, 201},
};
#define SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

/* ---- rounds ------------------------------------------------------------- */

/* Where we are, for whoever has to find out why. */
static struct {
	const struct scenario *sc;
	const struct seam *seam;
	unsigned nth;
	bool persistent;
	int status;
} at;

static void tell(void)
{
	fprintf(stderr, "%s, %s, call %u%s: status %d\n", at.sc->name,
	    at.seam->name, at.nth, at.persistent ? " and on" : "", at.status);
}

#define expect(cond)                                                           \
	do {                                                                   \
		if (!(cond)) {                                                 \
			tell();                                                \
			require(!"" #cond);                                    \
		}                                                              \
	} while (0)

/* An answer that a client can make something of. */
static bool is_defined(const struct scenario *sc, int status)
{
	return status == sc->good || status == 0 || status == 500 ||
	       status == 502 || status == 503 || status == 504 ||
	       status == 507 ||
	       /* What was admitted, and there was no memory to wait. */
	       (sc->want == fetch_url && status == 202) ||
	       /* An upload of which nobody knows what the disk has. */
	       (sc->want == upload_tus && status == 410);
}

/* Have a file whose content is not open, and nothing else. */
static void prepare(const struct bed *b)
{
	(void)ask(b->port, "DELETE", "/files/new");
	int status = upload(b, "old", LARGE);

	require(status == 200 || status == 201);
}

/* What was told is so, and what was not is as before. */
static void check_after(
    const struct bed *b, const struct scenario *sc, int status)
{
	if (sc->want == upload_small || sc->want == upload_large ||
	    sc->want == upload_chunked) {
		size_t len = sc->want == upload_small ? SMALL : LARGE;

		/* Without an answer it may be there, and then is whole. */
		if (status == 201)
			expect(get(b->port, "new", len));
		else if (status)
			expect(ask(b->port, "HEAD", "/files/new") != 200);
		else if (ask(b->port, "HEAD", "/files/new") == 200)
			expect(get(b->port, "new", len));
	}
	if (sc->want != delete_old)
		expect(get(b->port, "old", LARGE));
	else if (status == 204)
		expect(ask(b->port, "HEAD", "/files/old") != 200);
	else if (ask(b->port, "HEAD", "/files/old") == 200)
		/* A deletion that failed may have been made. */
		expect(get(b->port, "old", LARGE));
	expect(ask(b->port, "GET", "/healthz") == 200);
	expect(put(b->port, "next", SMALL) / 100 == 2);
	expect(get(b->port, "next", SMALL));
}

static bool run_once(const struct bed *b, const struct scenario *sc,
    const struct seam *seam, unsigned nth, bool persistent)
{
	prepare(b);
	seam->arm(nth, persistent);
	int status = sc->want(b);
	bool hit = seam->disarm();

	at.sc = sc;
	at.seam = seam;
	at.nth = nth;
	at.persistent = persistent;
	at.status = status;

	expect(hit || status == sc->good);
	expect(is_defined(sc, status));
	check_after(b, sc, status);
	return hit;
}

static void test_scenario(void **state)
{
	const struct scenario *sc = *state;

	be_client(true);
	require(start_server(&bed) == 0);
	for (size_t i = 0; i < 2 * SEAMS; i++) {
		unsigned nth = 1;

		while (run_once(&bed, sc, &seams[i / 2], nth, i % 2)) {
			nth++;
			require(nth < CALLS_MAX);
		}
	}
	stop_server(&bed);
	assert_int_equal(held(), 0);
}

/* Starting: it says what is wrong and leaves nothing, or it works. */
static bool start_once(const struct seam *seam, unsigned nth, bool persistent)
{
	struct census before = census_take();

	seam->arm(nth, persistent);
	be_client(false);
	int r = start_server(&bed);
	be_client(true);
	bool hit = seam->disarm();

	require(r == 0 || hit);
	if (r == 0) {
		require(ask(bed.port, "GET", "/healthz") == 200);
		require(get(bed.port, "old", LARGE));
		require(put(bed.port, "next", SMALL) / 100 == 2);
	}
	stop_server(&bed);
	census_check(&before);
	assert_int_equal(held(), 0);
	return hit;
}

static void test_starting(void **state)
{
	(void)state;
	be_client(true);
	require(start_server(&bed) == 0);
	prepare(&bed);
	stop_server(&bed);
	for (size_t i = 0; i < 2 * SEAMS; i++) {
		unsigned nth = 1;

		while (start_once(&seams[i / 2], nth, i % 2)) {
			nth++;
			require(nth < CALLS_MAX);
		}
		assert_true(nth > 2);
	}
}

int main(void)
{
	struct CMUnitTest tests[SCENARIOS + 1] = {
		cmocka_unit_test(test_starting),
	};

	host_prepare();
	for (size_t i = 0; i < SCENARIOS; i++) {
		tests[i + 1] = (struct CMUnitTest){
			.name = scenarios[i].name,
			.test_func = test_scenario,
			.initial_state = (void *)(uintptr_t)&scenarios[i],
		};
	}
	return cmocka_run_group_tests(tests, make_bed, clear_bed);
}
