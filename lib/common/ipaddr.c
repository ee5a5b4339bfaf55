/* SPDX-License-Identifier: MIT */
#include "common/ipaddr.h"

#include <errno.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "common/text.h"

#define V4_PREFIX 96

static const uint8_t mapped_prefix[12] = {[10] = 0xFF, [11] = 0xFF};

/* ---- networks ---------------------------------------------------------- */

static bool prefix_equal(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	unsigned int whole = bits / 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return bits % 8 == 0 || ((a[whole] ^ b[whole]) >> (8 - bits % 8)) == 0;
}

static bool is_mapped(const uint8_t addr[16])
{
	return memcmp(addr, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

/* The text of an address; v4 becomes v4-mapped. `*bits` is 32 or 128. */
static int address_parse(struct str s, uint8_t addr[16], unsigned int *bits)
{
	char text[INET6_ADDRSTRLEN];

	/* A NUL inside would end the text early. */
	if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, '\0', s.n))
		return -EINVAL;

	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (inet_pton(AF_INET6, text, addr) == 1) {
		*bits = 128;
		return 0;
	}
	if (inet_pton(AF_INET, text, addr + V4_PREFIX / 8) != 1)
		return -EINVAL;

	memcpy(addr, mapped_prefix, sizeof(mapped_prefix));
	*bits = 32;
	return 0;
}

int cidr_parse(const char *s, size_t len, struct cidr *ret)
{
	struct cidr net;
	unsigned int bits;
	const char *slash = len > 0 ? memchr(s, '/', len) : NULL;
	struct str host = {s, slash ? (size_t)(slash - s) : len};

	int r = address_parse(host, net.addr, &bits);
	if (r < 0)
		return r;

	uint64_t prefix = bits;
	if (slash) {
		struct str digits = {slash + 1, len - host.n - 1};
		bool padded = digits.n > 1 && digits.p[0] == '0';
		if (padded || str_u64(digits, &prefix) < 0 || prefix > bits)
			return -EINVAL;
	}

	net.prefix = (uint8_t)(prefix + 128 - bits);
	for (unsigned int i = net.prefix; i < 128; i++)
		net.addr[i / 8] &= (uint8_t) ~(0x80U >> i % 8);
	*ret = net;
	return 0;
}

/* The address as 128 bits; false for other families. The structure may be
 * less aligned than its type wants, so it is copied. */
static bool sockaddr_bytes(const struct sockaddr *sa, uint8_t addr[16])
{
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in sin;
		memcpy(&sin, sa, sizeof(sin));
		memcpy(addr, mapped_prefix, sizeof(mapped_prefix));
		memcpy(addr + V4_PREFIX / 8, &sin.sin_addr, 4);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 sin6;
		memcpy(&sin6, sa, sizeof(sin6));
		memcpy(addr, &sin6.sin6_addr, 16);
		return true;
	}
	return false;
}

bool cidr_match(const struct cidr *net, const struct sockaddr *sa)
{
	uint8_t addr[16];

	if (!sockaddr_bytes(sa, addr))
		return false;
	if (is_mapped(addr) && net->prefix < V4_PREFIX)
		return false;
	return prefix_equal(net->addr, addr, net->prefix);
}

/* ---- forbidden addresses ----------------------------------------------- */

struct block4 {
	uint8_t addr[4];
	uint8_t prefix;
	const char *reason;
};

/* First match wins: single addresses come before what holds them. */
static const struct block4 blocks4[] = {
    {{169, 254, 169, 254}, 32, "metadata"}, /* most clouds */
    {{169, 254, 170, 2}, 32, "metadata"},   /* AWS ECS */
    {{169, 254, 170, 23}, 32, "metadata"},  /* AWS EKS */
    {{100, 100, 100, 200}, 32, "metadata"}, /* Alibaba */
    {{192, 0, 0, 192}, 32, "metadata"},	    /* Oracle */
    {{168, 63, 129, 16}, 32, "metadata"},   /* Azure, in a public block */
    {{0, 0, 0, 0}, 8, "unspecified"},
    {{10, 0, 0, 0}, 8, "private"},
    {{100, 64, 0, 0}, 10, "cgnat"},
    {{127, 0, 0, 0}, 8, "loopback"},
    {{169, 254, 0, 0}, 16, "link-local"},
    {{172, 16, 0, 0}, 12, "private"},
    {{192, 0, 0, 0}, 24, "reserved"},
    {{192, 0, 2, 0}, 24, "documentation"},
    {{192, 88, 99, 0}, 24, "6to4"}, /* relay anycast */
    {{192, 168, 0, 0}, 16, "private"},
    {{198, 18, 0, 0}, 15, "benchmarking"},
    {{198, 51, 100, 0}, 24, "documentation"},
    {{203, 0, 113, 0}, 24, "documentation"},
    {{224, 0, 0, 0}, 4, "multicast"},
    {{255, 255, 255, 255}, 32, "broadcast"},
    {{240, 0, 0, 0}, 4, "reserved"},
};

