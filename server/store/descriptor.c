/* SPDX-License-Identifier: MIT */
#include "store/descriptor.h"

#include <stdio.h>

#include "common/httpdate.h"

const char *descriptor_state_name(enum file_state state)
{
	switch (state) {
	case FILE_READY:
		return "ready";
	case FILE_FAILED:
		return "failed";
	default:
		return "receiving";
	}
}

static const char *source_name(enum file_source source)
{
	switch (source) {
	case FILE_FROM_FORM:
		return "form";
	case FILE_FROM_TUS:
		return "tus";
	case FILE_FROM_IETF:
		return "ietf";
	case FILE_FROM_FETCH:
		return "fetch";
	case FILE_FROM_ZIP:
		return "zip";
	case FILE_FROM_PROCESS:
		return "process";
	default:
		return "upload";
	}
}

static void write_time(struct json *j, const char *key, int64_t unix_ms)
{
	char text[RFC3339_SIZE];

	if (!unix_ms) {
		json_null(j, key);
		return;
	}
	rfc3339_format(unix_ms / 1000, text);
	json_string(j, key, text);
}

/* What nobody has read yet is elsewhere. */
static bool is_remote(const struct file *f)
{
	return file_state(f) == FILE_RECEIVING && atomic_load(&f->lazy);
}

/* Whatever brought it to disk first, that is why it stays there: so a file
   says the same of itself before and after a restart. */
static bool is_durable(
    const struct file *f, const struct spw_spool_info *info)
{
	return info->spilled != SPW_SPILL_NONE && atomic_load(&f->kept);
}

static void write_storage(
    struct json *j, struct file *f, const struct spw_spool_info *info)
{
	static const char *const why[] = {
	    [SPW_SPILL_LIMIT] = "limit",
	    [SPW_SPILL_BUDGET] = "budget",
	    [SPW_SPILL_FORCED] = "forced",
	};
	const char *tier = info->spilled == SPW_SPILL_NONE ? "memory" : "disk";

	if (is_remote(f))
		tier = "remote";
	json_object_begin(j, "storage");
	json_string(j, "tier", tier);
	json_uint(j, "memory_bytes", info->memory_bytes);
	json_uint(j, "disk_bytes", info->disk_bytes);
	json_string(j, "spilled",
	    is_durable(f, info) ? "durable" : why[info->spilled]);
	json_object_end(j);
}

static const char *reason_of(
    const struct file *f, const struct spw_spool_info *info)
{
	if (is_remote(f))
		return "Only what is read of it is fetched from its origin.";
	if (is_durable(f, info))
		return "store.durability has it survive the daemon.";
	switch (info->spilled) {
	case SPW_SPILL_LIMIT:
		return "It is longer than spool.memory_max.";
	case SPW_SPILL_BUDGET:
		return "Memory was short: all files together had reached "
		       "spool.memory_budget, and this one made room.";
	case SPW_SPILL_FORCED:
		return "It was needed as a file.";
	default:
		return "It is no longer than spool.memory_max, and "
		       "spool.memory_budget has had room for it.";
	}
}

static void write_placement(
    struct json *j, struct file *f, const struct spw_spool_info *info)
{
	uint64_t size = atomic_load(&f->size);
	const char *medium =
	    info->spilled == SPW_SPILL_NONE ? "memory" : "file";

	json_object_begin(j, "placement");
	json_string(j, "medium", info->packed ? "segment" : medium);
	json_uint(j, "holes", info->holes);
	if (size == FILE_SIZE_UNKNOWN)
		json_null(j, "missing_bytes");
	else
		json_uint(j, "missing_bytes",
		    size > info->present ? size - info->present : 0);
	json_string(j, "reason", reason_of(f, info));
	json_object_end(j);
}

static void write_source(struct json *j, struct file *f)
{
	struct failure e;
	char type[80];

	json_object_begin(j, "source");
	json_string(j, "kind", source_name(f->source));
	json_string(j, "url", f->url);
	/* Whether all came that the origin has, or it may be cut off. */
	if (f->source == FILE_FROM_FETCH && file_state(f) == FILE_READY)
		json_bool(j, "verified", !atomic_load(&f->unverified));
	if (file_error(f, &e)) {
		snprintf(type, sizeof(type), "/problems/%s", e.type);
		json_object_begin(j, "error");
		json_string(j, "type", type);
		json_string(j, "title", e.title);
		json_int(j, "status", e.status);
		json_string(j, "detail", e.detail);
		if (e.word)
			json_string(j, "error", e.word);
		if (e.said[0])
			json_string(j, "stderr", e.said);
		json_object_end(j);
	} else {
		json_null(j, "error");
	}
	json_object_end(j);
}

static void write_digests(struct json *j, struct file *f)
{
	struct digest_set set;
	char text[2 * DIGEST_BYTES_MAX + 1];

	if (!file_digests(f, &set)) {
		json_null(j, "digest");
		return;
	}
	json_object_begin(j, "digest");
	for (unsigned i = 0; i < DIGEST_COUNT; i++) {
		enum digest_alg alg = (enum digest_alg)i;

		if (!(set.have & DIGEST_BIT(i)))
			continue;
		hex_encode(set.value[i], digest_alg_size(alg), text);
		json_string(j, digest_alg_name(alg), text);
	}
	json_object_end(j);
}

static void write_links(struct json *j, const struct file *f)
{
	char path[ID_LEN_MAX + 32];
	int n = snprintf(path, sizeof(path), "/files/%s", f->id);

	json_object_begin(j, "links");
	json_string(j, "self", path);
	snprintf(path + n, sizeof(path) - (size_t)n, "/info");
	json_string(j, "info", path);
	snprintf(path + n, sizeof(path) - (size_t)n, "/zip");
	json_string(j, "zip", path);
	json_object_end(j);
}

static void write_all(
    struct json *j, const char *key, struct file *f, bool placed)
{
	enum file_state state = file_state(f);
	uint64_t size = atomic_load(&f->size);
	char name[FILE_NAME_SIZE], type[FILE_TYPE_SIZE];
	struct spw_spool *spool = f->spool;
	/* Kept, and not open. */
	struct spw_spool_info info = {
	    .present = size,
	    .disk_bytes = size,
	    .spilled = SPW_SPILL_FORCED,
	};

	if (spool)
		spw_spool_info(spool, &info);
	json_object_begin(j, key);
	json_string(j, "id", f->id);
	json_string(j, "state", descriptor_state_name(state));
	json_string(j, "name", file_name(f, name) ? name : NULL);
	json_string(
	    j, "type", file_type(f, type) ? type : "application/octet-stream");
	if (size == FILE_SIZE_UNKNOWN)
		json_null(j, "size");
	else
		json_uint(j, "size", size);
	json_uint(j, "received", info.present);
	json_string(j, "etag", file_fixed(f) ? f->etag : NULL);
	write_digests(j, f);
	write_time(j, "created", f->created_ms);
	write_time(j, "expires", f->expires_ms);
	write_storage(j, f, &info);
	write_source(j, f);
	write_links(j, f);
	if (placed)
		write_placement(j, f, &info);
	json_object_end(j);
}

void descriptor_write(struct json *j, const char *key, struct file *f)
{
	write_all(j, key, f, false);
}

void descriptor_write_placed(struct json *j, struct file *f)
{
	write_all(j, NULL, f, true);
}
