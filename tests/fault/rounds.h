/* SPDX-License-Identifier: MIT */
/*
 * The rounds of a fault test: something is done again and again, with its
 * first call failing, its second, and so on until it passes untouched; once
 * and from then on, in each style.
 *
 *   static bool run_once(const void *what, const struct round *how)
 *   {
 *           round_arm(how);
 *           int r = ... what is to be tested ...
 *           bool hit = fault_disarm();
 *           ...
 *           return hit;
 *   }
 *   rounds(run_once, what);
 *
 * Many such are a table of scenarios, each with a name; see SCENARIO_TESTS.
 */
#ifndef TESTS_FAULT_ROUNDS_H
#define TESTS_FAULT_ROUNDS_H

#include "check.h"

#include <errno.h>

#include "fault/fault.h"

/* Nothing here has as many calls: otherwise it never passes untouched. */
#define ROUNDS_MAX 100
/* A call that nothing has. */
#define ROUND_NONE 100000

struct round {
	unsigned nth; /* ROUND_NONE: nothing fails */
	bool persistent;
	enum fault_style style;
};

static const struct round no_fault = { .nth = ROUND_NONE };

static inline void round_arm(const struct round *how)
{
	fault_arm(how->nth, how->persistent, how->style);
}

/** The call failed, and by what was injected. */
static inline void expect_fault(int r)
{
	assert_true(r == -ENOMEM || r == -EMFILE || r == -ENFILE ||
	    r == -EIO || r == -ENOSPC || r == -EXDEV);
}

/** Returns: how many calls there were. */
static inline unsigned rounds_of(
    bool (*once)(const void *what, const struct round *how),
    const void *what, bool persistent, enum fault_style style)
{
	struct round how = { 1, persistent, style };

	while (once(what, &how))
		assert_true(++how.nth < ROUNDS_MAX);
	return how.nth - 1;
}

/** All of them. Returns: how many calls there were at least. */
static inline unsigned rounds(
    bool (*once)(const void *what, const struct round *how), const void *what)
{
	unsigned least = ROUNDS_MAX;

	for (int style = 0; style < FAULT_STYLES; style++) {
		for (int persistent = 0; persistent < 2; persistent++) {
			unsigned n = rounds_of(once, what, persistent,
			    (enum fault_style)style);

			least = n < least ? n : least;
		}
	}
	return least;
}

/** Short writes are no faults: with nothing else it passes untouched. */
static inline void round_of_short_writes(
    bool (*once)(const void *what, const struct round *how), const void *what)
{
	fault_short_writes(true);
	assert_false(once(what, &no_fault));
	fault_short_writes(false);
}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/** Make tests of the scenarios of a table, which `fn` finds in its state. */
#define SCENARIO_TESTS(tests, scenarios, fn)                                   \
	for (size_t i_ = 0; i_ < COUNT_OF(scenarios); i_++) {                  \
		(tests)[i_] = (struct CMUnitTest){                             \
			.name = (scenarios)[i_].name,                          \
			.test_func = (fn),                                     \
			.initial_state = (void *)(uintptr_t)&(scenarios)[i_],  \
		};                                                             \
	}

#endif
