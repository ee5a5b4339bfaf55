/* SPDX-License-Identifier: MIT */
/*
 * A concatenation is made whole or not at all, and reading that failed works
 * when it is tried again: with every call below it failing in turn.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <spillway/concat.h>

#include "fault/fault.h"
#include "unit/lib/model.h"
#include "unit/lib/threads.h"

#define SIZE 1000u

struct sources {
	struct world world;
	struct spw_spool *disk;
	int fd;
	struct spw_part parts[4];
};

static void init(struct sources *src)
{
	uint8_t buf[SIZE];

	world_init(&src->world, &(struct world_opts){ .budget = MIB });
	fill_content(buf, SIZE, 0);
	assert_ok(spw_spool_new(
	    SPOOL_OPTS(&src->world, .memory_max = 0), &src->disk));
	assert_ok(spw_spool_append(src->disk, buf, SIZE));
	assert_ok(spw_spool_seal(src->disk));
	src->fd = open(src->world.path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	assert_ok(src->fd);
	assert_int_equal(write(src->fd, buf, SIZE), SIZE);
	const struct spw_part disk = { .spool = src->disk,
		.len = SPW_UNLIMITED };
	const struct spw_part file = { .fd = src->fd, .len = SPW_UNLIMITED };
	src->parts[0] = src->parts[2] = disk;
	src->parts[1] = src->parts[3] = file;
}

static void fini(struct sources *src)
{
	close(src->fd);
	spw_spool_unref(src->disk);
	world_fini(&src->world);
	assert_int_equal(fault_held(), 0);
}

static void check(struct spw_concat *c)
{
	uint8_t buf[4 * SIZE];

	assert_int_equal(spw_concat_pread(c, buf, sizeof(buf), 0), 4 * SIZE);
	for (unsigned i = 0; i < 4; i++)
		assert_true(is_content(buf + i * SIZE, SIZE, 0));
}

static bool make_once(unsigned n, bool persistent, enum fault_style style)
{
	struct spw_concat *c = NULL;
	struct sources src;

	init(&src);
	long held = fault_held();
	fault_arm(n, persistent, style);
	int r = spw_concat_new(src.parts, 4, &c);
	bool hit = fault_disarm();
	if (hit) {
		assert_true(r == -ENOMEM || r == -EMFILE || r == -EIO);
		assert_null(c);
		assert_int_equal(fault_held(), held);
		r = spw_concat_new(src.parts, 4, &c);
	}
	assert_ok(r);
	check(c);
	spw_concat_unref(c);
	fini(&src);
	return hit;
}

static void test_making(void **state)
{
	(void)state;
	for (int i = 0; i < FAULT_STYLES * 2; i++) {
		unsigned n = 1;

		while (make_once(n, i % 2, (enum fault_style)(i / 2)))
			n++;
		/* Memory; for each file a look, its size, a descriptor. */
		assert_int_equal(n, 1 + 2 * 3 + 1);
	}
}

/* A read that fails moves nothing, and says so in the middle, too. */
static void test_reading(void **state)
{
	struct spw_concat *c;
	struct sources src;
	uint8_t buf[4 * SIZE];
	bool hit = true;

	(void)state;
	init(&src);
	assert_ok(spw_concat_new(src.parts, 4, &c));
	for (unsigned n = 1; hit; n++) {
		assert_int_equal(spw_concat_seek(c, 10, SPW_SEEK_SET), 10);
		fault_arm(n, false, FAULT_BROKEN);
		ssize_t got = spw_concat_read(c, buf, sizeof(buf));
		hit = fault_disarm();
		if (!hit)
			break;
		assert_int_equal(got, n == 1 ? -EIO
		    : (ssize_t)((n - 1) * SIZE - 10));
		assert_int_equal(spw_concat_tell(c), n == 1 ? 10
		    : (n - 1) * SIZE);
		assert_int_equal(spw_concat_read(c, buf, 1), 1);
		assert_int_equal(buf[0], byte_at(n == 1 ? 10 : 0));
	}
	check(c);

	assert_int_equal(spw_concat_seek(c, 10, SPW_SEEK_SET), 10);
	fault_arm(1, true, FAULT_BROKEN);
	assert_err(spw_concat_readline(c, buf, sizeof(buf)), EIO);
	assert_true(fault_disarm());
	assert_int_equal(spw_concat_tell(c), 10);
	spw_concat_unref(c);
	fini(&src);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_making),
		cmocka_unit_test(test_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
