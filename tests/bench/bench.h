/* SPDX-License-Identifier: MIT */
/*
 * Measuring spools beside what else a program could use.
 *
 * A peer is a thing that bytes can be put into and read from: ours, another
 * one's, or no thing at all but a limit (memcpy, pwrite). A workload drives
 * any peer through the same calls, so that each pays the same for being
 * driven, and checks what it reads.
 *
 * One line is printed for each measurement, its fields divided by tabs:
 *
 *   workload  peer  unit  bytes/op  wall  cpu
 *
 * with the last two per operation. `bench_spool.go` and `bench_spool.py` print
 * the same; report.py makes tables of them. Whatever fails ends the program:
 * a benchmark has nothing to clean up.
 */
#ifndef SPILLWAY_BENCH_H
#define SPILLWAY_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)
#define NEVER_SPILL UINT64_MAX

/* What is written, again and again: byte i of an object is PATTERN[i % n],
   n the length of an append. */
#define PATTERN_MAX (64 * KIB)

/** Where a peer puts its bytes, and how many to expect. */
struct place {
	const char *dir;
	uint64_t memory_max;	/* NEVER_SPILL: all in memory */
	uint64_t total;
};

enum {
	IN_MEMORY = 1 << 0,
	ON_DISK = 1 << 1,
	ONLY_LINES = 1 << 2,	/* the rest is the same as another peer's */
};

struct peer {
	const char *name;	/* "limit: ...", "floor: ..." for what is none
				   but shows how far one could go */
	unsigned can;
	void *(*open)(const struct place *at);
	void (*append)(void *self, const void *buf, size_t len);
	/* Go to `off` and read; NULL: it cannot. */
	void (*read)(void *self, void *buf, size_t len, uint64_t off);
	/* Read all lines from the beginning: how many; NULL: it cannot. */
	uint64_t (*lines)(void *self, uint64_t *ret_bytes);
	void (*close)(void *self);
};

extern const struct peer spool_plain, spool_budget, spool_hint, spool_stdio;
extern const struct peer spool_text;
extern const struct peer stdio_memstream, stdio_fmemopen, stdio_tmpfile;
extern const struct peer plain_realloc, limit_memcpy, limit_pwrite;

/** What the command line said. */
struct settings {
	const char *dir;
	const char *tmpfs;	/* NULL: leave out what needs one */
	bool smoke;		/* little of everything, but look closely */
};

struct watch {
	double wall, cpu;	/* in ns */
};

/* The seconds between watch_start() and watch_stop(), in ns. */
struct watch watch_start(void);
struct watch watch_stop(struct watch started);

/** End the program, saying what went wrong. */
void die(const char *what) __attribute__((noreturn));

/** End the program unless `ok`. */
static inline void need(bool ok, const char *what)
{
	if (!ok)
		die(what);
}

/** Print one measurement. */
void tell(const char *workload, const char *peer, const char *unit,
    size_t bytes, double wall, double cpu);

/**
 * Have so much memory touched and free: some virtual machines give free
 * memory back to their host, and the first touch of a page that has to come
 * from there costs fifty times as much as another.
 */
void warm_up(size_t bytes);

/** Returns: PATTERN_MAX bytes that are always the same, no line among them. */
const uint8_t *pattern(void);

/** Returns: the next number of a sequence that begins anew with seed_set(). */
uint64_t seed_next(void);
void seed_set(void);

/* work.c */

/** Run those whose name contains `only`, NULL for all. Returns: how many. */
unsigned work_run(const struct settings *set, const char *only);

/* work_text.c, work_peak.c: the same. */
unsigned work_text_run(const struct settings *set, const char *only);
unsigned work_peak_run(const struct settings *set, const char *only);

/** Does `name` contain `only`, or is it that behind a '='? */
bool is_wanted(const char *name, const char *only);

#endif
