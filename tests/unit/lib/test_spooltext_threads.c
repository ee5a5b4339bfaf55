/* SPDX-License-Identifier: MIT */
/* A text that is read while somebody else appends to its spool. */
#include "unit/lib/page.h"
#include "unit/lib/threads.h"

#define LINE "caf\xC3\xA9 \xE2\x80\x94 \xF0\x9F\x98\x80\r\n"
#define LINE_READ "caf\xC3\xA9 \xE2\x80\x94 \xF0\x9F\x98\x80\n"
#define LINES 5000

/* Pieces that respect no codepoint. */
static void *append_all(void *arg)
{
	struct spw_spool *s = arg;
	static char text[LINES * (sizeof(LINE) - 1)];
	uint64_t random = 71;

	for (size_t i = 0; i < LINES; i++)
		memcpy(text + i * (sizeof(LINE) - 1), LINE, sizeof(LINE) - 1);
	for (size_t i = 0, n; i < sizeof(text); i += n) {
		n = 1 + (size_t)(next_random(&random) % 200);
		if (n > sizeof(text) - i)
			n = sizeof(text) - i;
		require(spw_spool_append(s, text + i, n) == 0);
	}
	require(spw_spool_seal(s) == 0);
	return NULL;
}

static void test_following_a_writer(void **state)
{
	struct page *p = *state;
	char got[256];
	size_t lines = 0, len = 0;

	page_anew(p, 20000, TEXT_OPTS(.flags = SPW_TEXT_FOLLOW,
	    .newline = SPW_NEWLINE_UNIVERSAL));
	pthread_t thread = start_thread(append_all, p->s);
	for (;;) {
		uint64_t there = spw_spool_committed(p->s);
		ssize_t n = spw_text_readline(
		    p->t, got + len, sizeof(got) - len, UINT64_MAX);

		assert_ok(n);
		len += (size_t)n;
		if (n > 0 && got[len - 1] == '\n') {
			assert_int_equal(len, strlen(LINE_READ));
			assert_memory_equal(got, LINE_READ, len);
			len = 0;
			lines++;
		}
		/* Only what came since may tell more. */
		if (n == 0 && spw_spool_wait(p->s, there,
		    SPW_NO_DEADLINE, NULL) == 0)
			break;
	}
	join_thread(thread);
	assert_int_equal(lines, LINES);
	assert_int_equal(len, 0);
	assert_int_equal(
	    spw_text_size(p->t), LINES * (int64_t)strlen("cafe - o\n"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BOTH(test_following_a_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
