/* SPDX-License-Identifier: MIT */
/*
 * Hooks without memory: an event is a call that is made, or one that is
 * counted as dropped or failed; nothing leaks, and the next one is made.
 */
#include "check.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/metrics.h"
#include "fault/heap_fault.h"
#include "hook/hook.h"
#include "unit/server/stored.h"

static struct conf conf;

static int64_t over(void)
{
	return metrics_get(METRIC_HOOK_DELIVERED) +
	       metrics_get(METRIC_HOOK_FAILED) +
	       metrics_get(METRIC_HOOK_REFUSED) +
	       metrics_get(METRIC_HOOK_DROPPED);
}

static void tell(struct hooks *hs, struct file *f)
{
	int64_t before = over();

	hooks_tell(hs, STORE_READY, f);
	while (over() == before)
		usleep(1000);
}

static void play(unsigned nth, bool persistent, bool *ret_hit)
{
	struct store *st = stored_new(STORED_MAX);
	struct file *f = stored_file(st, "x");
	struct conf_error why;
	struct hooks *hs;

	stored_seal(f);
	heap_fault_arm(nth, persistent);
	int r = hooks_new(&conf, &hs, &why);
	if (r == 0)
		tell(hs, f);
	*ret_hit = heap_fault_disarm();
	assert_true(r == 0 || *ret_hit);
	if (r == 0) {
		int64_t failed = metrics_get(METRIC_HOOK_FAILED);

		/* Nobody is there: tried, and given up. */
		tell(hs, f);
		assert_int_equal(
		    metrics_get(METRIC_HOOK_FAILED), failed + 1);
		while (hooks_busy(hs))
			usleep(1000);
		hooks_free(hs);
	}
	assert_int_equal(metrics_get(METRIC_HOOK_QUEUED), 0);
	file_unref(f);
	store_free(st);
}

static void test_without_memory(void **state)
{
	(void)state;
	for (int persistent = 0; persistent < 2; persistent++) {
		unsigned nth = 1;

		for (bool hit = true; hit; nth++)
			play(nth, persistent, &hit);
		assert_true(nth > 5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_without_memory),
	};
	struct conf_error why;

	log_init(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, STDERR_FILENO);
	/* A port that is reserved, and nobody's. */
	if (conf_init(&conf) < 0 ||
	    conf_set(&conf, "hook x.url=http://127.0.0.1:1/", &why) < 0 ||
	    conf_set(&conf, "hook x.allow_networks=127.0.0.1", &why) < 0 ||
	    conf_set(&conf, "hook x.max_retries=0", &why) < 0)
		return 1;
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	conf_fini(&conf);
	return r;
}
