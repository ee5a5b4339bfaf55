/* SPDX-License-Identifier: MIT */
/* Who may do what. RFC 6750 §2.1, §3. */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "fake_mhd.h"
#include "front/auth.h"
#include "http/problem.h"
#include "unit/base/text_file.h"

/* of "secret" and "reader". */
#define ALL \
	"all sha256:2bb80d537b1da3e38bd30361aa855686" \
	"bde0eacd7162fef6a25fe97bf527a25b read,write,list\n"
#define FEW \
	"few sha256:3d0941964aa3ebdcb00ccef58b1bb399" \
	"f9f898465e9886d5aec7f31090a0fb30 read rate=2\n"
#define SECRET {"Authorization", "Bearer secret"}
#define READER {"Authorization", "Bearer reader"}

/* A server that asks for `need`, twice, and signs links for `sign`. */
static struct fixture {
	struct web web;
	struct conf conf;
	struct accounts *accounts;
	struct auth *auth;
	unsigned need;
	struct signed_link *sign; /* or NULL */
	char link[512];		  /* that was signed */
	/* Of the last request. */
	unsigned scopes;
	char owner[TOKEN_NAME_MAX + 1];
} fx;

static void begin(struct http_request *req, void *ctx)
{
	char signature[SIGNATURE_TEXT_LEN + 1];

	(void)ctx;
	fx.owner[0] = '\0';
	if (!auth_admit(req, fx.auth, fx.need))
		return;
	assert_true(auth_admit(req, fx.auth, fx.need));
	if (!http_admitted(req, &fx.scopes))
		fx.scopes = 0;
	if (http_owner(req).account)
		snprintf(fx.owner, sizeof(fx.owner), "%s",
		    account_name(http_owner(req).account));
	if (fx.sign) {
		assert_ok(auth_sign(req, fx.auth, fx.sign, signature));
		assert_true(
		    signed_link_write(fx.sign, fx.link, sizeof(fx.link)) > 0);
	}
	struct http_reply r = http_reply_empty(204);
	http_reply(req, &r);
}

/* Read a file of tokens, NULL for none, as a start or a reload does. */
static struct auth_files read_tokens(const char *text)
{
	struct text_file f = {""};
	struct auth_files files;
	struct conf_error err;
	char key[128];

	if (text)
		f = make_text_file(text);
	snprintf(key, sizeof(key), "auth.tokens=%s", f.path);
	assert_ok(conf_set(&fx.conf, key, &err));
	assert_ok(auth_files_read(&fx.conf, &files, &err));
	assert_int_equal(files.tokens != NULL, text != NULL);
	assert_null(files.keys);
	if (text)
		remove_text_file(&f);
	return files;
}

static void use(const char *text)
{
	struct auth_files files = read_tokens(text);

	assert_ok(auth_use(fx.auth, &files, false));
	assert_null(files.tokens);
}

static int setup(void **state)
{
	static const struct http_handler handler = {.begin = begin};

	(void)state;
	memset(&fx, 0, sizeof(fx));
	assert_ok(conf_init(&fx.conf));
	assert_ok(accounts_new(&fx.accounts));
	assert_ok(auth_new(&fx.conf, fx.accounts, &fx.auth));
	web_init(&fx.web, &handler);
	fx.need = AUTH_READ;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	web_fini(&fx.web);
	auth_free(fx.auth);
	accounts_free(fx.accounts);
	conf_fini(&fx.conf);
	return 0;
}

/* One request. Returns: its status; 204 for who is admitted. */
static unsigned ask(
    const char *method, const char *target, const struct fake_field *fields)
{
	unsigned status = web_ask(&fx.web, method, target, fields);

	web_done(&fx.web, true);
	return status;
}

static unsigned ask_as(const char *authorization, unsigned need)
{
	fx.need = need;
	return ask("GET", "/files/a",
	    authorization ? FIELDS({"Authorization", authorization}) : NULL);
}

