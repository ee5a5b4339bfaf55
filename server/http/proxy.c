/* SPDX-License-Identifier: MIT */
/*
 * Requests that come by way of a trusted proxy: for whom, and what that one
 * has asked for, is what the proxy says. Which of its fields it writes has to
 * be configured, since it passes on the others as the client made them up.
 */
#include "common/forwarded.h"
#include "http/loop.h"

static void read_list(struct http_request *req, const char *name,
    struct forwarded_list *l)
{
	struct str field;

	for (unsigned i = 0; (field = http_header_at(req, name, i)).p; i++)
		forwarded_add(l, field);
}

static void read_fields(struct http_request *req, struct forwarded *f)
{
	struct str field;

	if (req->loop->conf->server.proxy_fields == CONF_FORWARD_X) {
		read_list(req, "X-Forwarded-For", &f->clients);
		read_list(req, "X-Forwarded-Proto", &f->protos);
		read_list(req, "X-Forwarded-Host", &f->hosts);
		return;
	}
	for (unsigned i = 0; (field = http_header_at(req, "Forwarded", i)).p;
	     i++) {
		if (forwarded_read(f, field) < 0) {
			f->clients.n = f->protos.n = f->hosts.n = 0;
			return;
		}
	}
}

/*
 * From the last to the first, as long as they are proxies that are trusted.
 * Returns: how many are, that which is connected included; `*client` is the
 * first address that is not, or the last that can be told.
 */
static size_t find_client(const struct conf_proxies *trusted,
    const struct forwarded_list *l, struct sockaddr_storage *client)
{
	size_t hops = 1;

	while (hops <= l->n &&
	       forwarded_address(l->items[l->n - hops], client) == 0 &&
	       conf_proxies_match(trusted, (const void *)client))
		hops++;
	return hops;
}

static bool is_trusted(const struct http_request *req)
{
	const struct conf_proxies *trusted =
	    req->loop->conf->server.trusted_proxies;

	return trusted->count &&
	       conf_proxies_match(trusted, (const void *)&req->conn->addr);
}

bool http_by_proxy(const struct http_request *req)
{
	return req->conn->addr.ss_family == AF_UNIX || is_trusted(req);
}

void http_proxied(struct http_request *req)
{
	const struct conf_proxies *trusted =
	    req->loop->conf->server.trusted_proxies;
	struct forwarded f = {{0}, {0}, {0}};
	struct sockaddr_storage client = req->conn->addr;

	if (!is_trusted(req))
		return;

	read_fields(req, &f);
	size_t hops = find_client(trusted, &f.clients, &client);
	struct str host = forwarded_hop(&f.hosts, hops);
	struct str proto = forwarded_hop(&f.protos, hops);
	if (proto.n)
		req->https = str_ieq(proto, "https");
	if (host.n && http_host_valid(host))
		req->told_host = host;
	if (!f.clients.n)
		return;

	http_address_text(&client, req->client);
	req->client_key = http_address_key(&client);
}
