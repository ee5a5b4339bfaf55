/* SPDX-License-Identifier: MIT */
#include "http/allowance.h"

static void hold(struct allotment *a, struct allowance *from, size_t bytes)
{
	spw_budget_charge(from->budget, bytes);
	*a = (struct allotment){from, bytes};
}

bool allot(struct allotment *a, struct allowance *from, size_t bytes)
{
	if (!from)
		return true;

	size_t taken = atomic_load(&from->taken);
	do {
		if (taken > 0 &&
		    (taken > from->max || bytes > from->max - taken))
			return false;
	} while (!atomic_compare_exchange_weak(
	    &from->taken, &taken, taken + bytes));
	hold(a, from, bytes);
	return true;
}

void allot_anyway(struct allotment *a, struct allowance *from, size_t bytes)
{
	if (!from)
		return;

	atomic_fetch_add(&from->taken, bytes);
	hold(a, from, bytes);
}

void allot_end(struct allotment *a)
{
	if (!a->from)
		return;

	spw_budget_uncharge(a->from->budget, a->bytes);
	atomic_fetch_sub(&a->from->taken, a->bytes);
	*a = (struct allotment){0};
}
