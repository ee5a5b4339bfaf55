/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target without a fuzzer: every file named on the command line
 * or in a directory named there, then a number of inputs mutated from those.
 *
 *   fuzz_range-replay [--runs N] [--seed N] PATH...
 *
 * The mutations depend on the seed and the corpus only (files are taken in
 * the order of their names), so a failure comes back with the same command.
 * The input under test is written to stderr when the target aborts.
 */
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUT_MAX 8192
#define CORPUS_MAX 512
#define DEFAULT_RUNS 20000
#define DEFAULT_SEED 20231

struct input {
	uint8_t *data;
	size_t size;
};

struct corpus {
	struct input inputs[CORPUS_MAX];
	size_t count;
};

static struct input current;

/* Give the target a block of its own size, so that a sanitizer sees every
 * byte read past its end. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	if (!copy)
		exit(1);
	if (size > 0)
		memcpy(copy, data, size);
	current = (struct input){copy, size};
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void on_abort(int sig)
{
	static const char digits[] = "0123456789abcdef";
	char hex[2];

	for (size_t i = 0; i < current.size; i++) {
		hex[0] = digits[current.data[i] >> 4];
		hex[1] = digits[current.data[i] & 15];
		if (write(STDERR_FILENO, hex, sizeof(hex)) < 0)
			break;
	}
	if (write(STDERR_FILENO, "\n", 1) < 0)
		_exit(1);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void load_file(struct corpus *c, const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(INPUT_MAX);

	if (!f || !data || c->count == CORPUS_MAX) {
		fprintf(stderr, "%s: cannot load\n", path);
		exit(2);
	}
	c->inputs[c->count].data = data;
	c->inputs[c->count].size = fread(data, 1, INPUT_MAX, f);
	c->count++;
	fclose(f);
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* A directory's files in the order of their names; or the file itself. */
static void load(struct corpus *c, const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, visible, alphasort);

	if (n < 0) {
		load_file(c, path);
		return;
	}
	for (int i = 0; i < n; i++) {
		char file[4096];
		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		load_file(c, file);
		free(names[i]);
	}
	free(names);
}

/* ---- mutation ---------------------------------------------------------- */

static size_t below(uint64_t *rng, size_t limit)
{
	return (size_t)(fuzz_random(rng) % limit);
}

/* Make room for `n` bytes at `at`; false when there is none. */
static bool open_gap(struct input *in, size_t at, size_t n)
{
	if (in->size + n > INPUT_MAX)
		return false;

	memmove(in->data + at + n, in->data + at, in->size - at);
	in->size += n;
	return true;
}

static void insert_byte(struct input *in, uint64_t *rng)
{
	/* Bytes that mean something to somebody. */
	static const char telling[] =
	    "\0\t\n\r \"%&'*+,-./0123456789:;=?@ABCZ[\\]_`abcxyz{|}~\x7F\x80"
	    "\xC0\xC3\xE2\xF0\xFF";
	size_t at = below(rng, in->size + 1);

	if (open_gap(in, at, 1))
		in->data[at] =
		    (uint8_t)telling[below(rng, sizeof(telling) - 1)];
}

static void remove_range(struct input *in, uint64_t *rng)
{
	size_t at = below(rng, in->size);
	size_t left = in->size - at;
	size_t n = 1 + below(rng, left < 16 ? left : 16);

	memmove(in->data + at, in->data + at + n, left - n);
	in->size -= n;
}

/* Copy a piece of `from` (perhaps of the same input) to anywhere. */
static void splice(struct input *in, const struct input *from, uint64_t *rng)
{
	uint8_t piece[64];

	if (from->size == 0)
		return;

	size_t start = below(rng, from->size);
	size_t left = from->size - start;
	size_t n = 1 + below(rng, left < sizeof(piece) ? left : sizeof(piece));
	size_t at = below(rng, in->size + 1);
	memcpy(piece, from->data + start, n);
	if (open_gap(in, at, n))
		memcpy(in->data + at, piece, n);
}

static void mutate(struct input *in, const struct corpus *c, uint64_t *rng)
{
	size_t kind = below(rng, 6);

	if (in->size == 0)
		kind = 0;
	switch (kind) {
	case 0:
		insert_byte(in, rng);
		break;
	case 1:
		remove_range(in, rng);
		break;
	case 2:
		splice(in, in, rng);
		break;
	case 3:
		splice(in, &c->inputs[below(rng, c->count)], rng);
		break;
	case 4:
		in->data[below(rng, in->size)] ^=
		    (uint8_t)(1U << below(rng, 8));
		break;
	default:
		in->data[below(rng, in->size)] = (uint8_t)below(rng, 256);
	}
}

static void run_mutations(const struct corpus *c, uint64_t runs, uint64_t seed)
{
	static uint8_t buf[INPUT_MAX];
	uint64_t rng = seed > 0 ? seed : 1;

	if (c->count == 0)
		return;

	for (uint64_t i = 0; i < runs; i++) {
		const struct input *base = &c->inputs[below(&rng, c->count)];
		struct input in = {buf, base->size};
		if (in.size > 0)
			memcpy(buf, base->data, in.size);
		for (size_t k = 1 + below(&rng, 6); k > 0; k--)
			mutate(&in, c, &rng);
		run(in.data, in.size);
	}
}

int main(int argc, char **argv)
{
	static struct corpus c;
	uint64_t runs = DEFAULT_RUNS;
	uint64_t seed = DEFAULT_SEED;

	signal(SIGABRT, on_abort);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc)
			runs = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			seed = strtoull(argv[++i], NULL, 10);
		else
			load(&c, argv[i]);
	}

	printf("%zu inputs, %llu mutations, seed %llu\n", c.count,
	    (unsigned long long)runs, (unsigned long long)seed);
	fflush(stdout);
	run(NULL, 0);
	for (size_t i = 0; i < c.count; i++)
		run(c.inputs[i].data, c.inputs[i].size);
	run_mutations(&c, runs, seed);

	for (size_t i = 0; i < c.count; i++)
		free(c.inputs[i].data);
	return c.count > 0 ? 0 : 1;
}
