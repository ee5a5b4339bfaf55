/* SPDX-License-Identifier: MIT */
/*
 * The server against whatever a client may send. It is started once; each
 * input goes over a connection of its own, whole or in pieces, and is followed
 * by the end of the client's side. The server must come to an end with it in
 * bounded time, answer only what looks like HTTP, and be alive afterwards.
 *
 * Nothing is fetched: names in mutated URLs are other people's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <spillway/server.h>

#include "fuzz/fuzz.h"

/* A server that has not ended a connection by then hangs. */
#define PATIENCE_MS 30000

static struct spw_server *server;
static char dir[] = "/var/tmp/spw-fuzz-XXXXXX";

/* By the ordinary way, so that leaks are seen. */
static void stop_server(void)
{
	spw_server_free(server);
	FUZZ_CHECK(rmdir(dir) == 0);
}

static void start_server(void)
{
	char spool[64], error[SPW_SERVER_ERROR_SIZE] = "";

	FUZZ_CHECK(mkdtemp(dir) != NULL);
	snprintf(spool, sizeof(spool), "spool.dir=%s", dir);
	const char *const settings[] = {spool, "server.listen=127.0.0.1:0",
	    "server.threads=1", "server.header_timeout=20s",
	    "server.idle_timeout=20s", "spool.keep_free=0",
	    "spool.memory_max=4K", "spool.memory_budget=1M",
	    "spool.disk_quota=16M", "store.max_file_size=1M",
	    "store.max_files=200", "store.ttl=2s", "upload.expire=2s",
	    "fetch.enabled=no", NULL};

	signal(SIGPIPE, SIG_IGN);
	int r = spw_server_new(NULL, settings, &server, error);
	if (r < 0)
		fprintf(stderr, "%s\n", error);
	FUZZ_CHECK(r == 0);
	FUZZ_CHECK(spw_server_start(server) == 0);
	atexit(stop_server);
}

static int connect_to_server(void)
{
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_port = htons(spw_server_port(server))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0);
	return fd;
}

/* With a reset: thousands that wait for their time to pass would use up the
   ports. */
static void disconnect(int fd)
{
	struct linger now = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

/* What has come so far of an answer. */
struct heard {
	char start[9];
	size_t len;
};

/* Returns: false at the end of the connection. */
static bool hear(int fd, struct heard *h)
{
	char buf[4096];
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	for (ssize_t i = 0; i < n && h->len < sizeof(h->start); i++)
		h->start[h->len++] = buf[i];
	return n > 0;
}

/* Wait for the connection to be ready. Returns: the events; 0 at the end of
   all patience. */
static short await(int fd, short events)
{
	struct pollfd p = {fd, events, 0};

	return poll(&p, 1, PATIENCE_MS) > 0 ? p.revents : 0;
}

/* Send a piece, taking in what is answered meanwhile. Returns: false when the
   server takes no more. */
static bool say(int fd, struct heard *h, const uint8_t *data, size_t len)
{
	while (len) {
		short ready = await(fd, POLLIN | POLLOUT);

		FUZZ_CHECK(ready);
		if ((ready & POLLIN) && !hear(fd, h))
			return false;
		if (!(ready & POLLOUT))
			continue;
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			return false;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return true;
}

static void talk(const uint8_t *data, size_t size)
{
	struct heard h = {.len = 0};
	int fd = connect_to_server();
	bool open = true;

	/* The size decides how: whole, in two pieces, or byte by byte. */
	size_t piece = size % 3 == 0   ? size
		       : size % 3 == 1 ? size / 2 + 1
				       : 1 + size / 64;
	for (size_t at = 0; open && at < size; at += piece)
		open = say(fd, &h, data + at,
		    size - at < piece ? size - at : piece);
	shutdown(fd, SHUT_WR);
	while (open) {
		FUZZ_CHECK(await(fd, POLLIN));
		open = hear(fd, &h);
	}
	disconnect(fd);
	FUZZ_CHECK(!memcmp(h.start, "HTTP/1.", h.len < 7 ? h.len : 7));
}

static void check_alive(void)
{
	static const char request[] =
	    "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	struct heard h = {.len = 0};
	int fd = connect_to_server();

	FUZZ_CHECK(say(fd, &h, (const uint8_t *)request, sizeof(request) - 1));
	do {
		FUZZ_CHECK(await(fd, POLLIN));
	} while (hear(fd, &h));
	disconnect(fd);
	FUZZ_CHECK(h.len == sizeof(h.start));
	FUZZ_CHECK(!memcmp(h.start, "HTTP/1.1 ", sizeof(h.start)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!server)
		start_server();
	talk(data, size);
	check_alive();
	return 0;
}
