/* SPDX-License-Identifier: MIT */
#include "base/allowance.h"

void allowance_take(struct allowance *from, size_t bytes)
{
	if (!from)
		return;

	spw_budget_charge(from->budget, bytes);
	atomic_fetch_add(&from->taken, bytes);
}

void allowance_give(struct allowance *from, size_t bytes)
{
	if (!from)
		return;

	spw_budget_uncharge(from->budget, bytes);
	atomic_fetch_sub(&from->taken, bytes);
}

bool allowance_used_up(const struct allowance *from)
{
	return from && atomic_load(&from->taken) > from->max;
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
	spw_budget_charge(from->budget, bytes);
	*a = (struct allotment){from, bytes};
	return true;
}

void allot_anyway(struct allotment *a, struct allowance *from, size_t bytes)
{
	allowance_take(from, bytes);
	*a = (struct allotment){from, bytes};
}

void allot_end(struct allotment *a)
{
	allowance_give(a->from, a->bytes);
	*a = (struct allotment){0};
}
