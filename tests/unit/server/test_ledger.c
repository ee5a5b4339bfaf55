/* SPDX-License-Identifier: MIT */
#include "store/ledger.h"

#include "check.h"

#define HERE "11111111-1111-1111-1111-111111111111"
#define LATER "22222222-2222-2222-2222-222222222222"
#define THIRD "33333333-3333-3333-3333-333333333333"

/* A ledger in the start `boot`, of a directory that has this. */
static void start(
    struct ledger *l, const char *boot, const struct storemeta *said)
{
	struct storemeta fresh = {.checkpoint = 0};

	memcpy(fresh.boot, boot, sizeof(fresh.boot));
	ledger_init(l, boot, said ? said : &fresh);
}

/* Do all checkpoints that are due; the first may fail. Returns: what is noted
   of them. */
static struct storemeta work(struct ledger *l, bool fails)
{
	struct storemeta m = l->noted;

	for (uint64_t n = ledger_due(l); n > 0; n--) {
		ledger_begin(l, &m);
		if (fails) {
			ledger_failed(l, &m);
			return m;
		}
		ledger_done(l, &m);
	}
	return m;
}

/* What was sealed here is asked for after the machine was down. */
static bool survives(const struct storemeta *said, uint64_t number)
{
	struct ledger l;

	start(&l, LATER, said);
	bool yes = ledger_trusts(&l, str_from(HERE), number);
	ledger_fini(&l);
	return yes;
}

/* Content of which some was written before a sync failed is in doubt, whenever
   it is complete; and nothing that began later is. */
static void test_half_written(void **state)
{
	struct ledger l;

	(void)state;
	start(&l, HERE, NULL);
	uint64_t before = ledger_next(&l);
	ledger_settled(&l);
	struct storemeta m = work(&l, true);
	assert_true(ledger_doubts(&l, before));
	assert_false(ledger_doubts(&l, 0));
	uint64_t after = ledger_next(&l);
	assert_false(ledger_doubts(&l, after));

	uint64_t soon = ledger_number(&l, before);
	ledger_changed(&l);
	(void)work(&l, false);
	uint64_t late = ledger_number(&l, before);
	uint64_t whole = ledger_number(&l, after);
	uint64_t waited = ledger_number(&l, 0);
	ledger_changed(&l);
	m = work(&l, false);
	assert_false(survives(&m, soon));
	assert_false(survives(&m, late));
	assert_true(survives(&m, whole));
	assert_true(survives(&m, waited));
	ledger_fini(&l);

	/* Also for the next daemon of the same start. */
	start(&l, HERE, &m);
	late = ledger_number(&l, before);
	whole = ledger_number(&l, after);
	ledger_settled(&l);
	m = work(&l, false);
	assert_false(survives(&m, late));
	assert_true(survives(&m, whole));
	ledger_fini(&l);
}

/* One that fails while others are written: they may be in it. */
static void test_while_it_fails(void **state)
{
	struct storemeta m;
	struct ledger l;

	(void)state;
	start(&l, HERE, NULL);
	ledger_settled(&l);
	ledger_begin(&l, &m);
	uint64_t began = ledger_next(&l);
	ledger_failed(&l, &m);
	assert_true(ledger_doubts(&l, began));
	assert_false(ledger_doubts(&l, ledger_next(&l)));
	ledger_fini(&l);
}

/* What was on the disk between two failures stays trusted. */
static void test_between(void **state)
{
	uint64_t numbers[2 * STOREMETA_DOUBTS];
	struct storemeta m;
	struct ledger l;

	(void)state;
	start(&l, HERE, NULL);
	ledger_settled(&l);
	for (int i = 0; i < 2 * STOREMETA_DOUBTS; i++) {
		numbers[i] = ledger_number(&l, ledger_next(&l));
		ledger_changed(&l);
		m = work(&l, i % 2);
	}
	m = work(&l, false);
	for (int i = 0; i < 2 * STOREMETA_DOUBTS; i++)
		assert_int_equal(survives(&m, numbers[i]), i % 2 == 0);
	ledger_fini(&l);
}

/* A doubt ends with the start after, when what it is about is deleted. */
static void test_end(void **state)
{
	struct storemeta m;
	struct ledger l;

	(void)state;
	start(&l, HERE, NULL);
	ledger_settled(&l);
	m = work(&l, true);
	ledger_fini(&l);
	start(&l, LATER, &m);
	assert_int_equal(
	    storemeta_last_doubt(&l.noted), storemeta_last_doubt(&m));
	/* One that was added meanwhile does not end with it. */
	m = work(&l, true);
	ledger_settled(&l);
	assert_true(storemeta_last_doubt(&l.noted) != 0);
	m = work(&l, false);
	ledger_fini(&l);
	start(&l, HERE, &m);
	ledger_settled(&l);
	m = work(&l, false);
	assert_int_equal(storemeta_last_doubt(&m), 0);
	ledger_fini(&l);
}

