/* SPDX-License-Identifier: MIT */
#include "ingest/guard.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common/ipaddr.h"

static const char rule_denied[] = "denied";

static bool networks_hold(
    const struct conf_networks *nets, const struct sockaddr *sa)
{
	for (size_t i = 0; i < nets->count; i++)
		if (cidr_match(&nets->items[i], sa))
			return true;
	return false;
}

/* The IPv4 address behind a translator (64:ff9b::/96): reaching one is
 * reaching the other, so a denied network stays denied by this way, too.
 * Source: RFC 6052 §2.1 */
static bool nat64_inner(const struct sockaddr *sa, struct sockaddr_in *ret)
{
	static const uint8_t prefix[12] = {0x00, 0x64, 0xFF, 0x9B};
	struct sockaddr_in6 sin6;

	if (sa->sa_family != AF_INET6)
		return false;

	memcpy(&sin6, sa, sizeof(sin6));
	if (memcmp(&sin6.sin6_addr, prefix, sizeof(prefix)) != 0)
		return false;

	*ret = (struct sockaddr_in){.sin_family = AF_INET};
	memcpy(&ret->sin_addr, (const uint8_t *)&sin6.sin6_addr + 12, 4);
	return true;
}

static bool is_denied(const struct conf_fetch *conf, const struct sockaddr *sa)
{
	const struct conf_networks *deny = &conf->deny_networks;
	struct sockaddr_in inner;

	return networks_hold(deny, sa) ||
	       (nat64_inner(sa, &inner) &&
		   networks_hold(deny, (const struct sockaddr *)&inner));
}

bool guard_listed(const struct conf_fetch *conf, const struct sockaddr *sa)
{
	return !is_denied(conf, sa) &&
	       networks_hold(&conf->allow_networks, sa);
}

const char *guard_address(
    const struct conf_fetch *conf, const struct sockaddr *sa)
{
	if (is_denied(conf, sa))
		return rule_denied;
	if (networks_hold(&conf->allow_networks, sa))
		return NULL;
	return ipaddr_forbidden(sa);
}

bool guard_literal(struct str host, struct sockaddr_storage *ret)
{
	char text[INET6_ADDRSTRLEN];
	struct sockaddr_in sin = {.sin_family = AF_INET};
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6};

	if (host.n == 0 || host.n >= sizeof(text) ||
	    memchr(host.p, '\0', host.n))
		return false;

	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	if (inet_pton(AF_INET, text, &sin.sin_addr) == 1) {
		memcpy(ret, &sin, sizeof(sin));
		return true;
	}
	if (inet_pton(AF_INET6, text, &sin6.sin6_addr) == 1) {
		memcpy(ret, &sin6, sizeof(sin6));
		return true;
	}
	return false;
}

void guard_address_text(
    const struct sockaddr *sa, char out[GUARD_ADDRESS_SIZE])
{
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	memcpy(out, "?", 2);
	if (sa->sa_family == AF_INET) {
		memcpy(&sin, sa, sizeof(sin));
		inet_ntop(AF_INET, &sin.sin_addr, out, GUARD_ADDRESS_SIZE);
	} else if (sa->sa_family == AF_INET6) {
		memcpy(&sin6, sa, sizeof(sin6));
		inet_ntop(AF_INET6, &sin6.sin6_addr, out, GUARD_ADDRESS_SIZE);
	}
}

void guard_explain(
    const char *rule, const char *address, char *out, size_t cap)
{
	if (rule == rule_denied)
		snprintf(out, cap,
		    "The address %s is forbidden: fetch.deny_networks lists "
		    "it.",
		    address);
	else
		snprintf(out, cap,
		    "The address %s is forbidden (%s); the operator can list "
		    "it in fetch.allow_networks.",
		    address, rule);
}
