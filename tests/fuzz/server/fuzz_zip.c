/* SPDX-License-Identifier: MIT */
/*
 * Archives of any bytes: the directory, every entry of it, the listing, and
 * what is seen of them while they arrive. Twice, the bytes all there and in a
 * spool that is filled as they are asked for: nothing may differ.
 */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include <spillway/spool.h>

#include "deliver/zip_arrival.h"
#include "deliver/zip_dir.h"
#include "deliver/zip_index.h"
#include "deliver/zip_list.h"
#include "deliver/zip_unpack.h"

#define INPUT_MAX ((size_t)1 << 20)
/** Of what entries unpack to; a bomb is not worth more. */
#define UNPACK_MAX ((uint64_t)4 << 20)
#define ENTRIES_MAX 64

static const struct zip_limits limits = {
    .max_entries = 1000, .max_directory = 1 << 20, .check_reads = 64};

/* Where the bytes are. */
struct input {
	struct spw_spool *s;
	const uint8_t *data;
	size_t size;
	bool sparse;
};

static void open_input(
    struct input *in, const uint8_t *data, size_t size, bool sparse)
{
	struct spw_spool_opts opts = {.size = sizeof opts,
	    .memory_max = SPW_UNLIMITED,
	    .flags = sparse ? SPW_SPOOL_SPARSE : 0,
	    .size_hint = size};

	*in = (struct input){.data = data, .size = size, .sparse = sparse};
	FUZZ_CHECK(spw_spool_new(&opts, &in->s) == 0);
	if (!sparse) {
		FUZZ_CHECK(spw_spool_append(in->s, data, size) == 0);
		FUZZ_CHECK(spw_spool_seal(in->s) == 0);
	}
}

/** Bring what is missing, and a little around it. */
static void bring(struct input *in, const struct zip_fault *f)
{
	FUZZ_CHECK(in->sparse && f->kind == ZIP_FAULT_MISSING);
	FUZZ_CHECK(f->spool == in->s && f->off < in->size && f->len > 0);
	size_t n = f->len < 100 ? (size_t)f->len : 100;
	if (n > in->size - f->off)
		n = (size_t)(in->size - f->off);
	FUZZ_CHECK(spw_spool_pwrite(in->s, in->data + f->off, n, f->off) == 0);
}

/** Unpack an entry. Returns: a hash of how it went. */
static uint64_t unpack(struct input *in, struct zip_entry *e, struct str name,
    uint64_t data_end, uint64_t hash)
{
	struct zip_fault fault = {0};
	struct zip_pull *p = NULL;
	uint64_t first = 0, made = 0;
	char buf[4096];
	ssize_t n;

	while (
	    (n = zip_entry_locate(e, name, in->s, data_end, &fault)) == -EAGAIN)
		bring(in, &fault);
	if (n == 0 && zip_unpack_knows(e->method))
		while ((n = zip_unpack_new(
			    in->s, e, &first, NULL, &p, &fault)) == -EAGAIN)
			bring(in, &fault);
	while (p && made < UNPACK_MAX) {
		n = zip_pull_read(p, buf, sizeof buf, &fault);
		if (n == -EAGAIN) {
			bring(in, &fault);
			continue;
		}
		if (n <= 0)
			break;
		FUZZ_CHECK((uint64_t)n <= e->size - made);
		made += (uint64_t)n;
		hash = fuzz_hash(hash, buf, (size_t)n);
	}
	zip_pull_free(p);
	return fuzz_hash(hash, &n, sizeof n);
}

static uint64_t list(const struct zip_dir *d, uint64_t hash)
{
	struct zip_wish wish = {.limit = UINT64_MAX};
	struct strbuf out;
	struct zip_list l;

	strbuf_init(&out, ZIP_LIST_PIECE_MAX);
	for (unsigned form = 0; form < 3; form++) {
		wish.form = (enum zip_form)form;
		zip_list_init(&l, d, &wish);
		while (zip_list_more(&l, &out)) {
			FUZZ_CHECK(!out.failed);
			hash = fuzz_hash(hash, out.data, out.len);
			strbuf_reset(&out);
		}
	}
	strbuf_fini(&out);
	return hash;
}

static uint64_t read_all(const uint8_t *data, size_t size, bool sparse)
{
	struct input in;
	struct zip_fault fault = {0};
	struct zip_dir *d = NULL;
	uint64_t hash = FUZZ_HASH_START;
	int err;

	open_input(&in, data, size, sparse);
	while ((err = zip_dir_read(in.s, &limits, &d, &fault)) == -EAGAIN)
		bring(&in, &fault);
	FUZZ_CHECK(err == 0 || err == -EBADMSG);
	FUZZ_CHECK((err == 0) == (d != NULL));
	for (size_t i = 0; d && i < d->count && i < ENTRIES_MAX; i++) {
		struct str name = zip_entry_name(d, &d->entries[i]);
		size_t found = 0;

		FUZZ_CHECK(zip_dir_find(d, name, &found) && found <= i);
		if (!(d->entries[i].flags & ZIP_WARN_ENCRYPTED))
			hash = unpack(
			    &in, &d->entries[i], name, d->data_end, hash);
	}
	/* Headers are compared at once or when an entry is read: only where
	   all were compared they are told alike. */
	if (d && !sparse)
		(void)list(d, hash);
	zip_dir_free(d);
	spw_spool_unref(in.s);
	return fuzz_hash(hash, &err, sizeof err);
}

/** In two pieces, and with a look at each. */
static void arrive(const uint8_t *data, size_t size)
{
	struct spw_spool_opts opts = {
	    .size = sizeof opts, .memory_max = SPW_UNLIMITED};
	struct spw_spool *s = NULL;
	struct zip_cache *cache = NULL;
	struct zip_fault fault;

	FUZZ_CHECK(spw_spool_new(&opts, &s) == 0);
	FUZZ_CHECK(zip_cache_new(SPW_UNLIMITED, NULL, &cache) == 0);
	struct zip_arrival *a = zip_arrival_new(s);
	FUZZ_CHECK(a);
	for (size_t sent = 0, n; sent < size; sent += n) {
		struct zip_index *ix = NULL;

		n = sent ? size - sent : (size + 1) / 2;
		FUZZ_CHECK(spw_spool_append(s, data + sent, n) == 0);
		int err = zip_arrival_look(a, cache, 1000, &ix, &fault);
		FUZZ_CHECK(err == 0 || err == -EBADMSG);
		if (ix)
			(void)list(ix->dir, 0);
		zip_index_unref(ix);
	}
	zip_arrival_free(a);
	zip_cache_free(cache);
	spw_spool_unref(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > INPUT_MAX)
		return 0;

	FUZZ_CHECK(read_all(data, size, false) == read_all(data, size, true));
	arrive(data, size);
	return 0;
}
