/* SPDX-License-Identifier: MIT */
#include "fault/heap_fault.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

static _Atomic unsigned calls, wanted; /* `wanted` 0: not armed */
static atomic_bool lasting, hit;
static _Thread_local bool spared;

void heap_fault_arm(unsigned nth, bool persistent)
{
	atomic_store(&hit, false);
	atomic_store(&lasting, persistent);
	atomic_store(&calls, 0);
	atomic_store(&wanted, nth);
}

bool heap_fault_disarm(void)
{
	atomic_store(&wanted, 0);
	return atomic_load(&hit);
}

void heap_fault_spare(bool begin)
{
	spared = begin;
}

static bool fails(void)
{
	unsigned nth = atomic_load(&wanted);

	if (!nth || spared)
		return false;

	unsigned n = atomic_fetch_add(&calls, 1) + 1;
	if (n < nth || (n > nth && !atomic_load(&lasting)))
		return false;

	atomic_store(&hit, true);
	errno = ENOMEM;
	return true;
}

#define WRAP(ret, name, params, args)                                          \
	ret __real_##name params;                                              \
	ret __wrap_##name params;                                              \
	ret __wrap_##name params                                               \
	{                                                                      \
		return fails() ? NULL : __real_##name args;                    \
	}

WRAP(void *, malloc, (size_t n), (n))
WRAP(void *, calloc, (size_t n, size_t size), (n, size))
WRAP(void *, realloc, (void *p, size_t n), (p, n))
WRAP(char *, strdup, (const char *s), (s))
WRAP(char *, strndup, (const char *s, size_t n), (s, n))
