/* SPDX-License-Identifier: MIT */
/* Sections of which there are several. */
#include "check.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/conf_group.h"
#include "base/conf_reload.h"
#include "conf_rig.h"

/* Load a text as a file: the result, with `*err`. */
static int load(struct conf *c, const char *text, struct conf_error *err)
{
	char path[64];
	int fd = memfd_create("conf", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int r = conf_load(c, path, err);
	close(fd);
	return r;
}

static void refuse(
    struct conf *c, const char *text, unsigned line, const char *msg)
{
	struct conf_error err = {0};

	assert_err(load(c, text, &err), EINVAL);
	assert_string_equal(err.msg, msg);
	assert_int_equal(err.line, line);
}

static void test_in_the_order_of_the_file(void **state)
{
	struct conf *c = *state;
	struct conf_error err = {0};

	assert_int_equal(c->processors.count, 0);
	assert_int_equal(c->hooks.count, 0);
	assert_ok(load(c,
	    "[processor b-1]\n"
	    "command = wc -l '{}'\n"
	    "timeout = 5s\n"
	    "[hook h]\n"
	    "url = http://example.com/\n"
	    "events = deleted,\n"
	    "  ready\n"
	    "[processor   a_2  ]\n"
	    "command = cat\n"
	    "[processor b-1]\n"
	    "network = yes\n",
	    &err));
	assert_int_equal(c->processors.count, 2);
	const struct conf_processor *b = c->processors.items[0];
	assert_string_equal(b->at.name, "b-1");
	assert_string_equal(b->command, "wc -l '{}'");
	assert_int_equal(b->timeout, 5000);
	assert_true(b->network);
	assert_int_equal(b->at.line, 1);
	const struct conf_processor *a = c->processors.items[1];
	assert_string_equal(a->at.name, "a_2");
	assert_int_equal(a->timeout, 60000);
	assert_false(a->network);
	assert_int_equal(c->hooks.count, 1);
	const struct conf_events *events = c->hooks.items[0]->events;
	assert_int_equal(events->count, 2);
	assert_int_equal(events->items[0], CONF_EVENT_DELETED);
	assert_int_equal(events->items[1], CONF_EVENT_READY);
	assert_ok(conf_check(c, &err));
}

static void test_on_the_command_line(void **state)
{
	struct conf *c = *state;
	struct conf_error err = {0};

	set(c, "processor x.command=cat");
	set(c, "processor x.memory = 2G");
	assert_int_equal(c->processors.count, 1);
	assert_true(c->processors.items[0]->memory == UINT64_C(2) << 30);
	assert_ok(conf_check(c, &err));
	assert_refused(c, "processor y.memry=1",
	    "processor.memry is not a known key; did you mean "
	    "processor.memory?");
	assert_refused(c, "processor .memory=1",
	    "'' is no name for a section; write [processor NAME] with 1 to "
	    "32 letters, digits, - and _");
	assert_refused(c, "processors x.memory=1",
	    "[processors x] is not a known section; known are server spool "
	    "store upload fetch zip auth sandbox log and, with a name, "
	    "processor hook");
	assert_refused(c, "processor x.command=cat \"",
	    "processor.command: a quote is not closed");
	assert_refused(c, "processor x.type=a",
	    "processor.type: too short; at least 3 bytes are needed");
}

static void test_what_is_missing(void **state)
{
	struct conf *c = *state;
	struct conf_error err = {0};
	char text[CONF_ERROR_TEXT_SIZE];

	assert_ok(load(c, "[processor a]\ncommand = cat\n\n[hook b]\n", &err));
	assert_err(conf_check(c, &err), EINVAL);
	assert_int_equal(err.line, 4);
	assert_string_equal(err.msg,
	    "[hook b] has no url, which says where a POST goes when a file "
	    "changes");
	conf_error_format(&err, text);
	assert_non_null(strstr(text, ":4: [hook b]"));
}

static void test_what_is_wrong(void **state)
{
	struct conf *c = *state;

	refuse(c, "[processor a]\ncommand = cat\n\ncommand = wc\n", 4,
	    "processor a.command is set on line 2 already; a list goes on in "
	    "indented lines");
	refuse(c, "[processor a b]\n", 1,
	    "'a b' is no name for a section; write [processor NAME] with 1 "
	    "to 32 letters, digits, - and _");
	refuse(c, "[processor abcdefghijklmnopqrstuvwxyz0123456]\n", 1,
	    "'abcdefghijklmnopqrstuvwxyz0123456' is no name for a section; "
	    "write [processor NAME] with 1 to 32 letters, digits, - and _");
	refuse(c, "[hook x]\nevents = ready, born\n", 2,
	    "hook.events: 'born' is not an event; write ready, failed or "
	    "deleted");
}

/* What is printed reads back as the same. */
static void test_printed(void **state)
{
	struct conf *c = *state, again;
	struct conf_error err = {0};

	set(c, "processor x.command=sh -c 'echo \"$1\" #' sh {}");
	set(c, "processor x.read=/a '/b c'");
	set(c, "hook y.url=https://example.com/x?y=z");
	set(c, "hook y.events=failed");
	char *before = printed(c);
	assert_non_null(strstr(before, "\n[processor x]\n"));
	assert_ok(conf_init(&again));
	if (load(&again, before, &err) < 0)
		fail_msg("line %u: %s", err.line, err.msg);
	char *after = printed(&again);
	assert_string_equal(after, before);
	free(before);
	free(after);
	conf_fini(&again);
}

static void note(void *ctx, const char *section, const char *key, bool taken)
{
	char *told = ctx;

	assert_false(taken);
	strcat(strcat(strcat(strcat(told, section), "."), key), " ");
}

static void test_reload(void **state)
{
	struct conf *live = *state, fresh;
	char told[256] = "";

	set(live, "processor gone.command=cat");
	set(live, "processor other.command=cat");
	set(live, "processor same.command=cat");
	assert_ok(conf_init(&fresh));
	set(&fresh, "processor same.command=cat");
	set(&fresh, "processor other.command=wc");
	set(&fresh, "hook fresh.url=http://x/");
	assert_ok(conf_reload(live, &fresh, note, told));
	assert_string_equal(
	    told, "processor.other processor.gone hook.fresh ");
	assert_int_equal(live->processors.count, 3);
	conf_fini(&fresh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_CONF(test_in_the_order_of_the_file),
	    WITH_CONF(test_on_the_command_line),
	    WITH_CONF(test_what_is_missing),
	    WITH_CONF(test_what_is_wrong),
	    WITH_CONF(test_printed),
	    WITH_CONF(test_reload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
