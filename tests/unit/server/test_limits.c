/* SPDX-License-Identifier: MIT */
/* What a run is ended for that may have more than is seen of it. */
#include "check.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "process/limits.h"
#include "unit/server/family_acts.h"

/* ---- what they do -------------------------------------------------------- */

static void map_pieces(int count)
{
	for (int i = 0; i < count; i++)
		mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void map_some(void)
{
	map_pieces(LIMITS_MAPPED_MAX / 2);
}

static void map_many(void)
{
	map_pieces(LIMITS_MAPPED_MAX * 2);
}

/* As one whose program may be run and not be read. */
static void hide(void)
{
	(void)!setresuid(NOBODY, NOBODY, NOBODY);
	prctl(PR_SET_DUMPABLE, 0);
}

/* ---- the cases ----------------------------------------------------------- */

static const struct conf_processor conf = {
    .memory = MUCH, .cpu = MUCH, .temp_max = MUCH, .temp_files_max = 100};
static const struct command command = {.conf = &conf};
static struct limits limits;

static void begin(void)
{
	assert_ok(limits_init(&limits, &command, content, 10));
}

static enum report_kind look_now(void)
{
	return limits_look(&limits, limits.due_ms);
}

/* One look may find them while they come and go. */
static void test_pieces_of_memory(void **state)
{
	const struct act some = {.alone = map_some, .forks = 2},
			 many = {.alone = map_many, .forks = 2};

	(void)state;
	begin();
	pid_t pid = play(&some);
	for (int i = 0; i < 3; i++)
		assert_int_equal(look_now(), REPORT_NONE);
	finish(pid);
	pid = play(&many);
	assert_int_equal(look_now(), REPORT_NONE);
	assert_int_equal(look_now(), REPORT_MEMORY_MAPPED);
	finish(pid);
	assert_int_equal(look_now(), REPORT_NONE);
	limits_fini(&limits);
}

static void test_hidden(void **state)
{
	const struct act a = {.each = hide};
	uid_t own = geteuid();

	(void)state;
	begin();
	/* What root's server has become where its processors run. */
	assert_int_equal(own == 0 ? chown(".", NOBODY, (gid_t)-1) : 0, 0);
	assert_int_equal(own == 0 ? seteuid(NOBODY) : 0, 0);
	pid_t pid = play(&a);
	assert_int_equal(look_now(), REPORT_NONE);
	assert_int_equal(look_now(), REPORT_HIDDEN);
	finish(pid);
	assert_int_equal(look_now(), REPORT_NONE);
	assert_int_equal(seteuid(own), 0);
	limits_fini(&limits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_pieces_of_memory),
	    TEST(test_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
