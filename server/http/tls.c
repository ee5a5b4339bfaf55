/* SPDX-License-Identifier: MIT */
#include "http/tls.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "http/acceptor.h"

#ifdef HAVE_GNUTLS
#include <stdlib.h>
#include <time.h>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/clock.h"
#include "base/metrics.h"

/* One's own, and those that vouch for it. */
#define CHAIN_MAX 16
#define KEY_ID_SIZE 64
/* What Mozilla calls intermediate: no version that is broken. */
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct http_cert {
	struct http_cert *replaced; /* kept: handshakes may be at it */
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned count;
	gnutls_privkey_t key;
	int64_t expires_s;
};

static int wrong(struct conf_error *reterr, const char *file, int err,
    const char *what)
{
	snprintf(reterr->file, sizeof(reterr->file), "%s", file);
	reterr->line = 0;
	/* Of reading it says no more. */
	if (err == GNUTLS_E_FILE_ERROR)
		return conf_error_set(
		    reterr, -errno, "%s", strerror(errno));
	return conf_error_set(reterr, -EINVAL, "this is no %s in PEM: %s",
	    what, gnutls_strerror(err));
}

static void note_expiry(struct http_cert *c)
{
	gnutls_x509_crt_t crt = NULL;

	if (gnutls_pcert_export_x509(&c->chain[0], &crt) == 0) {
		c->expires_s = gnutls_x509_crt_get_expiration_time(crt);
		gnutls_x509_crt_deinit(crt);
	}
}

static int load_chain(
    struct http_cert *c, const char *file, struct conf_error *reterr)
{
	gnutls_datum_t data = {NULL, 0};
	unsigned count = CHAIN_MAX;

	int r = gnutls_load_file(file, &data);
	if (r == 0)
		r = gnutls_pcert_list_import_x509_raw(c->chain, &count, &data,
		    GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_SORT);
	if (r < 0)
		r = wrong(reterr, file, r, "certificate");
	else
		c->count = count;
	gnutls_free(data.data);
	if (r == 0)
		note_expiry(c);
	return r;
}

static int load_key(
    struct http_cert *c, const char *file, struct conf_error *reterr)
{
	gnutls_datum_t data = {NULL, 0};

	int r = gnutls_load_file(file, &data);
	if (r == 0)
		r = gnutls_privkey_init(&c->key);
	if (r == 0)
		r = gnutls_privkey_import_x509_raw(
		    c->key, &data, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (r < 0)
		r = wrong(reterr, file, r, "key");
	if (data.data)
		gnutls_memset(data.data, 0, data.size);
	gnutls_free(data.data);
	return r;
}

/* Returns: whether the key is that of the certificate. */
static bool belong_together(const struct http_cert *c)
{
	unsigned char a[KEY_ID_SIZE], b[KEY_ID_SIZE];
	size_t na = sizeof(a), nb = sizeof(b);
	gnutls_pubkey_t pub = NULL;

	bool same =
	    gnutls_pubkey_init(&pub) == 0 &&
	    gnutls_pubkey_import_privkey(pub, c->key, 0, 0) == 0 &&
	    gnutls_pubkey_get_key_id(pub, 0, a, &na) == 0 &&
	    gnutls_pubkey_get_key_id(c->chain[0].pubkey, 0, b, &nb) == 0 &&
	    na == nb && memcmp(a, b, na) == 0;
	gnutls_pubkey_deinit(pub);
	return same;
}

int http_cert_load(const char *cert, const char *key, struct http_cert **ret,
    struct conf_error *reterr)
{
	struct http_cert *c = calloc(1, sizeof(*c));

	if (!c)
		return conf_error_set(reterr, -ENOMEM, "out of memory");

