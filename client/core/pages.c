/* SPDX-License-Identifier: MIT */
#include "core/pages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"

#define PAGE_DEFAULT 1000u

static int fetch_page(struct spwc_client *c, const struct spwc__pages *pages,
    const char *after, json_t **ret_page, struct spwc_error *reterr_error)
{
	struct spwc__request r;

	spwc__request_init(&r, c, "GET");
	pages->build(pages->arg, &r);
	spwc__request_query_u64(
	    &r, "limit", pages->limit > 0 ? pages->limit : PAGE_DEFAULT);
	spwc__request_query(&r, "after", after);
	return spwc__request_finish_json(&r, ret_page, reterr_error);
}

/* The cursor of the next page as text; NULL at the end. */
static int next_cursor(const json_t *page, char **ret_next)
{
	const json_t *next = json_object_get(page, "next");
	char *text = NULL;

	if (json_is_integer(next)) {
		if (asprintf(
			&text, "%lld", (long long)json_integer_value(next)) < 0)
			return -ENOMEM;
	} else if (json_is_string(next)) {
		text = strdup(json_string_value(next));
		if (text == NULL)
			return -ENOMEM;
	} else if (next != NULL && !json_is_null(next)) {
		return -EPROTO;
	}

	*ret_next = text;
	return 0;
}

static int give_items(const struct spwc__pages *pages, const json_t *page,
    struct spwc_error *reterr_error)
{
	const json_t *items = json_object_get(page, pages->member);

	if (!json_is_array(items))
		return spwc__error_protocol(
		    reterr_error, "the answer is not a list");
	for (size_t i = 0; i < json_array_size(items); i++) {
		int r = pages->item(
		    pages->arg, json_array_get(items, i), reterr_error);
		if (r != 0)
			return r;
	}
	return 0;
}

/* Takes one page; moves `*after` on. Positive when the list is over. */
static int walk_page(struct spwc_client *c, const struct spwc__pages *pages,
    char **after, struct spwc_error *reterr_error)
{
	json_t *page = NULL;
	char *next = NULL;

	int r = fetch_page(c, pages, *after, &page, reterr_error);
	if (r < 0)
		return r;

	r = give_items(pages, page, reterr_error);
	if (r == 0) {
		r = next_cursor(page, &next);
		if (r == -ENOMEM)
			spwc__error_oom(reterr_error);
		else if (r < 0 || (next != NULL && *after != NULL &&
				      strcmp(next, *after) == 0))
			r = spwc__error_protocol(
			    reterr_error, "the list does not come to an end");
	}
	json_decref(page);
	if (r != 0) {
		free(next);
		return r;
	}

	free(*after);
	*after = next;
	return next == NULL;
}

int spwc__pages_walk(struct spwc_client *c, const struct spwc__pages *pages,
    struct spwc_error *reterr_error)
{
	char *after = NULL;
	int r = 0;

	if (pages->after != NULL) {
		after = strdup(pages->after);
		if (after == NULL)
			return spwc__error_oom(reterr_error);
	}
	while (r == 0)
		r = walk_page(c, pages, &after, reterr_error);
	free(after);
	return r < 0 ? r : 0;
}
