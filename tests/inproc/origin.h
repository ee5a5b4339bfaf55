/* SPDX-License-Identifier: MIT */
/*
 * A server to fetch from that never finishes: each connection gets so much of
 * an answer as its path says, and is then held until the origin is closed.
 *
 *   /silent   nothing
 *   /head     a header that promises a million bytes
 *   /part     the same and the first thousand bytes of content
 *   /whole    a thousand bytes of content and the end
 */
#ifndef TESTS_INPROC_ORIGIN_H
#define TESTS_INPROC_ORIGIN_H

#include <pthread.h>
#include <stdint.h>

#define ORIGIN_CONNECTIONS 64

struct origin {
	int fd;
	uint16_t port;
	pthread_t thread;
	int held[ORIGIN_CONNECTIONS]; /* the thread's */
	unsigned count;
};

void origin_open(struct origin *o);
void origin_close(struct origin *o);

#endif
