/* SPDX-License-Identifier: MIT */
#include "fault/whole.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault/fault.h"
#include "fault/heap_fault.h"
#include "fault/store_sys_fault.h"
#include "tempdir.h"

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

const struct seam whole_seams[WHOLE_SEAMS] = {
    {"memory of the server", heap_fault_arm, heap_fault_disarm},
    {"the library", arm_lib, fault_disarm},
    {"the library, full", arm_full, fault_disarm},
    {"the store", arm_store, store_fault_disarm},
};

void whole_be_client(bool on)
{
	static _Thread_local bool was;

	heap_fault_spare(on);
	if (on != was)
		fault_spare(on);
	was = on;
}

/* ---- the server --------------------------------------------------------- */

struct bed bed;

int whole_start(struct bed *b)
{
	char dir[192], error[SPW_SERVER_ERROR_SIZE] = "";
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

void whole_stop(struct bed *b)
{
	spw_server_free(b->server);
	b->server = NULL;
}

long whole_held(void)
{
	/* Descriptors go from the one to the other. */
	return fault_held() + store_fault_open();
}

int whole_make_bed(void **state)
{
	(void)state;
	require(temp_dir(bed.dir, sizeof(bed.dir)));
	whole_be_client(true);
	return 0;
}

/* ---- the client --------------------------------------------------------- */

/* A cut is no answer, wrong bytes are the end. */
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

int whole_read(const struct bed *b, const char *target,
    const char *lines, uint64_t off, size_t len)
{
	struct answer a;
	struct peer p;
	int status = 0;

	peer_open(&p, b->port);
	peer_say(&p, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", target, lines);
	if (peer_head(&p, &a))
		status = a.status;
	if (status / 100 == 2 && !is_whole(&p, &a, off, len))
		status = 0;
	peer_reset(&p);
	return status;
}

int whole_say(const struct bed *b, const char *head, const char *lines,
    const void *body, size_t len)
{
	struct answer a;
	struct peer p;
	int status = 0;

	peer_open(&p, b->port);
	peer_say(&p,
	    "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	    "Content-Length: %zu\r\n%s\r\n",
	    head, len, lines);
	(void)peer_send(&p, body, len);
	if (peer_head(&p, &a))
		status = a.status;
	peer_reset(&p);
	return status;
}

/* ---- rounds ------------------------------------------------------------- */

static struct {
	const struct scenario *sc;
	const struct seam *seam;
	unsigned nth;
	bool persistent;
	int status;
} at;

void whole_tell(void)
{
	fprintf(stderr, "%s, %s, call %u%s: status %d\n", at.sc->name,
	    at.seam->name, at.nth, at.persistent ? " and on" : "", at.status);
}

bool whole_is_trouble(int status)
{
	return status == 0 || status == 500 || status == 502 ||
	       status == 503 || status == 504 || status == 507;
}

static bool run_once(
    const struct scenario *sc, const struct play *play, unsigned i)
{
	play->prepare(&bed);
	at.sc = sc;
	at.seam = &whole_seams[i / 2];
	at.persistent = i % 2;
	at.seam->arm(at.nth, at.persistent);
	int status = sc->want(&bed);
	bool hit = at.seam->disarm();

	at.status = status;
	expect(hit || status == sc->good);
	expect(status == sc->good || play->is_defined(sc, status));
	play->check_after(&bed, sc, status);
	return hit;
}

void whole_play(const struct scenario *sc, const struct play *play)
{
	for (unsigned i = 0; i < 2 * WHOLE_SEAMS; i++) {
		at.nth = 1;
		while (run_once(sc, play, i)) {
			at.nth++;
			require(at.nth < CALLS_MAX);
		}
	}
}
