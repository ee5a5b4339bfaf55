/* SPDX-License-Identifier: MIT */
/*
 * Histories of a directory, made up: contents begin and are sealed, checkpoints
 * succeed and fail, daemons are killed and follow one another, the machine goes
 * down in order or loses its power. What is not wholly on the disk is never
 * trusted after the machine was down, and what was noted to be there always is.
 */
#include "store/ledger.h"

#include <stdlib.h>

#include "check.h"

#define HISTORIES 10000
#define STARTS 6 /* of the machine */
#define DAEMONS 3
#define STEPS 6
#define CONTENTS 200
#define FAILURES 3 /* of syncs, in one start */

struct content {
	unsigned start;	 /* of the machine, in which it began; 0: it is gone */
	uint64_t number; /* 0: it is not sealed */
	uint64_t began;
	bool written;  /* wholly, to the disk */
	bool dropped;  /* some of it: it never will be */
	bool promised; /* somebody noted that it is there */
};

struct history {
	struct ledger ledger;
	struct storemeta meta,
	    old_meta; /* now, and when the disk last had it */
	struct content contents[CONTENTS];
	size_t n;
	unsigned start, failures;
	unsigned random, seed;
	bool settled;
};

static unsigned any_of(struct history *h, unsigned n)
{
	return (unsigned)rand_r(&h->random) % n;
}

static void name_start(unsigned start, char ret[STOREMETA_BOOT + 1])
{
	memcpy(ret, "00000000-1111-1111-1111-111111111111", STOREMETA_BOOT + 1);
	ret[0] = (char)('0' + start);
}

static bool trusts(struct history *h, const struct content *c)
{
	char boot[STOREMETA_BOOT + 1];

	name_start(c->start, boot);
	return ledger_trusts(&h->ledger, str_from(boot), c->number);
}

static void check(struct history *h)
{
	for (size_t i = 0; i < h->n; i++) {
		const struct content *c = &h->contents[i];

		if (!c->start || !c->number)
			continue;
		bool yes = trusts(h, c);
		if (yes && c->start != h->start && !c->written)
			fail_msg("history %u: %zu is trusted", h->seed, i);
		if (!yes && c->promised)
			fail_msg("history %u: %zu is lost", h->seed, i);
	}
}

static void settle(struct history *h)
{
	for (size_t i = 0; i < h->n; i++) {
		struct content *c = &h->contents[i];

		if (c->number && !trusts(h, c))
			c->start = 0;
	}
	ledger_settled(&h->ledger);
	h->settled = true;
}

static void begin(struct history *h)
{
	if (h->n < CONTENTS)
		h->contents[h->n++] = (struct content){
		    .start = h->start, .began = ledger_next(&h->ledger)};
}

static void seal(struct history *h)
{
	struct content *c =
	    h->n ? &h->contents[any_of(h, (unsigned)h->n)] : NULL;

	if (!c || c->number || !c->start)
		return;
	c->number = ledger_number(&h->ledger, c->began);
	ledger_changed(&h->ledger);
}

static void work(struct history *h)
{
	for (unsigned n = any_of(h, 4); n > 0; n--) {
		if (any_of(h, 2))
			begin(h);
		else
			seal(h);
	}
}

/* A sync takes what is there, and what comes meanwhile or not. */
static void sync_some(struct history *h, bool fails)
{
	size_t n = h->n;
	bool sealed[CONTENTS];

	for (size_t i = 0; i < n; i++)
		sealed[i] = h->contents[i].number != 0;
	work(h);
	for (size_t i = 0; i < h->n; i++) {
		struct content *c = &h->contents[i];

		if (c->written)
			continue;
		if (fails)
			c->dropped = c->dropped || any_of(h, 2);
		else if (i < n && sealed[i] && !c->dropped)
			c->written = true;
	}
}

static void promise(struct history *h)
{
	for (size_t i = 0; i < h->n; i++) {
		struct content *c = &h->contents[i];
		char boot[STOREMETA_BOOT + 1];

		name_start(c->start, boot);
		if (c->start && c->number && c->written &&
		    storemeta_trusts(&h->meta,
			"99999999-1111-1111-1111-111111111111", str_from(boot),
			c->number))
			c->promised = true;
	}
}

static void do_checkpoints(struct history *h)
{
	for (uint64_t n = ledger_due(&h->ledger); n > 0; n--) {
		bool fails = h->failures < FAILURES && any_of(h, 3) == 0;
		struct storemeta m;

		h->failures += fails;
		ledger_begin(&h->ledger, &m);
		struct storemeta old = h->meta;
		sync_some(h, fails);
		if (fails) {
			ledger_failed(&h->ledger, &m);
			h->meta = m;
			return;
		}
		h->old_meta = old;
		if (any_of(h, 8) == 0) /* killed, or no room to note it */
			return;
		ledger_done(&h->ledger, &m);
		h->meta = m;
	}
}

static void run_daemon(struct history *h)
{
	char boot[STOREMETA_BOOT + 1];

	name_start(h->start, boot);
	ledger_init(&h->ledger, boot, &h->meta);
	h->settled = false;
	check(h);
	for (unsigned n = any_of(h, STEPS); n > 0; n--) {
		unsigned what = any_of(h, 4);

		if (what < 2)
			work(h);
		else if (what == 2 && !h->settled)
			settle(h);
		else
			do_checkpoints(h);
	}
	if (any_of(h, 2)) { /* it stops in order */
		if (ledger_unsettled(&h->ledger))
			settle(h);
		do_checkpoints(h);
	}
	ledger_fini(&h->ledger);
	/* What nobody sealed goes with it. */
	for (size_t i = 0; i < h->n; i++)
		if (!h->contents[i].number)
			h->contents[i].start = 0;
}

static void go_down(struct history *h)
{
	if (any_of(h, 2)) { /* with all that can be written */
		for (size_t i = 0; i < h->n; i++)
			h->contents[i].written |= !h->contents[i].dropped;
	} else if (any_of(h, 2)) {
		h->meta = h->old_meta;
	}
	h->old_meta = h->meta;
	promise(h);
	h->start++;
	h->failures = 0;
}

static void play(struct history *h)
{
	char boot[STOREMETA_BOOT + 1];

	h->start = 1;
	name_start(h->start, boot);
	memcpy(h->meta.boot, boot, sizeof(h->meta.boot));
	h->old_meta = h->meta;
	while (h->start <= STARTS) {
		for (unsigned n = 1 + any_of(h, DAEMONS); n > 0; n--)
			run_daemon(h);
		go_down(h);
	}
}

static void test_histories(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= HISTORIES; seed++) {
		struct history h = {.random = seed, .seed = seed};

		play(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_histories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
