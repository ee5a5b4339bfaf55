/* SPDX-License-Identifier: MIT */
/* Certificates as files: those that are of use, and the others. */
#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/x509.h>

#include "base/metrics.h"
#include "http/acceptor.h"
#include "unit/base/text_file.h"

#define DAY_S 86400

/* A certificate that vouches for itself, and its key. */
struct pair {
	struct text_file cert, key;
};

static struct text_file pem_file(const gnutls_datum_t *pem)
{
	char text[4096];

	assert_true(pem->size < sizeof(text));
	memcpy(text, pem->data, pem->size);
	text[pem->size] = '\0';
	return make_text_file(text);
}

static struct pair make_pair(time_t expires)
{
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	gnutls_datum_t pem;
	struct pair p;

	assert_ok(gnutls_x509_privkey_init(&key));
	assert_ok(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
	    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
	assert_ok(gnutls_x509_crt_init(&crt));
	assert_ok(gnutls_x509_crt_set_version(crt, 3));
	assert_ok(gnutls_x509_crt_set_serial(crt, "1", 1));
	assert_ok(gnutls_x509_crt_set_dn(crt, "CN=test", NULL));
	assert_ok(gnutls_x509_crt_set_activation_time(
	    crt, time(NULL) - 9 * DAY_S));
	assert_ok(gnutls_x509_crt_set_expiration_time(crt, expires));
	assert_ok(gnutls_x509_crt_set_key(crt, key));
	assert_ok(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0));
	assert_ok(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem));
	p.cert = pem_file(&pem);
	gnutls_free(pem.data);
	assert_ok(gnutls_x509_privkey_export2_pkcs8(
	    key, GNUTLS_X509_FMT_PEM, NULL, 0, &pem));
	p.key = pem_file(&pem);
	gnutls_free(pem.data);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
	return p;
}

static void remove_pair(const struct pair *p)
{
	remove_text_file(&p->cert);
	remove_text_file(&p->key);
}

static struct http_cert *load(const struct pair *p)
{
	struct conf_error err = {0};
	struct http_cert *c = NULL;

	int r = http_cert_load(p->cert.path, p->key.path, &c, &err);
	if (r < 0)
		fail_msg("%s: %s", err.file, err.msg);
	return c;
}

static void assert_refused(const char *cert, const char *key, int err,
    const char *file, const char *why)
{
	struct conf_error e = {.line = 7};
	struct http_cert *c = NULL;

	assert_err(http_cert_load(cert, key, &c, &e), err);
	assert_null(c);
	assert_string_equal(e.file, file);
	assert_int_equal(e.line, 0);
	if (!strstr(e.msg, why))
		fail_msg("'%s' lacks '%s'", e.msg, why);
}

static void test_files(void **state)
{
	struct pair a = make_pair(time(NULL) + DAY_S);
	struct pair b = make_pair(time(NULL) + DAY_S);
	struct text_file text = make_text_file("no PEM\n");

	(void)state;
	http_cert_free(load(&a));
	http_cert_free(NULL);
	assert_refused(a.cert.path, b.key.path, EINVAL, b.key.path,
	    "not the key of the certificate");
	assert_refused(a.key.path, a.key.path, EINVAL, a.key.path,
	    "no certificate in PEM");
	assert_refused(a.cert.path, a.cert.path, EINVAL, a.cert.path,
	    "no key in PEM");
	assert_refused(
	    text.path, a.key.path, EINVAL, text.path, "no certificate");
	assert_refused(
	    "/nowhere/c", a.key.path, ENOENT, "/nowhere/c", "No such file");
	assert_refused(
	    a.cert.path, "/nowhere/k", ENOENT, "/nowhere/k", "No such file");
	remove_text_file(&text);
	remove_pair(&a);
	remove_pair(&b);
}

/* The same again is no other one, and what was replaced stays to the end. */
static void test_use(void **state)
{
	time_t soon = time(NULL) + DAY_S;
	struct pair a = make_pair(soon), old = make_pair(time(NULL) - DAY_S);
	struct http_server *s = calloc(1, sizeof(*s));

	(void)state;
	assert_non_null(s);
	http_server_use_cert(s, NULL);
	assert_null(atomic_load(&s->cert));
	struct http_cert *first = load(&a);
	http_server_use_cert(s, first);
	assert_ptr_equal(atomic_load(&s->cert), first);
	assert_int_equal(metrics_get(METRIC_TLS_CERT_EXPIRES), soon);
	http_server_use_cert(s, load(&a));
	assert_ptr_equal(atomic_load(&s->cert), first);
	http_server_use_cert(s, NULL);
	assert_ptr_equal(atomic_load(&s->cert), first);
	http_server_use_cert(s, load(&old));
	assert_ptr_not_equal(atomic_load(&s->cert), first);
	http_cert_free(atomic_load(&s->cert));
	free(s);
	remove_pair(&a);
	remove_pair(&old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
