/* SPDX-License-Identifier: MIT */
/*
 * What a server sets up once, for all its spools: a budget of memory, two
 * directories of which the second takes what the first does not, threads that
 * write behind, and a census.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <spillway/budget.h>
#include <spillway/census.h>
#include <spillway/dir.h>
#include <spillway/pool.h>
#include <spillway/spool.h>

#define SPOOLS 16
#define PIECE (64 * 1024)

struct shared {
	struct spw_budget *budget;
	struct spw_dir *dir;
	struct spw_pool *pool;
	struct spw_census *census;
};

static int set_up(struct shared *sh)
{
	static const char *const paths[] = { "/var/tmp", "/tmp" };
	/* Leave 16 MiB of the file system to everybody else. */
	const struct spw_dir_opts where = { .size = sizeof(where),
		.quota_bytes = 1 << 30, .keep_free_bytes = 16 << 20 };

	int r = spw_budget_new(8 * PIECE, &sh->budget);
	if (r == 0)
		r = spw_dir_open_first(&where, paths, 2, &sh->dir);
	if (r == 0)
		r = spw_pool_new(2, &sh->pool);
	if (r == 0)
		r = spw_census_new(&sh->census);
	return r;
}

static int new_spool(const struct shared *sh, struct spw_spool **ret)
{
	const struct spw_spool_opts opts = { .size = sizeof(opts),
		.budget = sh->budget, .dir = sh->dir, .pool = sh->pool,
		.census = sh->census,
		/* Only the budget decides who goes to disk. */
		.memory_max = SPW_UNLIMITED };

	return spw_spool_new(&opts, ret);
}

/* Spools have let go of these by themselves; the pool must come last. */
static void tear_down(struct shared *sh)
{
	spw_census_unref(sh->census);
	spw_budget_unref(sh->budget);
	spw_dir_unref(sh->dir);
	spw_pool_free(sh->pool);
}

/* Twice as much as fits: the largest spools make room for the others. */
static int fill(const struct shared *sh, struct spw_spool **spools)
{
	static const char piece[PIECE];
	struct spw_census_stats counted;
	struct spw_budget_stats memory;
	int r = 0;

	for (int i = 0; r == 0 && i < SPOOLS; i++) {
		r = new_spool(sh, &spools[i]);
		if (r == 0)
			r = spw_spool_append(spools[i], piece, sizeof(piece));
	}
	if (r < 0)
		return r;

	spw_census_take(sh->census, &counted);
	spw_budget_stats(sh->budget, &memory);
	printf("%llu spools, %llu on disk; at most %llu bytes in memory\n",
	    (unsigned long long)counted.live,
	    (unsigned long long)counted.spilled[SPW_SPILL_BUDGET],
	    (unsigned long long)memory.peak);
	return counted.live == SPOOLS && counted.spilled[SPW_SPILL_BUDGET] > 0
	    ? 0 : -EPROTO;
}

int main(void)
{
	struct spw_spool *spools[SPOOLS] = { NULL };
	struct shared sh = { .budget = NULL };

	int r = set_up(&sh);
	if (r == 0)
		r = fill(&sh, spools);
	for (int i = 0; i < SPOOLS; i++)
		spw_spool_unref(spools[i]);
	tear_down(&sh);
	if (r < 0)
		fprintf(stderr, "limits: %s\n", strerror(-r));
	return r < 0 ? 1 : 0;
}
