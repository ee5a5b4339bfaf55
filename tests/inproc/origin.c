/* SPDX-License-Identifier: MIT */
#include "inproc/origin.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/lib/threads.h"

static void send_head(int fd, size_t length)
{
	char head[128];
	int n = snprintf(head, sizeof(head),
	    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", length);

	require(send(fd, head, (size_t)n, MSG_NOSIGNAL) == n);
}

static void answer(int fd)
{
	char request[4096] = "";
	uint8_t content[1000];
	size_t n = 0;

	while (!strstr(request, "\r\n\r\n")) {
		ssize_t got =
		    recv(fd, request + n, sizeof(request) - 1 - n, 0);

		if (got <= 0)
			return;
		n += (size_t)got;
		request[n] = '\0';
	}

	fill_content(content, sizeof(content), 0);
	if (!strncmp(request, "GET /head ", 10))
		send_head(fd, 1000000);
	if (!strncmp(request, "GET /part ", 10))
		send_head(fd, 1000000);
	if (!strncmp(request, "GET /whole ", 11))
		send_head(fd, sizeof(content));
	if (!strncmp(request, "GET /part ", 10) ||
	    !strncmp(request, "GET /whole ", 11))
		(void)!send(fd, content, sizeof(content), MSG_NOSIGNAL);
}

static void *run(void *arg)
{
	struct origin *o = arg;
	int fd;

	while ((fd = accept(o->fd, NULL, NULL)) >= 0) {
		require(o->count < ORIGIN_CONNECTIONS);
		o->held[o->count++] = fd;
		answer(fd);
	}
	return NULL;
}

void origin_open(struct origin *o)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t len = sizeof(in);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	o->count = 0;
	o->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	require(bind(o->fd, (struct sockaddr *)&in, sizeof(in)) == 0);
	require(listen(o->fd, ORIGIN_CONNECTIONS) == 0);
	require(getsockname(o->fd, (struct sockaddr *)&in, &len) == 0);
	o->port = ntohs(in.sin_port);
	o->thread = start_thread(run, o);
}

void origin_close(struct origin *o)
{
	/* Ends the accept() of the thread. */
	shutdown(o->fd, SHUT_RDWR);
	join_thread(o->thread);
	close(o->fd);
	for (unsigned i = 0; i < o->count; i++)
		close(o->held[i]);
}
