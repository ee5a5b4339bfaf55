/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf_rig.h"

static void test_defaults(void **state)
{
	struct conf *c = *state;
	struct conf_error err;
	char text[LISTEN_TEXT_SIZE];

	assert_int_equal(c->server.listen->count, 1);
	listen_format(&c->server.listen->items[0], text);
	assert_string_equal(text, "127.0.0.1:8080");
	assert_int_equal(c->server.idle_timeout, 60000);
	assert_int_equal(c->server.connection_memory, 14336);
	assert_string_equal(c->spool.dir, "");
	assert_int_equal(c->spool.memory_max, 1 << 20);
	assert_int_equal(c->spool.memory_budget, 256 << 20);
	assert_true(c->spool.disk_quota == SPW_UNLIMITED);
	assert_int_equal(c->store.ttl, 24 * 3600 * 1000);
	assert_int_equal(c->store.durability, CONF_DURABILITY_NONE);
	assert_true(c->fetch.enabled);
	assert_int_equal(c->fetch.allow_networks->count, 0);
	assert_true(conf_ports_match(c->fetch.ports, 443));
	assert_int_equal(c->auth.mode, CONF_AUTH_AUTO);
	assert_int_equal(c->log.level, LOG_LEVEL_INFO);
	assert_false(c->log.access);
	assert_ok(conf_check(c, &err));
}

static void test_sizes(void **state)
{
	struct conf *c = *state;

	set(c, "spool.memory_max=0");
	assert_int_equal(c->spool.memory_max, 0);
	set(c, "spool.memory_max = 64K ");
	assert_int_equal(c->spool.memory_max, 65536);
	set(c, "spool.disk_quota=2T");
	assert_int_equal(c->spool.disk_quota, INT64_C(2) << 40);
	set(c, "spool.disk_quota=unlimited");
	assert_true(c->spool.disk_quota == SPW_UNLIMITED);
	set(c, "server.connection_memory=8K");
	set(c, "server.connection_memory=1M");

	assert_refused(c, "spool.memory_max=12Q",
	    "spool.memory_max: '12Q' is not a size; write bytes or a number "
	    "with K, M, G or T, from 0 to unlimited");
	assert_refused(c, "spool.memory_max=",
	    "spool.memory_max: '' is not a size; write bytes or a number with "
	    "K, M, G or T, from 0 to unlimited");
	assert_refused(c, "spool.memory_max=-1",
	    "spool.memory_max: '-1' is not a size; write bytes or a number "
	    "with K, M, G or T, from 0 to unlimited");
	assert_refused(c, "spool.memory_max=99999999999T",
	    "spool.memory_max: '99999999999T' is out of range; allowed is 0 to "
	    "unlimited");
	assert_refused(c, "server.connection_memory=8191",
	    "server.connection_memory: '8191' is out of range; allowed is 8K "
	    "to 1M");
	assert_refused(c, "server.connection_memory=unlimited",
	    "server.connection_memory: 'unlimited' is out of range; allowed is "
	    "8K to 1M");
}

static void test_durations(void **state)
{
	struct conf *c = *state;

	set(c, "server.idle_timeout=10");
	assert_int_equal(c->server.idle_timeout, 10000);
	set(c, "server.idle_timeout=1500ms");
	assert_int_equal(c->server.idle_timeout, 1500);
	set(c, "store.ttl=7d");
	assert_int_equal(c->store.ttl, 7 * 86400 * 1000);
	set(c, "store.ttl=0");
	assert_int_equal(c->store.ttl, 0);

	assert_refused(c, "server.idle_timeout=soon",
	    "server.idle_timeout: 'soon' is not a duration; write seconds or "
	    "a number with ms, s, m, h or d, from 1s to 1d");
	assert_refused(c, "server.idle_timeout=999ms",
	    "server.idle_timeout: '999ms' is out of range; allowed is 1s to "
	    "1d");
}

static void test_counts(void **state)
{
	struct conf *c = *state;

	set(c, "server.threads=64");
	assert_int_equal(c->server.threads, 64);
	assert_refused(c, "server.threads=65",
	    "server.threads: '65' is out of range; allowed is 0 to 64");
	assert_refused(c, "server.threads=two",
	    "server.threads: 'two' is not a number; write digits only, from 0 "
	    "to 64");
	assert_refused(c, "server.threads=1K",
	    "server.threads: '1K' is not a number; write digits only, from 0 "
	    "to 64");
	assert_refused(c, "server.threads=99999999999999999999",
	    "server.threads: '99999999999999999999' is out of range; allowed "
	    "is 0 to 64");
}