/* The same, and how it was refused. */
static void check_refused(const char *authorization, unsigned need,
    unsigned status, const char *challenge, enum metric why)
{
	int64_t before = metrics_get(why);

	fx.need = need;
	assert_int_equal(
	    web_ask(&fx.web, "GET", "/files/a",
		authorization ? FIELDS({"Authorization", authorization})
			      : NULL),
	    status);
	assert_string_equal(web_field(&fx.web, "WWW-Authenticate"), challenge);
	web_done(&fx.web, true);
	assert_int_equal(metrics_get(why), before + 1);
}

static void test_nobody_at_first(void **state)
{
	(void)state;
	assert_true(auth_required(fx.auth));
	assert_int_equal(ask_as(NULL, AUTH_READ), 401);
	assert_int_equal(ask_as("Bearer secret", AUTH_READ), 401);
	assert_int_equal(ask_as(NULL, AUTH_PUBLIC), 204);
}

static void test_open(void **state)
{
	(void)state;
	use(NULL);
	assert_false(auth_required(fx.auth));
	for (unsigned i = 0; i < AUTH_SCOPE_COUNT; i++) {
		assert_int_equal(ask_as(NULL, 1u << i), 204);
		/* Not looked at. */
		assert_int_equal(ask_as("Bearer wrong", 1u << i), 204);
	}
	assert_string_equal(fx.owner, "");
}

static void test_mode_none(void **state)
{
	struct auth_files files;
	struct conf_error err;

	(void)state;
	assert_ok(conf_set(&fx.conf, "auth.mode=none", &err));
	files = read_tokens(ALL);
	/* Somebody has said that all may. */
	assert_ok(auth_use(fx.auth, &files, true));
	assert_false(auth_required(fx.auth));
	assert_int_equal(ask_as(NULL, AUTH_ADMIN), 204);
}

static void test_open_to_others(void **state)
{
	struct auth_files files = {NULL, NULL};

	(void)state;
	use(ALL);
	assert_err(auth_use(fx.auth, &files, true), EACCES);
	/* It goes by those of before. */
	assert_true(auth_required(fx.auth));
	assert_int_equal(ask_as("Bearer secret", AUTH_READ), 204);
	files = read_tokens(ALL);
	assert_ok(auth_use(fx.auth, &files, true));
}

static void test_tokens(void **state)
{
	(void)state;
	use(ALL FEW);
	assert_true(auth_required(fx.auth));
	assert_int_equal(ask_as("Bearer secret", AUTH_READ), 204);
	assert_string_equal(fx.owner, "all");
	assert_int_equal(fx.scopes, AUTH_READ | AUTH_WRITE | AUTH_LIST);
	/* Either scope is enough; the scheme has no case. */
	assert_int_equal(ask_as("bearer  reader ", AUTH_LOOK), 204);
	assert_string_equal(fx.owner, "few");
	assert_int_equal(ask_as(NULL, AUTH_PUBLIC), 204);
	assert_string_equal(fx.owner, "");
}

static void test_refused(void **state)
{
	static const char bad[] = HTTP_CHALLENGE ", error=\"invalid_token\"";

	(void)state;
	use(ALL FEW);
	check_refused(
	    NULL, AUTH_READ, 401, HTTP_CHALLENGE, METRIC_AUTH_NO_TOKEN);
	check_refused(
	    "Bearer wrong", AUTH_READ, 401, bad, METRIC_AUTH_BAD_TOKEN);
	check_refused(
	    "Bearer ", AUTH_READ, 401, HTTP_CHALLENGE, METRIC_AUTH_BAD_TOKEN);
	/* The name of one is none. */
	check_refused("Bearer all", AUTH_READ, 401, bad, METRIC_AUTH_BAD_TOKEN);
	check_refused("Basic c2VjcmV0", AUTH_READ, 401, HTTP_CHALLENGE,
	    METRIC_AUTH_BAD_TOKEN);
	check_refused("Bearer secret", AUTH_DELETE, 403,
	    HTTP_CHALLENGE ", error=\"insufficient_scope\", scope=\"delete\"",
	    METRIC_AUTH_SCOPE);
	/* Of several, the one that is asked for first. */
	check_refused("Bearer reader", AUTH_WRITE | AUTH_LIST, 403,
	    HTTP_CHALLENGE ", error=\"insufficient_scope\", scope=\"write\"",
	    METRIC_AUTH_SCOPE);
	fx.need = AUTH_READ;
	assert_int_equal(ask("GET", "/files/a", FIELDS(SECRET, READER)), 401);
	assert_int_equal(ask("GET", "/files/a", FIELDS(SECRET, SECRET)), 401);
}

