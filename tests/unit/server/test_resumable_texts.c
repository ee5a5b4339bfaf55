/* SPDX-License-Identifier: MIT */
/* How much may be said of an upload that survives the process. */
#include "check.h"

#include <string.h>

#include "common/authfile.h"
#include "common/filemeta.h"
#include "common/storemeta.h"
#include "ingest/resumable.h"

/* Whatever else is known of one that survives, what its client said of it can
   be written down with it. */
static void test_all_that_is_said_fits(void **state)
{
	static char text[FILEMETA_MAX];
	char boot[STOREMETA_BOOT];
	uint8_t buf[FILEMETA_MAX];
	struct filemeta m, got;

	(void)state;
	memset(text, 'x', sizeof(text));
	memset(boot, 'b', sizeof(boot));
	/* Every number there is takes its place. */
	memset(&m, 0x7f, sizeof(m));
	m.digests.have = m.said.have = DIGEST_ALL;
	m.etag = (struct str){text, ID_LEN};
	m.id = (struct str){text, ID_LEN_MAX};
	m.name = (struct str){text, FILE_NAME_SIZE - 1};
	m.type = (struct str){text, FILE_TYPE_SIZE - 1};
	m.coding = (struct str){text, FILE_CODING_SIZE - 1};
	m.concat = (struct str){text, 100};
	m.owner = (struct str){text, TOKEN_NAME_MAX};
	m.boot = (struct str){boot, sizeof(boot)};
	/* An upload has none. */
	m.url = (struct str){NULL, 0};
	m.metadata =
	    (struct str){text, RESUMABLE_TEXTS_MAX - m.id.n - m.name.n -
				   m.type.n - m.coding.n - m.concat.n};
	size_t n = filemeta_write(&m, buf, sizeof(buf));
	assert_int_not_equal(n, 0);
	assert_ok(filemeta_read(buf, n, &got));
	assert_int_equal(got.metadata.n, m.metadata.n);
	assert_int_equal(got.concat.n, m.concat.n);
	assert_int_equal(got.digests.have, DIGEST_ALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all_that_is_said_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