static void test_booleans(void **state)
{
	static const char *const yes[] = {"yes", "true", "on", "1"};
	static const char *const no[] = {"no", "false", "off", "0"};
	struct conf *c = *state;
	char text[64];

	for (size_t i = 0; i < 4; i++) {
		snprintf(text, sizeof text, "log.access=%s", yes[i]);
		set(c, text);
		assert_true(c->log.access);
		snprintf(text, sizeof text, "log.access=%s", no[i]);
		set(c, text);
		assert_false(c->log.access);
	}
	assert_refused(c, "log.access=maybe",
	    "log.access: 'maybe' is neither yes nor no; write one of them");
}

static void test_enums(void **state)
{
	struct conf *c = *state;

	set(c, "log.level=debug");
	assert_int_equal(c->log.level, LOG_LEVEL_DEBUG);
	set(c, "log.format=journal");
	assert_int_equal(c->log.format, LOG_FORMAT_JOURNAL);
	set(c, "auth.mode=none");
	assert_int_equal(c->auth.mode, CONF_AUTH_NONE);
	assert_refused(c, "log.level=loud",
	    "log.level: 'loud' is not known; allowed is error, warn, info, "
	    "debug");
	assert_refused(c, "log.level=",
	    "log.level: '' is not known; allowed is error, warn, info, debug");
	set(c, "store.durability=fsync");
	assert_int_equal(c->store.durability, CONF_DURABILITY_FSYNC);
	set(c, "store.durability=restart");
	assert_int_equal(c->store.durability, CONF_DURABILITY_RESTART);
	assert_refused(c, "store.durability=disk",
	    "store.durability: 'disk' is not known; allowed is none, restart, "
	    "fsync");
	set(c, "store.digest=always");
	assert_int_equal(c->store.digest, CONF_DIGEST_ALWAYS);
	assert_refused(c, "store.digest=sha-256",
	    "store.digest: 'sha-256' is not known; allowed is asked, always");
	set(c, "auth.mode=token");
	assert_int_equal(c->auth.mode, CONF_AUTH_TOKEN);
	assert_refused(c, "auth.mode=open",
	    "auth.mode: 'open' is not known; allowed is auto, none, token");
	set(c, "server.proxy_fields=forwarded");
	assert_int_equal(c->server.proxy_fields, CONF_FORWARD_RFC);
}

static void test_strings(void **state)
{
	struct conf *c = *state;
	char text[4000];

	set(c, "spool.dir=/srv/a=b.c # d;e");
	assert_string_equal(c->spool.dir, "/srv/a=b.c # d;e");
	set(c, "spool.dir=");
	assert_string_equal(c->spool.dir, "");
	assert_refused(
	    c, "spool.dir=/a\tb", "spool.dir: holds a control character");
	assert_refused(c, "spool.dir=/a ;b",
	    "spool.dir: holds a ';' that would begin a comment in a file");
	assert_refused(c, "spool.dir=;b",
	    "spool.dir: holds a ';' that would begin a comment in a file");

	snprintf(text, sizeof text, "spool.dir=/%0*d", 3800, 0);
	assert_refused(c, text, "spool.dir: too long; allowed are 3800 bytes");
}

static void test_unknown_names(void **state)
{
	struct conf *c = *state;
	char text[300];

	assert_refused(c, "server.lisen=x",
	    "server.lisen is not a known key; did you mean server.listen?");
	assert_refused(c, "server.memory_max=1",
	    "server.memory_max is not a known key; did you mean "
	    "spool.memory_max?");
	assert_refused(c, "sever.listen=x",
	    "[sever] is not a known section; did you mean [server]?");
	assert_refused(c, "database.host=x",
	    "[database] is not a known section; known are server spool store "
	    "upload fetch zip auth sandbox log and, with a name, processor "
	    "hook");
	assert_refused(c, "zip.colour_of_the_bikeshed=x",
	    "zip.colour_of_the_bikeshed is not a known key; --print-config "
	    "lists them");
	assert_refused(c, "server.=x",
	    "server. is not a known key; --print-config lists them");

	snprintf(text, sizeof text, "log.%0*d=1", 200, 0);
	struct conf_error err;
	assert_err(conf_set(c, text, &err), EINVAL);
}

static void test_no_assignment(void **state)
{
	static const char *const bad[] = {"", "x", "server.listen", "listen=1",
	    "=", "=a.b", "listen=127.0.0.1:80"};
	struct conf *c = *state;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char msg[160];

		snprintf(msg, sizeof msg,
		    "'%s' is no setting; write section.key=value", bad[i]);
		assert_refused(c, bad[i], msg);
	}

	char *huge = malloc(10000);
	assert_non_null(huge);
	memset(huge, 'x', 9999);
	huge[9999] = '\0';
	assert_refused(c, huge,
	    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...' is too long for an "
	    "option; write it into a file");
	free(huge);
}

static void assert_check(struct conf *c, const char *msg)
{
	struct conf_error err = {.line = 7, .file = "stale"};

	if (!msg) {
		assert_ok(conf_check(c, &err));
		return;
	}
	assert_err(conf_check(c, &err), EINVAL);
	assert_string_equal(err.msg, msg);
	assert_string_equal(err.file, "");
}

