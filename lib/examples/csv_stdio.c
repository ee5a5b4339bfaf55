/* SPDX-License-Identifier: MIT */
/*
 * Code that knows nothing but FILE writes a table and adds it up again. The
 * table is in memory until it is large, then in a file that has no name.
 *
 *   csv_stdio [ROWS]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spillway/spool.h>
#include <spillway/stdio.h>

/* Returns: 0, or an errno. */
static int write_table(FILE *f, long rows)
{
	fputs("number,name,square\n", f);
	for (long i = 0; i < rows; i++)
		fprintf(f, "%ld,\"row %ld\",%ld\n", i, i, i * i);
	return fflush(f) || ferror(f) ? errno : 0;
}

static int add_up(FILE *f, long *ret_rows, long long *ret_sum)
{
	char *line = NULL;
	size_t cap = 0;

	*ret_rows = *ret_sum = 0;
	rewind(f);
	/* The first line is names. */
	if (getline(&line, &cap, f) > 0) {
		while (getline(&line, &cap, f) > 0) {
			*ret_sum += strtoll(strrchr(line, ',') + 1, NULL, 10);
			++*ret_rows;
		}
	}
	free(line);
	return ferror(f) ? errno : 0;
}

static int run(struct spw_spool *s, long rows)
{
	long long sum, expected = 0;
	long found;
	FILE *f;

	int r = spw_stdio_open(s, "w+", &f);
	if (r < 0)
		return -r;

	r = write_table(f, rows);
	if (r == 0)
		r = add_up(f, &found, &sum);
	fclose(f);
	if (r)
		return r;

	struct spw_spool_info info;
	spw_spool_info(s, &info);
	printf("%ld rows in %llu bytes, %s: the sum is %lld\n", found,
	    (unsigned long long)info.size,
	    info.spilled == SPW_SPILL_NONE ? "in memory" : "on disk", sum);
	for (long i = 0; i < rows; i++)
		expected += i * i;
	return found == rows && sum == expected ? 0 : EBADMSG;
}

int main(int argc, char **argv)
{
	const struct spw_dir_opts where = { .size = sizeof(where),
		.path = "/var/tmp" };
	struct spw_dir *dir = NULL;
	struct spw_spool *s = NULL;

	int r = -spw_dir_open(&where, &dir);
	if (r == 0) {
		const struct spw_spool_opts opts = { .size = sizeof(opts),
			.dir = dir, .memory_max = 64 * 1024 };

		r = -spw_spool_new(&opts, &s);
	}
	if (r == 0)
		r = run(s, argc > 1 ? strtol(argv[1], NULL, 10) : 10000);
	spw_spool_unref(s);
	spw_dir_unref(dir);
	if (r)
		fprintf(stderr, "csv_stdio: %s\n", strerror(r));
	return r ? 1 : 0;
}
