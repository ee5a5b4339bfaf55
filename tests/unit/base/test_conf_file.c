/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/conf_table.h"
#include "conf_rig.h"

/** A file with these bytes that lives as long as its descriptor. */
struct text_file {
	int fd;
	char path[64];
};

static struct text_file text_file(const char *text, size_t n)
{
	struct text_file f = {.fd = memfd_create("conf", MFD_CLOEXEC)};

	assert_ok(f.fd);
	assert_int_equal(write(f.fd, text, n), n);
	snprintf(f.path, sizeof f.path, "/proc/self/fd/%d", f.fd);
	return f;
}

static void load(struct conf *c, const char *text)
{
	struct text_file f = text_file(text, strlen(text));
	struct conf_error err = {0};

	int r = conf_load(c, f.path, &err);
	if (r < 0)
		fail_msg("line %u: %s", err.line, err.msg);
	close(f.fd);
}

static void refuse_bytes(
    struct conf *c, const char *text, size_t n, unsigned line, const char *msg)
{
	struct text_file f = text_file(text, n);
	struct conf_error err = {0};

	assert_err(conf_load(c, f.path, &err), EINVAL);
	assert_string_equal(err.msg, msg);
	assert_int_equal(err.line, line);
	assert_string_equal(err.file, f.path);

	char whole[CONF_ERROR_TEXT_SIZE];
	char expected[CONF_ERROR_TEXT_SIZE];
	conf_error_format(&err, whole);
	snprintf(expected, sizeof expected, "%s:%u: %s", f.path, line, msg);
	assert_string_equal(whole, expected);
	close(f.fd);
}

static void refuse(
    struct conf *c, const char *text, unsigned line, const char *msg)
{
	refuse_bytes(c, text, strlen(text), line, msg);
}

static void test_a_usual_file(void **state)
{
	struct conf *c = *state;

	load(c, "# comment\n"
		"; another\n"
		"\n"
		"[server]\n"
		"listen = 127.0.0.1:1 , unix:/run/s.sock ; both\n"
		"idle_timeout=5m\r\n"
		"[spool]  ; where\n"
		"  dir   =   /srv/spool files   \n"
		"\n"
		"[server]\n"
		"threads: 3");
	assert_int_equal(c->server.listen->count, 2);
	assert_int_equal(c->server.idle_timeout, 300000);
	assert_string_equal(c->spool.dir, "/srv/spool files");
	assert_int_equal(c->server.threads, 3);
	/* What the file does not name stays. */
	assert_int_equal(c->spool.memory_max, 1 << 20);
}

static void test_empty_files(void **state)
{
	struct conf *c = *state;

	load(c, "");
	load(c, "\n\n# only a comment");
	load(c, "[log]\n");
	load(c, "\xef\xbb\xbf[log]\nlevel = debug\n");
	assert_int_equal(c->log.level, LOG_LEVEL_DEBUG);
}

static void test_lists_go_on(void **state)
{
	struct conf *c = *state;

	load(c, "[fetch]\n"
		"allow_networks = 10.0.0.0/8,\n"
		"\t192.168.0.0/16 ; the lab\n"
		"    fd00::/8\n"
		"# a comment between\n"
		"    172.16.0.0/12\n"
		"ports =\n"
		"  80\n"
		"  8080, 8081\n"
		"[server]\n"
		"listen = 127.0.0.1:80,\n"
		"  [::1]:80\n");
	assert_int_equal(c->fetch.allow_networks->count, 4);
	assert_int_equal(c->fetch.ports->count, 3);
	assert_int_equal(c->server.listen->count, 2);
}

static void test_a_later_file_replaces_lists(void **state)
{
	struct conf *c = *state;

	load(c, "[fetch]\nports = 1, 2, 3\n");
	load(c, "[fetch]\nports = 4\n");
	assert_int_equal(c->fetch.ports->count, 1);
	assert_true(conf_ports_match(c->fetch.ports, 4));
}

