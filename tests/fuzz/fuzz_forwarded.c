/* SPDX-License-Identifier: MIT */
#include "common/forwarded.h"

#include "fuzz.h"

static void check(const struct forwarded_list *l, const uint8_t *data,
    size_t size)
{
	struct sockaddr_storage addr;

	FUZZ_CHECK(l->n <= FORWARDED_MAX);
	for (size_t i = 0; i < l->n; i++) {
		struct str item = l->items[i];

		/* A view of the field. */
		FUZZ_CHECK(!item.n || (item.p >= (const char *)data &&
					  item.p + item.n <=
					      (const char *)data + size));
		if (forwarded_address(item, &addr) == 0)
			FUZZ_CHECK(addr.ss_family == AF_INET ||
				   addr.ss_family == AF_INET6);
	}
	FUZZ_CHECK(!l->n || forwarded_hop(l, 1).p == l->items[l->n - 1].p);
	FUZZ_CHECK(!l->n || forwarded_hop(l, l->n).p == l->items[0].p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str field = {(const char *)data, size};
	struct forwarded f = {{0}, {0}, {0}};
	struct forwarded_list l = {0};
	struct sockaddr_storage addr;

	(void)forwarded_address(field, &addr);
	forwarded_add(&l, field);
	check(&l, data, size);
	if (forwarded_read(&f, field) < 0)
		return 0;

	check(&f.clients, data, size);
	check(&f.protos, data, size);
	check(&f.hosts, data, size);
	FUZZ_CHECK(f.clients.n == f.hosts.n && f.clients.n == f.protos.n);
	return 0;
}
