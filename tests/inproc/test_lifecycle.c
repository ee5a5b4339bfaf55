/* SPDX-License-Identifier: MIT */
/* Servers that come and go in one process, and configurations that are
   wrong. */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "inproc/host.h"
#include "inproc/peer.h"
#include "tempdir.h"

static void test_start_and_stop(void **state)
{
	struct host h;

	(void)state;
	host_open(&h, NULL);
	assert_int_equal(ask(h.port, "GET", "/healthz"), 200);
	host_close(&h);

	struct census before = census_take();
	for (int i = 0; i < 20; i++) {
		host_open(&h, NULL);
		assert_int_equal(ask(h.port, "GET", "/readyz"), 200);
		assert_true(spw_server_healthy(h.server));
		host_close(&h);
		census_check(&before);
	}
}

static void test_never_started(void **state)
{
	struct census before = census_take();
	struct host h;

	(void)state;
	host_make(&h, NULL);
	assert_int_not_equal(h.port, 0);
	host_close(&h);
	census_check(&before);
	spw_server_free(NULL);
}

/* Who connected before the start is answered after it. */
static void test_connected_before_the_start(void **state)
{
	struct host h;
	struct peer p;
	struct answer a;

	(void)state;
	host_make(&h, NULL);
	peer_open(&p, h.port);
	peer_say(&p, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(spw_server_start(h.server), 0);
	assert_true(peer_head(&p, &a));
	assert_int_equal(a.status, 200);
	peer_close(&p);
	host_close(&h);
}

static void test_several(void **state)
{
	struct census before = census_take();
	struct host h[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		host_open(&h[i], NULL);
	assert_int_equal(put(h[1].port, "mine", 300000), 201);
	assert_true(get(h[1].port, "mine", 300000));
	assert_int_equal(ask(h[0].port, "GET", "/files/mine"), 404);
	assert_int_equal(ask(h[2].port, "GET", "/files/mine"), 404);

	/* One stops; it is nothing to the others. */
	host_close(&h[0]);
	assert_true(get(h[1].port, "mine", 300000));
	host_close(&h[2]);
	assert_true(get(h[1].port, "mine", 300000));
	host_close(&h[1]);
	census_check(&before);
}

static void test_threads(void **state)
{
	static const char *const counts[] = {
	    "server.threads=1", "server.threads=7", "server.threads=64"};
	struct census before = census_take();

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct host h;

		host_open(&h, SETTINGS(counts[i]));
		assert_int_equal(put(h.port, "f", 1000), 201);
		assert_true(get(h.port, "f", 1000));
		host_close(&h);
		census_check(&before);
	}
}

/* The text names the key and says what is allowed. */
static void test_wrong_settings(void **state)
{
	static const struct {
		const char *setting, *key, *allowed;
	} wrong[] = {
	    {"server.threads=65", "server.threads", "64"},
	    {"server.threads=many", "server.threads", "digits"},
	    {"server.thread=2", "server.thread", "server.threads"},
	    {"sever.threads=2", "sever", "[server]"},
	    {"threads=2", "threads", "section.key"},
	    {"server.threads", "server.threads", "="},
	    {"server.idle_timeout=0", "server.idle_timeout", "1s"},
	    {"server.connection_memory=1K", "server.connection_memory", "8K"},
	    {"server.listen=", "server.listen", "at least 1"},
	    {"server.listen=127.0.0.1", "server.listen", "HOST:PORT"},
	    {"server.listen=0.0.0.0:0", "auth.mode", "none"},
	    {"store.durability=maybe", "store.durability", "none"},
	    {"fetch.allow_networks=everybody", "fetch.allow_networks", "/"},
	    {"log.level=loud", "log.level", "info"},
	    {"sandbox.landlock=require", "sandbox.landlock", "auto"},
	    {"sandbox.seccomp=require", "sandbox.seccomp", "auto"},
	};
	struct census before = census_take();

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char error[SPW_SERVER_ERROR_SIZE] = "";
		struct spw_server *s = NULL;

		assert_err(spw_server_new(
			       NULL, SETTINGS(wrong[i].setting), &s, error),
		    EINVAL);
		assert_null(s);
		if (!strstr(error, wrong[i].key) ||
		    !strstr(error, wrong[i].allowed))
			fail_msg("%s: %s", wrong[i].setting, error);
		assert_err(spw_server_new(
			       NULL, SETTINGS(wrong[i].setting), &s, NULL),
		    EINVAL);
		census_check(&before);
	}
}

