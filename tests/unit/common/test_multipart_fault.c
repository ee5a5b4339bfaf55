/* SPDX-License-Identifier: MIT */
/* What a parser says is wrong with a form. */
#include "common/multipart.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

#define PART "--AaB03x\r\nContent-Disposition: form-data; name=a\r\n"
#define END "\r\n\r\nx\r\n--AaB03x--\r\n"

static int on_begin(
    void *ctx, struct str name, struct str filename, struct str content_type)
{
	(void)ctx;
	(void)name;
	(void)filename;
	(void)content_type;
	return 0;
}

/* `ctx` is what goes wrong. */
static ssize_t on_data(void *ctx, const char *data, size_t len)
{
	const int *error = ctx;

	(void)data;
	return *error ? *error : (ssize_t)len;
}

static int on_end(void *ctx)
{
	(void)ctx;
	return 0;
}

static void check_parts(const char *body, size_t len, uint32_t max_parts,
    int callback, int error, enum multipart_fault fault)
{
	static const struct multipart_ops ops = {on_begin, on_data, on_end};
	static struct multipart m;

	assert_ok(multipart_init(&m, "AaB03x", 6));
	m.max_parts = max_parts;
	ssize_t took = multipart_feed(&m, body, len, &ops, &callback);
	int r = took < 0 ? (int)took : multipart_end(&m);
	if (r != error || m.fault != fault)
		fail_msg("%.60s: error %d, fault %d", body, r, (int)m.fault);
}

static void check(const char *body, int error, enum multipart_fault fault)
{
	check_parts(body, strlen(body), 1, 0, error, fault);
}

static void malformed(void **state)
{
	(void)state;
	check("", -EBADMSG, MULTIPART_OPEN);
	check(PART "\r\nx", -EBADMSG, MULTIPART_OPEN);
	check("--AaB03xy\r\n", -EBADMSG, MULTIPART_DELIMITER);
	check("--AaB03x-\r\n", -EBADMSG, MULTIPART_DELIMITER);
	check("--AaB03x\n", -EBADMSG, MULTIPART_DELIMITER);
	check("--AaB03x\rx", -EBADMSG, MULTIPART_DELIMITER);
	check("--AaB03x\r\nX : y" END, -EBADMSG, MULTIPART_LINE);
	check("--AaB03x\r\nno field" END, -EBADMSG, MULTIPART_LINE);
	check(PART "X: \x01" END, -EBADMSG, MULTIPART_LINE);
	check(PART "X: y\n" END, -EBADMSG, MULTIPART_LINE);
	check(PART "content-disposition: form-data; name=b" END, -EBADMSG,
	    MULTIPART_TWICE);
	check(PART "Content-Transfer-Encoding: base64" END, -EBADMSG,
	    MULTIPART_ENCODED);
	check("--AaB03x" END, -EBADMSG, MULTIPART_DISPOSITION);
	check("--AaB03x\r\nContent-Disposition: inline; name=a" END, -EBADMSG,
	    MULTIPART_DISPOSITION);
	check("--AaB03x\r\nContent-Disposition: form-data" END, -EBADMSG,
	    MULTIPART_NAME);
	check("--AaB03x\r\nContent-Disposition: form-data; name=\"a" END,
	    -EBADMSG, MULTIPART_NAME);
}

/* A part whose Content-Disposition goes on with `n` characters. */
static void check_long(
    const char *param, size_t n, enum multipart_fault fault)
{
	static char body[MULTIPART_HEAD_MAX * 2];
	size_t at = (size_t)snprintf(body, sizeof(body),
	    "--AaB03x\r\nContent-Disposition: form-data; %s=", param);

	memset(body + at, 'n', n);
	snprintf(body + at + n, sizeof(body) - at - n, END);
	check(body, -E2BIG, fault);
}

static void too_much(void **state)
{
	static char around[MULTIPART_AROUND_MAX + 1];
	static const char two[] = PART "\r\nx\r\n" PART END;

	(void)state;
	check_long("name", MULTIPART_NAME_MAX + 1, MULTIPART_LONG_NAME);
	check_long(
	    "name=a; filename", MULTIPART_NAME_MAX + 1, MULTIPART_LONG_NAME);
	check_long("name", MULTIPART_HEAD_MAX, MULTIPART_LONG_HEAD);
	check(two, -E2BIG, MULTIPART_MANY_PARTS);
	check_parts(
	    around, sizeof(around), 1, 0, -E2BIG, MULTIPART_LONG_AROUND);
}

static void callbacks(void **state)
{
	static const char good[] = PART END;

	(void)state;
	check_parts(good, sizeof(good) - 1, 1, -EBADMSG, -EBADMSG,
	    MULTIPART_CALLBACK);
	check_parts(good, sizeof(good) - 1, 1, 0, 0, MULTIPART_OPEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(malformed),
	    cmocka_unit_test(too_much),
	    cmocka_unit_test(callbacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
