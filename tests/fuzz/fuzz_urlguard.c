/* SPDX-License-Identifier: MIT */
#include "common/urlguard.h"

#include <string.h>

#include <netinet/in.h>

#include "common/ipaddr.h"
#include "fuzz.h"

static void check_inside(struct str part, const char *url, size_t len)
{
	FUZZ_CHECK(part.p >= url && part.p + part.n <= url + len);
}

static void check_parts(const struct url_parts *p, const char *url, size_t len)
{
	struct cidr net;
	bool address = cidr_parse(p->host.p, p->host.n, &net) == 0;

	check_inside(p->host, url, len);
	check_inside(p->path_query, url, len);
	FUZZ_CHECK(p->host.n > 0 && p->host.n <= 253);
	FUZZ_CHECK(p->port != 0);
	FUZZ_CHECK(address == p->host_is_ip);
	FUZZ_CHECK(p->path_query.n == 0 || p->path_query.p[0] == '/' ||
		   p->path_query.p[0] == '?');
	for (size_t i = 0; i < p->host.n; i++)
		FUZZ_CHECK(token_char(p->host.p[i]) ||
			   (p->host_is_ip && p->host.p[i] == ':'));
	/* An address never is a forbidden name. */
	if (address)
		FUZZ_CHECK(!url_host_forbidden(p->host));
}

static void check_address(const uint8_t *data, size_t size)
{
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6};
	struct sockaddr_in sin = {.sin_family = AF_INET};
	struct cidr net;

	if (size < 16)
		return;

	memcpy(&sin6.sin6_addr, data, 16);
	const char *reason = ipaddr_forbidden((const struct sockaddr *)&sin6);
	static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
	bool v4 = memcmp(data, mapped, sizeof(mapped)) == 0;
	bool nat64 = memcmp(data, "\0\x64\xFF\x9B\0\0\0\0\0\0\0", 12) == 0;
	FUZZ_CHECK(reason || data[0] >> 5 == 1 || v4 || nat64);

	/* As IPv4 and as v4-mapped: one address. */
	memcpy(&sin.sin_addr, data + 12, 4);
	memcpy(&sin6.sin6_addr, mapped, sizeof(mapped));
	FUZZ_CHECK(ipaddr_forbidden((const struct sockaddr *)&sin) ==
		   ipaddr_forbidden((const struct sockaddr *)&sin6));
	if (cidr_parse((const char *)data, size, &net) == 0)
		FUZZ_CHECK(cidr_match(&net, (const struct sockaddr *)&sin) ==
			   cidr_match(&net, (const struct sockaddr *)&sin6));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *url = (const char *)data;
	struct url_parts parts;
	const char *rule = NULL;

	if (url_check(url, size, &parts, &rule) == 0)
		check_parts(&parts, url, size);
	else
		FUZZ_CHECK(rule &&
			   strcmp(url_rule_text(rule), url_rule_text("")) != 0);
	if (size > 0)
		url_host_forbidden((struct str){url, size});
	check_address(data, size);
	return 0;
}