static void test_bad_values_have_a_line(void **state)
{
	struct conf *c = *state;

	refuse(c, "[spool]\n\nmemory_max = 12Q\n", 3,
	    "spool.memory_max: '12Q' is not a size; write bytes or a number "
	    "with K, M, G or T, from 0 to unlimited");
	refuse(c, "[spool]\nmemory_max = 12Q", 2,
	    "spool.memory_max: '12Q' is not a size; write bytes or a number "
	    "with K, M, G or T, from 0 to unlimited");
	refuse(c, "[log]\nlevel = debug\nformat = xml\naccess = yes\n[what]\n",
	    3,
	    "log.format: 'xml' is not known; allowed is auto, text, json, "
	    "journal");
	assert_int_equal(c->log.level, LOG_LEVEL_DEBUG);
	assert_false(c->log.access);
	refuse(c, "[log]\nlevel =\n", 2,
	    "log.level: '' is not known; allowed is error, warn, info, debug");
	refuse(c, "[fetch]\nports = 1\n  2\n  x\n", 2,
	    "fetch.ports: 'x' is not a port; write 1 to 65535, or a range "
	    "such as 8000-8999");
}

static void test_unknown_names_have_a_line(void **state)
{
	struct conf *c = *state;

	refuse(c, "[server]\nlisten = 127.0.0.1:80\nidle_timeot = 3\n", 3,
	    "server.idle_timeot is not a known key; did you mean "
	    "server.idle_timeout?");
	refuse(c, "[server]\n[spol]\n", 2,
	    "[spol] is not a known section; did you mean [spool]?");
	refuse(c, "# x\nlisten = 1\n", 2,
	    "'listen' stands before the first section; write [server] or "
	    "another above it");
}

/** Keys disagree: with the first one's place, if that is what counts. */
static void disagree(struct conf *c, unsigned line)
{
	struct conf_error err = {.line = 7, .file = "stale"};

	assert_err(conf_check(c, &err), EINVAL);
	assert_int_equal(err.line, line);
	assert_string_equal(err.file, line ? c->file : "");
}

static void test_what_disagrees_has_a_line(void **state)
{
	struct conf *c = *state;

	load(c, "[server]\n\nunix_mode = rw\n");
	disagree(c, 3);
	set(c, "server.unix_mode=wr");
	disagree(c, 0);

	load(c, "[server]\nunix_mode =\n[spool]\ndir = here\n");
	disagree(c, 4);
	/* Of a file before nobody remembers the lines. */
	load(c, "[server]\n");
	disagree(c, 0);

	load(c, "[spool]\ndir =\n[server]\n\ntls_key = /k\n");
	disagree(c, 5);
	load(c, "[server]\ntls_key =\ntls_cert = /c\n");
	disagree(c, 3);
}

static void test_keys_twice(void **state)
{
	struct conf *c = *state;

	refuse(c, "[log]\nlevel = info\naccess = no\nlevel = warn\n", 4,
	    "log.level is set on line 2 already; a list goes on in indented "
	    "lines");
	refuse(c, "[log]\nlevel = info\n[spool]\n[log]\nlevel = info\n", 5,
	    "log.level is set on line 2 already; a list goes on in indented "
	    "lines");
	refuse(c, "[fetch]\nports = 1\nports = 2\n", 3,
	    "fetch.ports is set on line 2 already; a list goes on in indented "
	    "lines");
}

static void test_indented_lines(void **state)
{
	struct conf *c = *state;

	refuse(c, "[log]\nlevel = info\n  access = yes\n", 3,
	    "an indented line goes on with the value of log.level, which is "
	    "not a list; remove the spaces before it");
	refuse(c, "[log]\nlevel = info\n  debug\n", 3,
	    "an indented line goes on with the value of log.level, which is "
	    "not a list; remove the spaces before it");
}

static void test_syntax(void **state)
{
	struct conf *c = *state;
	char line[10000];

	refuse(c, "[log]\nlevel info\n", 2,
	    "neither a [section], a comment nor key = value");
	refuse(c, "what\n[what]\n", 1,
	    "neither a [section], a comment nor key = value");
	refuse(c, "[log\nlevel = info\n", 1,
	    "a section without its ]; write [name]");
	refuse(c, "[log] level = info\n", 1,
	    "text behind a section; write it on the next line");
	refuse_bytes(c, "[log]\nlevel\0 = info\n", 20, 2,
	    "a NUL byte; this is not text");

	memset(line, 'x', sizeof line);
	memcpy(line, "[spool]\ndir = /", 15);
	struct text_file f = text_file(line, sizeof line);
	struct conf_error err;
	assert_err(conf_load(c, f.path, &err), EINVAL);
	assert_int_equal(err.line, 2);
	assert_memory_equal(err.msg, "the line is longer than ", 24);
	close(f.fd);
}

static void test_unreadable(void **state)
{
	struct conf *c = *state;
	struct conf_error err;

	assert_err(conf_load(c, "/nonexistent/s.conf", &err), ENOENT);
	assert_string_equal(err.file, "/nonexistent/s.conf");
	assert_string_equal(err.msg, "No such file or directory");
	assert_int_equal(err.line, 0);
	assert_err(conf_load(c, "/", &err), EISDIR);
	assert_int_equal(err.line, 0);
}

