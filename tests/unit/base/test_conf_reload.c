/* SPDX-License-Identifier: MIT */
#include "conf_rig.h"

#include <pthread.h>
#include <string.h>

#include "base/conf_reload.h"
#include "base/conf_table.h"

struct told {
	char text[4096];
};

static void tell(void *ctx, const char *section, const char *key, bool taken)
{
	struct told *t = ctx;
	size_t at = strlen(t->text);

	snprintf(t->text + at, sizeof t->text - at, "%s.%s%s ", section, key,
	    taken ? "" : "!");
}

static void test_nothing_differs(void **state)
{
	struct conf *live = *state;
	struct told t = {""};
	struct conf fresh;

	assert_ok(conf_init(&fresh));
	assert_int_equal(conf_reload(live, &fresh, tell, &t), 0);
	assert_string_equal(t.text, "");
	conf_fini(&fresh);
}

static void test_each_kind(void **state)
{
	struct conf *live = *state;
	struct told t = {""};
	struct conf fresh;

	assert_ok(conf_init(&fresh));
	set(&fresh, "store.max_file_size=5M");
	set(&fresh, "server.drain_timeout=3s");
	set(&fresh, "upload.max_parts=7");
	set(&fresh, "log.access=yes");
	set(&fresh, "log.level=debug");
	set(&fresh, "fetch.deny_networks=10.0.0.0/8, fd00::/8");
	assert_int_equal(conf_reload(live, &fresh, tell, &t), 1);
	assert_int_equal(live->store.max_file_size, 5 * CONF_MIB);
	assert_int_equal(live->server.drain_timeout, 3000);
	assert_int_equal(live->upload.max_parts, 7);
	assert_true(live->log.access);
	assert_int_equal(live->log.level, LOG_LEVEL_DEBUG);
	assert_int_equal(live->fetch.deny_networks->count, 2);
	assert_string_equal(t.text,
	    "server.drain_timeout store.max_file_size upload.max_parts "
	    "fetch.deny_networks log.level log.access ");
	/* The list that was there, for those who still look at it. */
	assert_int_equal(fresh.fetch.deny_networks->count, 0);
	conf_fini(&fresh);
	assert_int_equal(live->fetch.deny_networks->count, 2);
}

static void test_what_takes_a_start_stays(void **state)
{
	struct conf *live = *state;
	struct told t = {""};
	struct conf fresh;

	assert_ok(conf_init(&fresh));
	set(&fresh, "server.listen=127.0.0.1:1");
	set(&fresh, "server.threads=3");
	set(&fresh, "spool.dir=/elsewhere");
	set(&fresh, "store.durability=fsync");
	char *before = printed(live);
	assert_int_equal(conf_reload(live, &fresh, tell, &t), 0);
	char *after = printed(live);
	assert_string_equal(before, after);
	assert_string_equal(t.text, "server.listen! server.threads! spool.dir! "
				    "store.durability! ");
	free(before);
	free(after);
	conf_fini(&fresh);
}

static void test_keys(void **state)
{
	(void)state;
	assert_true(conf_reloads("log", "level"));
	assert_true(conf_reloads("fetch", "ports"));
	assert_false(conf_reloads("server", "listen"));
	assert_false(conf_reloads("sandbox", "landlock"));
	assert_false(conf_reloads("log", "nothing"));
	/* Text is nothing that a reader could hold on to, but for names of
	   files that are read by who reloads. */
	for (size_t i = 0; i < CONF_KEY_COUNT; i++) {
		const struct conf_key *k = &conf_keys[i];
		bool file = strcmp(k->name, "tokens") == 0 ||
			    strcmp(k->name, "link_key") == 0 ||
			    strncmp(k->name, "tls_", 4) == 0;

		if (k->kind == CONF_KIND_STRING)
			assert_int_equal(
			    conf_reloads(k->section, k->name), file);
	}
}

static void *read_on(void *arg)
{
	const struct conf *c = arg;
	size_t seen = 0;

	while (c->upload.max_parts != 99) {
		const struct conf_ports *ports = c->fetch.ports;

		/* Old or new, but never a half. */
		assert_true(ports->count == 2 || ports->count == 3);
		seen += conf_ports_match(ports, 443);
	}
	return seen > 0 ? arg : NULL;
}

#define ROUNDS 50

/* For the thread sanitizer. */
static void test_while_others_read(void **state)
{
	struct conf *live = *state;
	struct conf fresh[ROUNDS];
	struct told t;
	pthread_t reader;

	assert_int_equal(pthread_create(&reader, NULL, read_on, live), 0);
	for (int i = 0; i < ROUNDS; i++) {
		assert_ok(conf_init(&fresh[i]));
		set(&fresh[i], i % 2 ? "fetch.ports=80,443"
				     : "fetch.ports=80,443,8080");
		if (i == ROUNDS - 1)
			set(&fresh[i], "upload.max_parts=99");
		t.text[0] = '\0';
		assert_int_equal(conf_reload(live, &fresh[i], tell, &t), 1);
	}
	assert_int_equal(pthread_join(reader, NULL), 0);
	for (int i = 0; i < ROUNDS; i++)
		conf_fini(&fresh[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_CONF(test_nothing_differs),
	    WITH_CONF(test_each_kind),
	    WITH_CONF(test_what_takes_a_start_stays),
	    WITH_CONF(test_keys),
	    WITH_CONF(test_while_others_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