static void test_check(void **state)
{
	struct conf *c = *state;

	/* The budget bounds what one file may hold anyway. */
	set(c, "spool.memory_max=268435457");
	assert_check(c, NULL);
	set(c, "spool.memory_max=1M");

	set(c, "spool.dir=var/spool");
	assert_check(c,
	    "spool.dir: 'var/spool' is not an absolute path; write one that "
	    "begins with /");
	set(c, "spool.dir=/var/spool");

	set(c, "server.max_connections=10");
	set(c, "server.max_connections_per_address=11");
	assert_check(c,
	    "server.max_connections_per_address: 11 is more than "
	    "server.max_connections, 10; lower it, or 0 for no limit");
	set(c, "server.max_connections_per_address=0");
	assert_check(c, NULL);
}

static void test_check_open_to_others(void **state)
{
	struct conf *c = *state;

	set(c, "server.listen=127.0.0.1:0,[::1]:0,localhost:1,unix:/s,systemd");
	assert_check(c, NULL);
	set(c, "server.listen=127.0.0.1:80,*:8080");
	assert_check(c,
	    "server.listen: '*:8080' is open to other machines, and there are "
	    "no tokens; name a file of them by auth.tokens, listen on "
	    "127.0.0.1, [::1] or unix:/PATH, or write auth.mode = none to "
	    "serve anybody who can connect");
	set(c, "auth.mode=none");
	assert_check(c, NULL);
	set(c, "auth.mode=auto");
	set(c, "auth.tokens=/etc/spillway/tokens");
	assert_check(c, NULL);
}

static void test_check_tokens(void **state)
{
	struct conf *c = *state;

	set(c, "auth.mode=token");
	assert_check(c,
	    "auth.mode: token takes a file of tokens; name it by auth.tokens");
	set(c, "auth.tokens=/t");
	assert_check(c, NULL);
	set(c, "auth.mode=none");
	assert_check(c,
	    "auth.mode: with none nobody is asked for one of auth.tokens; "
	    "write token, or name no file");
}

static void test_check_tls(void **state)
{
	struct conf *c = *state;

	set(c, "server.listen=127.0.0.1:80, https://[::1]:443");
	assert_check(c,
	    "server.listen: 'https://[::1]:443' takes a certificate; name its "
	    "file by server.tls_cert, and that of its key by server.tls_key");
	set(c, "server.tls_key=/k");
	assert_check(c,
	    "server.tls_cert and server.tls_key belong together; write both "
	    "or neither");
	set(c, "server.tls_cert=/c");
	assert_check(c, NULL);
}

static void test_check_unix_mode(void **state)
{
	struct conf *c = *state;

	set(c, "server.unix_mode=0660");
	assert_check(c, NULL);
	set(c, "server.unix_mode=rw");
	assert_check(c,
	    "server.unix_mode: 'rw' is not a mode; write octal digits, from "
	    "0 to 777, like 660");
}

static void test_error_text(void **state)
{
	struct conf_error err = {0};
	char text[CONF_ERROR_TEXT_SIZE];

	(void)state;
	assert_err(conf_error_set(&err, -EINVAL, "%s", "wrong"), EINVAL);
	conf_error_format(&err, text);
	assert_string_equal(text, "wrong");
	snprintf(err.file, sizeof err.file, "/etc/s.conf");
	conf_error_format(&err, text);
	assert_string_equal(text, "/etc/s.conf: wrong");
	err.line = 12;
	conf_error_format(&err, text);
	assert_string_equal(text, "/etc/s.conf:12: wrong");

	/* The longest parts are not cut. */
	memset(err.file, 'f', sizeof err.file - 1);
	memset(err.msg, 'm', sizeof err.msg - 1);
	err.line = 4294967295u;
	conf_error_format(&err, text);
	assert_int_equal(text[strlen(text) - 1], 'm');
	assert_int_equal(strlen(text), 255 + 1 + 10 + 2 + 511);
}

static void test_fini_of_zeros(void **state)
{
	struct conf c = {0};

	(void)state;
	conf_fini(&c);
	conf_fini(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_CONF(test_defaults),
	    WITH_CONF(test_sizes),
	    WITH_CONF(test_durations),
	    WITH_CONF(test_counts),
	    WITH_CONF(test_booleans),
	    WITH_CONF(test_enums),
	    WITH_CONF(test_strings),
	    WITH_CONF(test_unknown_names),
	    WITH_CONF(test_no_assignment),
	    WITH_CONF(test_check),
	    WITH_CONF(test_check_open_to_others),
	    WITH_CONF(test_check_tokens),
	    WITH_CONF(test_check_tls),
	    WITH_CONF(test_check_unix_mode),
	    cmocka_unit_test(test_error_text),
	    cmocka_unit_test(test_fini_of_zeros),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