	int r = load_chain(c, cert, reterr);
	if (r == 0)
		r = load_key(c, key, reterr);
	if (r == 0 && !belong_together(c)) {
		snprintf(reterr->file, sizeof(reterr->file), "%s", key);
		reterr->line = 0;
		r = conf_error_set(reterr, -EINVAL,
		    "this is not the key of the certificate in %.200s", cert);
	}
	if (r < 0) {
		http_cert_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void http_cert_free(struct http_cert *c)
{
	while (c) {
		struct http_cert *next = c->replaced;

		for (unsigned i = 0; i < c->count; i++)
			gnutls_pcert_deinit(&c->chain[i]);
		gnutls_privkey_deinit(c->key);
		free(c);
		c = next;
	}
}

static bool same_chain(const struct http_cert *a, const struct http_cert *b)
{
	bool same = a->count == b->count;

	for (unsigned i = 0; same && i < a->count; i++)
		same = a->chain[i].cert.size == b->chain[i].cert.size &&
		       memcmp(a->chain[i].cert.data, b->chain[i].cert.data,
			   a->chain[i].cert.size) == 0;
	return same;
}

void http_server_use_cert(struct http_server *s, struct http_cert *c)
{
	struct http_cert *now = atomic_load(&s->cert);

	/* The key belongs to it: then that is the same, too. */
	if (!c || (now && same_chain(now, c))) {
		http_cert_free(c);
		return;
	}
	if (c->expires_s < clock_unix_ms() / 1000)
		log_warn("the certificate of server.tls_cert has expired");
	metrics_set(METRIC_TLS_CERT_EXPIRES, c->expires_s);
	c->replaced = now;
	atomic_store(&s->cert, c);
}

static int give_cert(gnutls_session_t session,
    const gnutls_datum_t *req_ca_dn, int nreqs,
    const gnutls_pk_algorithm_t *pk_algos, int pk_algos_length,
    gnutls_pcert_st **pcert, unsigned int *pcert_length,
    gnutls_privkey_t *privkey)
{
	struct MHD_Connection *mhd = gnutls_session_get_ptr(session);
	struct http_cert *c =
	    atomic_load(&http_conn_of(mhd)->loop->server->cert);

	(void)req_ca_dn;
	(void)nreqs;
	(void)pk_algos;
	(void)pk_algos_length;
	*pcert = c->chain;
	*pcert_length = c->count;
	*privkey = c->key;
	return 0;
}

bool http_tls_options(struct MHD_OptionItem options[3])
{
	if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
		return false;

	options[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0,
	    (void *)(uintptr_t)PRIORITIES};
	union {
		gnutls_certificate_retrieve_function2 *fn;
		void *p;
	} callback = {give_cert};
	options[1] = (struct MHD_OptionItem){
	    MHD_OPTION_HTTPS_CERT_CALLBACK, 0, callback.p};
	options[2] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
	return true;
}

static gnutls_session_t session_of(const struct http_conn *c)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    c->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);

	return info ? info->tls_session : NULL;
}

static ssize_t send_tls(struct http_conn *c, const void *data, size_t len)
{
	gnutls_session_t session = session_of(c);

	return session ? gnutls_record_send(session, data, len) : -1;
}

static void end_tls(struct http_conn *c)
{
	gnutls_session_t session = session_of(c);

	if (session)
		(void)gnutls_bye(session, GNUTLS_SHUT_WR);
}
#else
int http_cert_load(const char *cert, const char *key, struct http_cert **ret,
    struct conf_error *reterr)
{
	(void)cert;
	(void)key;
	(void)ret;
	return conf_error_set(reterr, -ENOTSUP,
	    "server.tls_cert: there is no TLS in this build");
}

void http_cert_free(struct http_cert *c)
{
	(void)c;
}

void http_server_use_cert(struct http_server *s, struct http_cert *c)
{
	(void)s;
	(void)c;
}

bool http_tls_options(struct MHD_OptionItem options[3])
{
	(void)options;
	return false;
}

static ssize_t send_tls(struct http_conn *c, const void *data, size_t len)
{
	(void)c;
	(void)data;
	(void)len;
	return -1;
}

static void end_tls(struct http_conn *c)
{
	(void)c;
}
#endif

int http_conn_send(struct http_conn *c, const void *data, size_t len)
{
	ssize_t n = c->tls ? send_tls(c, data, len)
			   : send(c->fd, data, len,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n == (ssize_t)len)
		return 0;
	return n <= 0 && !c->tls ? -EAGAIN : -EPIPE;
}

void http_conn_end_sending(struct http_conn *c)
{
	if (c->tls)
		end_tls(c);
	shutdown(c->fd, SHUT_WR);
}
