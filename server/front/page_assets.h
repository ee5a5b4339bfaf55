/* SPDX-License-Identifier: MIT */
/*
 * The files of the page in server/page/, and the description of the API, as
 * server/page/embed.py puts them into the program: constants, each as it is and
 * compressed.
 */
#ifndef FRONT_PAGE_ASSETS_H
#define FRONT_PAGE_ASSETS_H

#include <stddef.h>

/* One form of a file, with an entity tag of its own. */
struct page_form {
	const void *data;
	size_t len;
	const char *etag;
};

struct page_asset {
	const char *path; /* of the page's: below /page/, with the version */
	const char *type;
	struct page_form plain, gzip;
};

/** docs/openapi.json. */
extern const struct page_asset openapi_asset;
/** The first is what `/` answers; there are `page_asset_count`. */
extern const struct page_asset page_assets[];
extern const size_t page_asset_count;

#endif
