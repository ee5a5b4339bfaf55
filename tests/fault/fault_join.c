/* SPDX-License-Identifier: MIT */
/*
 * Joined spools, with every call below failing in turn: what is put together
 * is so whole or not at all, and what failed works when it is tried again.
 */
#include <errno.h>
#include <sys/stat.h>

#include "fault/fault.h"
#include "sys.h"
#include "unit/lib/joining.h"

#define LEN 40000u

struct scene {
	struct world w;
	struct model parts[2], whole;
};

/* One part in memory, one on disk, in turn, as many as a table must grow. */
static void begin(struct scene *s)
{
	world_init(&s->w, &(struct world_opts){ .budget = MIB });
	for (int i = 0; i < 2; i++)
		model_filled(&s->parts[i], LEN,
		    SPOOL_OPTS(&s->w, .memory_max = i ? 0 : MIB));
	model_init(&s->whole, MIB, SPOOL_OPTS(&s->w, .memory_max = MIB));
	for (int i = 0; i < 6; i++)
		assert_ok(model_join_all(&s->whole, &s->parts[i % 2]));
}

static void end(struct scene *s)
{
	model_check(&s->whole);
	model_fini(&s->whole);
	model_fini(&s->parts[0]);
	model_fini(&s->parts[1]);
	world_fini(&s->w);
	assert_int_equal(fault_held(), 0);
}

/* Twelve parts more than there is room for. */
static int join_many(struct scene *s)
{
	struct model twice;

	fault_spare(true);
	model_init(&twice, MIB, SPOOL_OPTS(&s->w, .memory_max = MIB));
	assert_ok(model_join_all(&twice, &s->whole));
	assert_ok(model_join_all(&twice, &s->whole));
	fault_spare(false);
	size_t before = s->whole.size;
	int r = model_join_all(&s->whole, &twice);
	assert_int_equal(s->whole.size, r == 0 ? 3 * before : before);
	fault_spare(true);
	model_fini(&twice);
	fault_spare(false);
	return r;
}

static int take_descriptor(struct scene *s)
{
	struct stat st;

	int fd = spw_spool_fd(s->whole.spool);
	if (fd < 0)
		return fd;

	assert_ok(fstat(fd, &st));
	assert_int_equal(st.st_size, s->whole.size);
	fault_spare(true);
	assert_ok(spw__sys_close(fd));
	fault_spare(false);
	return 0;
}

static int roll(struct scene *s)
{
	return model_rollover(&s->whole);
}

static int read_all(struct scene *s)
{
	void *all;
	size_t len;

	int r = spw_spool_read_all(s->whole.spool, MIB, &all, &len);
	if (r < 0)
		return r;

	assert_int_equal(len, s->whole.size);
	assert_memory_equal(all, s->whole.bytes, len);
	spw_free(all);
	return 0;
}

/* Call `nth` of `act` fails. Returns: false when it makes fewer. */
static bool once(int (*act)(struct scene *s), unsigned nth, bool persistent,
    enum fault_style style)
{
	struct scene s;

	begin(&s);
	long held = fault_held();
	fault_arm(nth, persistent, style);
	int r = act(&s);
	bool hit = fault_disarm();
	model_check(&s.whole);
	if (r < 0) {
		assert_true(hit);
		assert_true(r == -ENOMEM || r == -EIO || r == -ENOSPC ||
		    r == -EMFILE);
		if (act != roll)
			assert_int_equal(fault_held(), held);
		assert_ok(act(&s));
	}
	end(&s);
	return hit;
}

static void with_faults(int (*act)(struct scene *s))
{
	model_spare = fault_spare;
	for (int i = 0; i < FAULT_STYLES * 2; i++) {
		unsigned n = 1;

		while (once(act, n, i % 2, (enum fault_style)(i / 2)))
			n++;
		assert_true(n > 1);
	}
}

static void test_joining(void **state)
{
	(void)state;
	with_faults(join_many);
}

static void test_descriptors(void **state)
{
	(void)state;
	with_faults(take_descriptor);
}

static void test_rollover(void **state)
{
	(void)state;
	with_faults(roll);
}

static void test_reading(void **state)
{
	(void)state;
	with_faults(read_all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_joining),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_rollover),
		cmocka_unit_test(test_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
