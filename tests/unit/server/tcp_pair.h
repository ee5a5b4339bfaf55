/* SPDX-License-Identifier: MIT */
/* A connection whose bytes the system counts. */
#ifndef TESTS_TCP_PAIR_H
#define TESTS_TCP_PAIR_H

#include "check.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

/** Returns: an end of a TCP connection, to put in place of the fake's. */
static inline int tcp_pair(int *ret_peer)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	int l = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	assert_true(bind(l, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	assert_true(listen(l, 1) == 0);
	assert_true(getsockname(l, (struct sockaddr *)&addr, &len) == 0);
	*ret_peer = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(
	    connect(*ret_peer, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	int fd = accept(l, NULL, NULL);
	close(l);
	/* What is written is sent, as by the server. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

#endif