/* The start of the machine after that: what it trusts. */
#define NEXT "44444444-4444-4444-4444-444444444444"

/* What is not to be trusted was deleted, but the sync after it failed: it may
   be there again when the machine was down once more, whatever succeeded in
   between, by this daemon or the next. */
static void test_deleted_in_vain(void **state)
{
	static const struct {
		uint64_t checkpoint, others; /* that were noted */
		struct storemeta_doubt doubt;
		uint64_t lost; /* the number of what is deleted */
		const char *boot;
		uint64_t kept;
		unsigned
		    successes; /* of which the second is another daemon's */
	} cases[] = {
	    {20, 20, {6, 7}, 6, LATER, 20, 0},
	    {20, 20, {6, 7}, 6, LATER, 20, 1},
	    {20, 20, {6, 7}, 6, LATER, 20, 2},
	    {5, 5, {0, 0}, 6, LATER, 5, 0},
	    {5, 5, {0, 0}, 6, LATER, 5, 1},
	    {5, 5, {0, 0}, 6, LATER, 5, 2},
	    {9, 5, {0, 0}, 7, THIRD, 5, 0},
	};
	struct storemeta m;
	struct ledger l;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct storemeta said = {.checkpoint = cases[i / 2].checkpoint,
		    .others = cases[i / 2].others,
		    .doubts = {cases[i / 2].doubt}};
		const struct str boot = str_from(cases[i / 2].boot);

		memcpy(said.boot, LATER, sizeof(said.boot));
		start(&l, HERE, &said);
		assert_false(ledger_trusts(&l, boot, cases[i / 2].lost));
		/* One that has worked before, or none. */
		ledger_changed(&l);
		if (i % 2)
			(void)work(&l, false);
		ledger_settled(&l);
		m = work(&l, true);
		for (unsigned n = 0; n < cases[i / 2].successes; n++) {
			if (n) {
				ledger_fini(&l);
				start(&l, HERE, &m);
				ledger_settled(&l);
			}
			m = work(&l, false);
		}
		ledger_fini(&l);

		start(&l, NEXT, &m);
		assert_false(ledger_trusts(&l, boot, cases[i / 2].lost));
		assert_true(ledger_trusts(&l, boot, cases[i / 2].kept));
		ledger_fini(&l);
	}
}

/* Until a start of the machine in which no sync fails has deleted it for
   good. */
static void test_end_of_doubts(void **state)
{
	static const char *const starts[] = {HERE, NEXT, THIRD};
	struct storemeta m = {
	    .checkpoint = 20, .others = 18, .doubts = {{6, 7}}};
	struct ledger l;

	(void)state;
	memcpy(m.boot, LATER, sizeof(m.boot));
	for (size_t i = 0; i < 3; i++) {
		start(&l, starts[i], &m);
		ledger_settled(&l);
		m = work(&l, i == 0);
		ledger_fini(&l);
	}
	assert_int_equal(storemeta_last_doubt(&m), 0);
	assert_int_equal(m.others, m.checkpoint);
}

/* What a start has noted stands when the first sync of the next fails. */
static void test_earlier(void **state)
{
	struct storemeta said = {.checkpoint = 9, .others = 5}, m;
	struct ledger l;

	(void)state;
	memcpy(said.boot, LATER, sizeof(said.boot));
	start(&l, HERE, &said);
	assert_true(ledger_trusts(&l, str_from(LATER), 8));
	ledger_settled(&l);
	uint64_t dropped = ledger_number(&l, ledger_next(&l));
	m = work(&l, true);
	ledger_fini(&l);

	static const char *const next[] = {HERE, NEXT};
	for (size_t i = 0; i < 2; i++) {
		start(&l, next[i], &m);
		assert_true(ledger_trusts(&l, str_from(LATER), 8));
		assert_int_equal(
		    ledger_trusts(&l, str_from(HERE), dropped), i == 0);
		ledger_settled(&l);
		struct storemeta later = work(&l, false);
		ledger_fini(&l);

		start(&l, THIRD, &later);
		assert_true(ledger_trusts(&l, str_from(LATER), 8));
		assert_false(ledger_trusts(&l, str_from(HERE), dropped));
		ledger_fini(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_half_written),
	    cmocka_unit_test(test_while_it_fails),
	    cmocka_unit_test(test_between),
	    cmocka_unit_test(test_end),
	    cmocka_unit_test(test_deleted_in_vain),
	    cmocka_unit_test(test_end_of_doubts),
	    cmocka_unit_test(test_earlier),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
