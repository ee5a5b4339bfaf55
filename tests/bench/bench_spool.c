/* SPDX-License-Identifier: MIT */
/*
 * Measure spools:
 *
 *   bench_spool [-d DIR] [-t TMPFS_DIR] [-s] [WORKLOAD]
 *
 * DIR is where they spill (/var/tmp), TMPFS_DIR one in memory (/dev/shm, if
 * it is there). -s does little of everything and looks closely at the
 * results. WORKLOAD is a part of a name, or '=' and a whole one. Prints lines
 * as bench.h says; for all peers in several rounds and a table, see run.sh.
 */
#include <stdio.h>
#include <unistd.h>

#include "bench.h"

int main(int argc, char **argv)
{
	struct settings set = { .dir = "/var/tmp", .tmpfs = "/dev/shm" };
	int option;

	while ((option = getopt(argc, argv, "d:t:s")) != -1) {
		switch (option) {
		case 'd':
			set.dir = optarg;
			break;
		case 't':
			set.tmpfs = optarg;
			break;
		case 's':
			set.smoke = true;
			break;
		default:
			return 2;
		}
	}
	if (access(set.tmpfs, W_OK) < 0)
		set.tmpfs = NULL;

	unsigned done = work_run(&set, argv[optind]);
	done += work_text_run(&set, argv[optind]);
	done += work_peak_run(&set, argv[optind]);
	if (!done)
		fprintf(stderr, "bench_spool: no workload of that name\n");
	return done ? 0 : 2;
}