/** Load what `c` prints over fresh defaults; it must print the same. */
static void assert_comes_back(const struct conf *c)
{
	struct conf again;
	char *text = printed(c);

	assert_ok(conf_init(&again));
	load(&again, text);
	char *text_again = printed(&again);
	assert_string_equal(text_again, text);

	/* Not only in print: numbers are the same bit for bit. */
	for (size_t i = 0; i < CONF_KEY_COUNT; i++) {
		const struct conf_key *key = &conf_keys[i];
		size_t size = 0;

		if (key->kind == CONF_KIND_SIZE ||
		    key->kind == CONF_KIND_DURATION)
			size = sizeof(uint64_t);
		else if (key->kind == CONF_KIND_COUNT)
			size = sizeof(unsigned);
		assert_memory_equal((const char *)c + key->offset,
		    (const char *)&again + key->offset, size);
	}
	free(text);
	free(text_again);
	conf_fini(&again);
}

static void test_print_comes_back(void **state)
{
	struct conf *c = *state;

	assert_comes_back(c);
	set(c, "server.listen=*:0,[::1]:81,unix:/run/a b.sock,systemd");
	set(c, "server.threads=7");
	set(c, "server.idle_timeout=1001ms");
	set(c, "server.header_timeout=90m");
	set(c, "server.drain_timeout=0");
	set(c, "spool.dir=/srv/x;y#z = [a]");
	set(c, "spool.memory_max=1048577");
	set(c, "spool.memory_budget=3G");
	set(c, "spool.disk_quota=1");
	set(c, "store.ttl=0");
	set(c, "store.max_file_size=18446744073709551614");
	set(c, "upload.min_rate=1T");
	set(c, "fetch.enabled=no");
	set(c, "fetch.allow_networks=0.0.0.0/0,::/0,10.1.2.3,fd00::/8");
	set(c, "fetch.ports=1-65535");
	set(c, "auth.mode=none");
	set(c, "log.level=error");
	set(c, "log.format=json");
	set(c, "log.access=on");
	assert_comes_back(c);
}

/* Longer than any line may be. */
static void test_print_of_a_long_list_comes_back(void **state)
{
	struct conf *c = *state;
	char text[8000] = "fetch.deny_networks=";
	size_t at = strlen(text);

	for (int i = 0; i < 300; i++)
		at += (size_t)snprintf(text + at, sizeof text - at,
		    "10.%d.%d.0/24,", i / 256, i % 256);
	set(c, text);
	assert_int_equal(c->fetch.deny_networks->count, 300);
	assert_comes_back(c);
}

static void test_print_of_the_longest_string_comes_back(void **state)
{
	struct conf *c = *state;
	char text[4000];

#ifdef HAVE_INI_MAX_LINE
	snprintf(text, sizeof text, "spool.dir=/%0*d", 3799, 0);
#else
	snprintf(text, sizeof text, "spool.dir=/%0*d", 150, 0);
#endif
	set(c, text);
	assert_comes_back(c);
}

static void test_every_preset_and_doc(void **state)
{
	struct conf *c = *state;
	char *text = printed(c);

	for (size_t i = 0; i < CONF_KEY_COUNT; i++) {
		char line[100];

		assert_true(strlen(conf_keys[i].doc) > 10);
		assert_true(strlen(conf_keys[i].doc) <= 76);
		snprintf(line, sizeof line, "\n%s =", conf_keys[i].name);
		assert_non_null(strstr(text, line));
	}
	assert_null(strstr(text, " \n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_CONF(test_a_usual_file),
	    WITH_CONF(test_empty_files),
	    WITH_CONF(test_lists_go_on),
	    WITH_CONF(test_a_later_file_replaces_lists),
	    WITH_CONF(test_bad_values_have_a_line),
	    WITH_CONF(test_unknown_names_have_a_line),
	    WITH_CONF(test_what_disagrees_has_a_line),
	    WITH_CONF(test_keys_twice),
	    WITH_CONF(test_indented_lines),
	    WITH_CONF(test_syntax),
	    WITH_CONF(test_unreadable),
	    WITH_CONF(test_print_comes_back),
	    WITH_CONF(test_print_of_a_long_list_comes_back),
	    WITH_CONF(test_print_of_the_longest_string_comes_back),
	    WITH_CONF(test_every_preset_and_doc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
