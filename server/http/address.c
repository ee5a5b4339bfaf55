/* SPDX-License-Identifier: MIT */
/* Whose a connection is. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "http/loop.h"

/* One host is given an IPv6 network of 64 bits, and may use all of it. */
uint64_t http_address_key(const struct sockaddr_storage *addr)
{
	const struct sockaddr_in *v4 = (const void *)addr;
	const struct sockaddr_in6 *v6 = (const void *)addr;
	/* No network begins so: multicast. */
	uint64_t key = UINT64_C(0xffffffff) << 32;

	if (addr->ss_family == AF_INET)
		return key | ntohl(v4->sin_addr.s_addr);
	if (addr->ss_family != AF_INET6)
		return 0;

	if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		uint32_t v4_part;

		memcpy(&v4_part, v6->sin6_addr.s6_addr + 12, sizeof(v4_part));
		return key | ntohl(v4_part);
	}
	memcpy(&key, v6->sin6_addr.s6_addr, sizeof(key));
	return key;
}

uint64_t http_client_share(const struct http_request *req)
{
	return req->client[0] ? req->client_key
			      : http_address_key(&req->conn->addr);
}

const char *http_conn_client(struct http_conn *c)
{
	if (!c->client[0])
		http_address_text(&c->addr, c->client);
	return c->client;
}

const char *http_client(const struct http_request *req)
{
	return req->client[0] ? req->client : http_conn_client(req->conn);
}
