/* SPDX-License-Identifier: MIT */
/*
 * Runs the target with random inputs, the same for the same seed.
 *
 *   fuzz_spool [COUNT [SEED [FIRST]]]
 *
 * Input i depends on the seed and i alone, so that one that failed comes back
 * with COUNT 1 and its number for FIRST.
 */
#include <signal.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

#define INPUT_MAX 204u		/* 40 steps */
#define DEFAULT_COUNT 20000
#define DEFAULT_SEED 20231

static char where[96];
static volatile sig_atomic_t where_len;

static void on_abort(int sig)
{
	if (write(STDERR_FILENO, where, (size_t)where_len) < 0)
		_exit(1);
	signal(sig, SIG_DFL);
	raise(sig);
}

static uint64_t number(int argc, char **argv, int i, uint64_t standard)
{
	return i < argc ? strtoull(argv[i], NULL, 10) : standard;
}

static void run(uint64_t seed, uint64_t i)
{
	uint8_t input[INPUT_MAX];
	uint64_t random = (seed ^ i * UINT64_C(0xbf58476d1ce4e5b9)) | 1;

	where_len = snprintf(where, sizeof(where),
	    "failed: fuzz_spool 1 %llu %llu\n", (unsigned long long)seed,
	    (unsigned long long)i);
	for (int j = 0; j < 8; j++)
		fuzz_random(&random);
	size_t len = fuzz_random(&random) % (INPUT_MAX - 24) + 24;
	for (size_t j = 0; j < len; j++)
		input[j] = (uint8_t)(fuzz_random(&random) >> 32);
	LLVMFuzzerTestOneInput(input, len);
}

int main(int argc, char **argv)
{
	uint64_t count = number(argc, argv, 1, DEFAULT_COUNT);
	uint64_t seed = number(argc, argv, 2, DEFAULT_SEED);
	uint64_t first = number(argc, argv, 3, 0);

	signal(SIGABRT, on_abort);
	printf("%llu inputs from %llu on, seed %llu\n",
	    (unsigned long long)count, (unsigned long long)first,
	    (unsigned long long)seed);
	fflush(stdout);
	for (uint64_t i = first; i < first + count; i++)
		run(seed, i);
	return 0;
}
