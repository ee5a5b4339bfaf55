/* SPDX-License-Identifier: MIT */
/* Clocks, memory that is there, bytes to write. */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE ((size_t)4096)
#define SEED UINT64_C(88172645463325252)

static uint64_t seed = SEED;

void die(const char *what)
{
	fprintf(stderr, "bench_spool: %s (%s)\n", what, strerror(errno));
	exit(1);
}

static double clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

struct watch watch_start(void)
{
	return (struct watch){ clock_ns(CLOCK_MONOTONIC),
		clock_ns(CLOCK_PROCESS_CPUTIME_ID) };
}

struct watch watch_stop(struct watch started)
{
	return (struct watch){ clock_ns(CLOCK_MONOTONIC) - started.wall,
		clock_ns(CLOCK_PROCESS_CPUTIME_ID) - started.cpu };
}

void tell(const char *workload, const char *peer, const char *unit,
    size_t bytes, double wall, double cpu)
{
	printf("%s\t%s\t%s\t%zu\t%.2f\t%.2f\n", workload, peer, unit, bytes,
	    wall, cpu);
	fflush(stdout);
}

void warm_up(size_t bytes)
{
	uint8_t *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	need(p != MAP_FAILED, "no memory to warm up");

	for (size_t i = 0; i < bytes; i += PAGE)
		((volatile uint8_t *)p)[i] = 1;
	munmap(p, bytes);
}

void seed_set(void)
{
	seed = SEED;
}

uint64_t seed_next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

const uint8_t *pattern(void)
{
	static uint8_t bytes[PATTERN_MAX];

	if (!bytes[0]) {
		seed_set();
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)(' ' + seed_next() % 90);
	}
	return bytes;
}

bool is_wanted(const char *name, const char *only)
{
	if (only && only[0] == '=')
		return strcmp(name, only + 1) == 0;

	return !only || strstr(name, only);
}