/* Right in itself, but the system has it otherwise. */
static void test_wrong_system(void **state)
{
	struct host h;
	char taken[64], error[SPW_SERVER_ERROR_SIZE] = "";
	struct spw_server *s = NULL;

	(void)state;
	host_open(&h, NULL);
	struct census before = census_take();

	snprintf(taken, sizeof(taken), "127.0.0.1:%u", h.port);
	char listen[128], dir[192];
	snprintf(listen, sizeof(listen), "server.listen=127.0.0.1:0,%s", taken);
	snprintf(dir, sizeof(dir), "spool.dir=%s", h.dir);
	assert_err(
	    spw_server_new(NULL, SETTINGS(listen, dir), &s, error), EADDRINUSE);
	assert_non_null(strstr(error, taken));
	census_check(&before);

	assert_err(spw_server_new(NULL,
		       SETTINGS("server.listen=127.0.0.1:0",
			   "spool.dir=/nowhere/at/all"),
		       &s, error),
	    ENOENT);
	assert_non_null(strstr(error, "/nowhere/at/all"));
	census_check(&before);

	assert_err(spw_server_new("/nowhere/spillway.conf", NULL, &s, error),
	    ENOENT);
	assert_non_null(strstr(error, "/nowhere/spillway.conf"));
	assert_null(s);
	census_check(&before);
	host_close(&h);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void test_file_and_settings(void **state)
{
	char dir[160], path[192], text[512];
	char error[SPW_SERVER_ERROR_SIZE] = "";
	struct spw_server *s = NULL;

	(void)state;
	assert_true(temp_dir(dir, sizeof(dir)));
	snprintf(path, sizeof(path), "%s/spillway.conf", dir);
	snprintf(text, sizeof(text),
	    "[server]\nlisten = 127.0.0.1:1\n[spool]\ndir = %s\n"
	    "keep_free = 0\n[store]\nmax_files = 1\n",
	    dir);
	write_file(path, text);

	/* The setting wins over the file, and the rest of it counts. */
	assert_int_equal(
	    spw_server_new(
		path, SETTINGS("server.listen=127.0.0.1:0"), &s, error),
	    0);
	assert_int_equal(spw_server_start(s), 0);
	assert_int_equal(put(spw_server_port(s), "one", 10), 201);
	assert_int_equal(put(spw_server_port(s), "two", 10), 503);
	spw_server_free(s);

	/* A fault in it is told with its line. */
	write_file(path, "[server]\nlisten = 127.0.0.1:0\nthreads = -1\n");
	assert_err(spw_server_new(path, NULL, &s, error), EINVAL);
	snprintf(text, sizeof(text), "%s:3", path);
	assert_non_null(strstr(error, text));
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
}

/* It is written as the settings have it. */
static void test_log(void **state)
{
	struct host h;
	char text[4096] = "";
	FILE *f = tmpfile();
	int stderr_fd = dup(STDERR_FILENO);

	(void)state;
	require(f && stderr_fd >= 0);
	require(dup2(fileno(f), STDERR_FILENO) >= 0);
	host_open(&h, SETTINGS("log.level=debug", "log.format=json",
			  "spool.memory_max=0"));
	assert_int_equal(put(h.port, "one", 10), 201);
	host_close(&h);
	host_open(&h, SETTINGS("log.level=error"));
	host_close(&h);
	require(dup2(stderr_fd, STDERR_FILENO) >= 0);
	close(stderr_fd);
	rewind(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	assert_non_null(strstr(text, "\"level\":\"debug\""));
	assert_null(strstr(text, " info "));
	host_open(&h, NULL);
	host_close(&h);
}

static void test_addresses(void **state)
{
	struct host h;
	char setting[160], path[96], url[SPW_SERVER_URL_SIZE];

	(void)state;
	snprintf(path, sizeof(path), "/var/tmp/spw-inproc-%d.sock",
	    (int)getpid());
	snprintf(setting, sizeof(setting),
	    "server.listen=unix:%s, 127.0.0.1:0", path);
	host_open(&h, SETTINGS(setting));
	assert_true(spw_server_url(h.server, 0, url));
	assert_string_equal(url + strlen("unix:"), path);
	assert_true(spw_server_url(h.server, 1, url));
	assert_memory_equal(url, "http://127.0.0.1:", 17);
	assert_int_equal(strtoul(url + 17, NULL, 10), h.port);
	assert_false(spw_server_url(h.server, 2, url));

	/* Over the socket file, too. */
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	strcpy(un.sun_path, path);
	struct peer p = {.fd = socket(AF_UNIX, SOCK_STREAM, 0)};
	struct answer a;
	assert_int_equal(
	    connect(p.fd, (struct sockaddr *)&un, sizeof(un)), 0);
	upload_begin(&p, "f", 300000);
	assert_true(peer_send_content(&p, 0, 300000));
	assert_true(peer_head(&p, &a));
	assert_int_equal(a.status, 201);
	assert_true(peer_drop(&p, &a));
	peer_close(&p);
	assert_true(get(h.port, "f", 300000));

	host_close(&h);
	assert_int_equal(access(path, F_OK), -1);
}

/* A socket file that nobody listens on is replaced; a live one is not. */
static void test_stale_socket(void **state)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct spw_server *s = NULL;
	struct host h, h2;
	char setting[160], dir[192], error[SPW_SERVER_ERROR_SIZE];

	(void)state;
	snprintf(un.sun_path, sizeof(un.sun_path),
	    "/var/tmp/spw-inproc-%d.sock", (int)getpid());
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	close(fd);

	snprintf(setting, sizeof(setting),
	    "server.listen=127.0.0.1:0, unix:%s", un.sun_path);
	host_open(&h, SETTINGS(setting));
	snprintf(dir, sizeof(dir), "spool.dir=%s", h.dir);
	assert_err(spw_server_new(NULL, SETTINGS(setting, dir), &s, error),
	    EADDRINUSE);
	/* Whoever failed to get it has not taken it away, either. */
	assert_int_equal(access(un.sun_path, F_OK), 0);
	host_close(&h);

	host_open(&h2, SETTINGS(setting));
	host_close(&h2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_start_and_stop),
	    cmocka_unit_test(test_never_started),
	    cmocka_unit_test(test_connected_before_the_start),
	    cmocka_unit_test(test_several),
	    cmocka_unit_test(test_threads),
	    cmocka_unit_test(test_wrong_settings),
	    cmocka_unit_test(test_wrong_system),
	    cmocka_unit_test(test_file_and_settings),
	    cmocka_unit_test(test_log),
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_stale_socket),
	};

	host_prepare();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