/* A request counts once, however often it is asked what it may. */
static void test_rate(void **state)
{
	(void)state;
	use(ALL FEW);
	assert_int_equal(ask_as("Bearer reader", AUTH_READ), 204);
	assert_int_equal(ask_as("Bearer reader", AUTH_PUBLIC), 204);
	assert_int_equal(ask_as("Bearer reader", AUTH_WRITE), 403);

	int64_t before = metrics_get(METRIC_AUTH_RATE);
	assert_int_equal(
	    web_ask(&fx.web, "GET", "/files/a", FIELDS(READER)), 429);
	assert_in_range(
	    strtoul(web_field(&fx.web, "Retry-After"), NULL, 10), 1, 60);
	web_done(&fx.web, true);
	assert_int_equal(metrics_get(METRIC_AUTH_RATE), before + 1);
	/* Nobody else's. */
	assert_int_equal(ask_as("Bearer secret", AUTH_READ), 204);
}

static void test_reload(void **state)
{
	(void)state;
	use(ALL FEW);
	use(FEW);
	assert_int_equal(ask_as("Bearer secret", AUTH_READ), 401);
	assert_int_equal(ask_as("Bearer reader", AUTH_READ), 204);
	use(NULL);
	assert_int_equal(ask_as("Bearer secret", AUTH_READ), 204);
	assert_string_equal(fx.owner, "");
}

static void test_files_that_cannot_be_read(void **state)
{
	static const char *const keys[] = {
	    "auth.tokens=/nowhere/x", "auth.link_key=/nowhere/x"};
	struct auth_files files = {NULL, NULL};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct conf_error err = {0};
		char told[CONF_ERROR_TEXT_SIZE];

		assert_ok(conf_set(&fx.conf, keys[i], &err));
		assert_true(auth_files_read(&fx.conf, &files, &err) < 0);
		conf_error_format(&err, told);
		assert_non_null(strstr(told, "/nowhere/x"));
		assert_null(files.tokens);
		assert_null(files.keys);
	}
}

/* ---- links -------------------------------------------------------------- */

/* A link by the token "secret", or by nobody; `in_s` is its time. */
static const char *sign(
    const char *method, const char *path, int64_t in_s, uint64_t max_size)
{
	struct signed_link link = {
	    .method = str_from(method),
	    .path = str_from(path),
	    .expires_s = (uint64_t)(clock_unix_ms() / 1000 + in_s),
	    .max_size = max_size,
	};

	fx.sign = &link;
	assert_int_equal(ask_as("Bearer secret", AUTH_READ), 204);
	fx.sign = NULL;
	return fx.link;
}

/* Refused, with a problem of that kind. */
static void check_link(const char *method, const char *target,
    const struct fake_field *fields, enum http_problem_kind kind)
{
	const struct http_problem_type *want = http_problem_type(kind);
	char text[1024];
	ssize_t end;

	assert_int_equal(
	    web_ask(&fx.web, method, target, fields), want->status);
	size_t n = web_read(&fx.web, 0, text, sizeof(text) - 1, &end);
	text[n] = '\0';
	assert_non_null(strstr(text, want->name));
	web_done(&fx.web, true);
}

