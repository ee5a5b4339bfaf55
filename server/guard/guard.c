/* SPDX-License-Identifier: MIT */
#include "guard/guard.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>

#include "common/ipaddr.h"

static const char rule_denied[] = "denied";
static const char rule_own[] = "own-address";
static const char rule_port[] = "port-not-listed";

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
	const struct conf_networks *deny = conf->deny_networks;
	struct sockaddr_in inner;

	return networks_hold(deny, sa) ||
	       (nat64_inner(sa, &inner) &&
		   networks_hold(deny, (const struct sockaddr *)&inner));
}

bool guard_listed(const struct conf_fetch *conf, const struct sockaddr *sa)
{
	return !is_denied(conf, sa) &&
	       networks_hold(conf->allow_networks, sa);
}

const char *guard_address(
    const struct conf_fetch *conf, const struct sockaddr *sa)
{
	if (is_denied(conf, sa))
		return rule_denied;
	if (networks_hold(conf->allow_networks, sa))
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

void guard_address_text(const struct sockaddr *sa, char out[GUARD_ADDRESS_SIZE])
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

bool guard_is_own(const struct sockaddr *sa)
{
	char own[GUARD_ADDRESS_SIZE];
	struct ifaddrs *all;
	struct cidr net;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return false;

	for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
		if (!i->ifa_addr)
			continue;
		guard_address_text(i->ifa_addr, own);
		found = cidr_parse(own, strlen(own), &net) == 0 &&
			cidr_match(&net, sa);
	}
	freeifaddrs(all);
	return found;
}

static void explain(
    const char *rule, const struct sockaddr *sa, struct guard_reason *out)
{
	char address[GUARD_ADDRESS_SIZE];

	guard_address_text(sa, address);
	out->rule = rule;
	if (rule == rule_denied)
		snprintf(out->text, sizeof(out->text),
		    "The address %s is forbidden: fetch.deny_networks lists "
		    "it.",
		    address);
	else
		snprintf(out->text, sizeof(out->text),
		    "The address %s is forbidden (%s); the operator can list "
		    "it in fetch.allow_networks.",
		    address, rule);
}

bool guard_is_denied(const struct guard_reason *why)
{
	return why->rule == rule_denied;
}

static void explain_text(const char *rule, struct guard_reason *out)
{
	out->rule = rule;
	snprintf(out->text, sizeof(out->text), "%s", url_rule_text(rule));
}

bool guard_connect(const struct conf_fetch *conf, const char *local_rule,
    const struct sockaddr *sa, struct guard_reason *reterr)
{
	bool listed = guard_listed(conf, sa);
	const char *rule = guard_address(conf, sa);

	if (!rule && !listed && guard_is_own(sa))
		rule = rule_own;
	if (rule)
		explain(rule, sa, reterr);
	else if (local_rule && !listed)
		explain_text(local_rule, reterr);
	else
		return true;
	return false;
}

static bool host_fits(const struct conf_fetch *conf,
    const struct url_parts *parts, struct guard_reason *reterr)
{
	struct sockaddr_storage ss;
	const struct sockaddr *sa = (const struct sockaddr *)&ss;
	const char *rule;

	/* What url_check() takes for an address is one. */
	if (parts->host_is_ip && guard_literal(parts->host, &ss)) {
		rule = guard_address(conf, sa);
		if (rule)
			explain(rule, sa, reterr);
		return !rule;
	}
	rule = conf->allow_networks->count == 0
		   ? url_host_forbidden(parts->host)
		   : NULL;
	if (rule)
		explain_text(rule, reterr);
	return !rule;
}

enum guard_verdict guard_url(const struct conf_fetch *conf, struct str url,
    struct url_parts *ret, struct guard_reason *reterr)
{
	struct url_parts parts;
	const char *rule;

	if (url_check(url.p, url.n, &parts, &rule) < 0) {
		explain_text(rule, reterr);
		return GUARD_BAD;
	}
	if (!host_fits(conf, &parts, reterr))
		return GUARD_FORBIDDEN;
	if (!conf_ports_match(conf->ports, parts.port)) {
		reterr->rule = rule_port;
		snprintf(reterr->text, sizeof(reterr->text),
		    "Port %u is not allowed; the operator can list it in "
		    "fetch.ports.",
		    (unsigned)parts.port);
		return GUARD_BAD;
	}
	*ret = parts;
	return GUARD_OK;
}
