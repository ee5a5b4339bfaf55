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

bool allowance_has(const struct allowance *from, size_t bytes)
{
	if (!from)
		return true;

	size_t taken = atomic_load(&from->taken);
	return taken <= from->max && bytes <= from->max - taken;
}

bool allowance_used_up(const struct allowance *from)
{
	return !allowance_has(from, 0);
}

bool allot_more(struct allotment *a, struct allowance *from, size_t bytes)
{
	if (!from)
		return true;

	size_t taken = atomic_load(&from->taken);
	do {
		if (taken > a->bytes &&
		    (taken > from->max || bytes > from->max - taken))
			return false;
	} while (!atomic_compare_exchange_weak(
	    &from->taken, &taken, taken + bytes));
	spw_budget_charge(from->budget, bytes);
	*a = (struct allotment){from, a->bytes + bytes};
	return true;
}

bool allot(struct allotment *a, struct allowance *from, size_t bytes)
{
	*a = (struct allotment){0};
	return allot_more(a, from, bytes);
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