static void test_links(void **state)
{
	char link[sizeof(fx.link)];

	(void)state;
	use(ALL FEW);
	snprintf(link, sizeof(link), "%s", sign("GET", "/files/a", 100, 0));
	fx.need = AUTH_READ;
	assert_int_equal(ask("GET", link, NULL), 204);
	assert_int_equal(ask("HEAD", link, NULL), 204);
	/* In the name of who has signed it, for no more than it says. */
	assert_string_equal(fx.owner, "all");
	assert_int_equal(fx.scopes, AUTH_READ);
	fx.need = AUTH_LIST;
	check_link("GET", link, NULL, PROBLEM_INSUFFICIENT_SCOPE);
	fx.need = AUTH_READ;
	check_link("DELETE", link, NULL, PROBLEM_LINK_INVALID);
	check_link("PUT", link, NULL, PROBLEM_LINK_INVALID);
	/* A token is asked first. */
	assert_int_equal(ask("GET", link, FIELDS(READER)), 204);
	assert_string_equal(fx.owner, "few");

	link[strlen("/files/")] = 'b';
	check_link("GET", link, NULL, PROBLEM_LINK_INVALID);
	link[strlen("/files/")] = 'a';
	link[strlen(link) - 2] ^= 1;
	check_link("GET", link, NULL, PROBLEM_LINK_INVALID);
	check_link("GET", "/files/a?signature=x", NULL, PROBLEM_LINK_INVALID);
	check_link("GET", sign("GET", "/files/a", 0, 0), NULL,
	    PROBLEM_LINK_EXPIRED);
	/* Nothing else can be linked to. */
	fx.need = AUTH_READ;
	check_link("GET", sign("GET", "/metrics", 100, 0), NULL,
	    PROBLEM_UNAUTHORIZED);
}

/* A link is as good as its maker's token. */
static void test_links_withdrawn(void **state)
{
	char link[sizeof(fx.link)];

	(void)state;
	use(ALL FEW);
	snprintf(link, sizeof(link), "%s", sign("GET", "/files/a", 100, 0));
	assert_int_equal(ask("GET", link, NULL), 204);
	use(FEW);
	check_link("GET", link, NULL, PROBLEM_LINK_INVALID);
	/* The key is the same: it is good again. */
	use(ALL);
	assert_int_equal(ask("GET", link, NULL), 204);
}

static void test_links_for_uploads(void **state)
{
	char link[sizeof(fx.link)];

	(void)state;
	use(ALL);
	snprintf(link, sizeof(link), "%s", sign("POST", "/files", 100, 10));
	fx.need = AUTH_WRITE;
	assert_int_equal(
	    ask("POST", link, FIELDS({"Content-Length", "10"})), 204);
	assert_int_equal(fx.scopes, AUTH_WRITE);
	check_link("POST", link, FIELDS({"Content-Length", "11"}),
	    PROBLEM_TOO_LARGE);
	check_link("POST", link,
	    FIELDS({"Content-Length", "0"}, {"Tus-Resumable", "1.0.0"}),
	    PROBLEM_FORBIDDEN);
	check_link("POST", link,
	    FIELDS({"Content-Length", "0"}, {"Upload-Complete", "?0"}),
	    PROBLEM_FORBIDDEN);
}

/* Where nobody needs a token a link is nobody's; but one that was changed is
   still told of. */
static void test_links_where_all_may(void **state)
{
	char link[sizeof(fx.link)];

	(void)state;
	use(NULL);
	snprintf(link, sizeof(link), "%s", sign("GET", "/files/a", 100, 0));
	assert_int_equal(ask("GET", link, NULL), 204);
	assert_string_equal(fx.owner, "");
	link[strlen("/files/")] = 'b';
	check_link("GET", link, NULL, PROBLEM_LINK_INVALID);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_nobody_at_first),
	    CASE(test_open),
	    CASE(test_mode_none),
	    CASE(test_open_to_others),
	    CASE(test_tokens),
	    CASE(test_refused),
	    CASE(test_rate),
	    CASE(test_reload),
	    CASE(test_files_that_cannot_be_read),
	    CASE(test_links),
	    CASE(test_links_withdrawn),
	    CASE(test_links_for_uploads),
	    CASE(test_links_where_all_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