struct block6 {
	uint8_t addr[16];
	uint8_t prefix;
	const char *reason; /* NULL: the embedded address alone decides */
	uint8_t embedded;   /* offset of an IPv4 address, 0 for none */
	uint8_t mask;	    /* what its bytes are XORed with */
};

/* First match wins. What none of them holds must be in 2000::/3. */
static const struct block6 blocks6[] = {
    {{0}, 128, "unspecified", 0, 0},
    {{[15] = 1}, 128, "loopback", 0, 0},
    {{[10] = 0xFF, [11] = 0xFF}, 96, NULL, 12, 0},
    {{0}, 96, "reserved", 12, 0}, /* v4-compatible */
    {{[8] = 0xFF, [9] = 0xFF}, 96, "translated", 12, 0},
    {{0x00, 0x64, 0xFF, 0x9B}, 96, NULL, 12, 0},
    /* The site chooses where in here the IPv4 address lies. */
    {{0x00, 0x64, 0xFF, 0x9B, 0x00, 0x01}, 48, "nat64", 0, 0},
    {{0x01, 0x00}, 64, "discard", 0, 0},
    {{0x20, 0x01, 0x00, 0x00}, 32, "teredo", 12, 0xFF},
    {{0x20, 0x01, 0x00, 0x02}, 48, "benchmarking", 0, 0},
    {{0x20, 0x01, 0x00, 0x00}, 23, "reserved", 0, 0},
    {{0x20, 0x01, 0x0D, 0xB8}, 32, "documentation", 0, 0},
    {{0x20, 0x02}, 16, "6to4", 2, 0},
    {{0x3F, 0xFF, 0x00}, 20, "documentation", 0, 0},
    {{0xFD, 0x00, 0x0E, 0xC2, [14] = 0x02, [15] = 0x54}, 128, "metadata", 0, 0},
    {{0xFD, 0x00, 0x0E, 0xC2, [15] = 0x23}, 128, "metadata", 0, 0},
    {{0xFD, 0x20, 0x00, 0xCE, [14] = 0x02, [15] = 0x54}, 128, "metadata", 0, 0},
    {{0xFC}, 7, "unique-local", 0, 0},
    {{0xFE, 0x80}, 10, "link-local", 0, 0},
    {{0xFE, 0xC0}, 10, "site-local", 0, 0},
    {{0xFF}, 8, "multicast", 0, 0},
};

static const char *forbidden4(const uint8_t addr[4])
{
	for (size_t i = 0; i < sizeof(blocks4) / sizeof(blocks4[0]); i++)
		if (prefix_equal(blocks4[i].addr, addr, blocks4[i].prefix))
			return blocks4[i].reason;
	return NULL;
}

static const char *block6_verdict(
    const struct block6 *block, const uint8_t addr[16])
{
	uint8_t inner[4];
	const char *reason = NULL;

	if (block->embedded > 0) {
		for (size_t i = 0; i < sizeof(inner); i++)
			inner[i] = addr[block->embedded + i] ^ block->mask;
		reason = forbidden4(inner);
	}
	return reason ? reason : block->reason;
}

const char *ipaddr_forbidden(const struct sockaddr *sa)
{
	static const uint8_t global[16] = {0x20};
	uint8_t addr[16];

	if (!sockaddr_bytes(sa, addr))
		return "family";

	for (size_t i = 0; i < sizeof(blocks6) / sizeof(blocks6[0]); i++)
		if (prefix_equal(blocks6[i].addr, addr, blocks6[i].prefix))
			return block6_verdict(&blocks6[i], addr);
	return prefix_equal(global, addr, 3) ? NULL : "reserved";
}
