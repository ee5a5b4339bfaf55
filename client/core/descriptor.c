/* SPDX-License-Identifier: MIT */
#include "core/descriptor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/error.h"
#include "core/ref.h"

static const char *const state_names[] = {
    [SPWC_RECEIVING] = "receiving",
    [SPWC_READY] = "ready",
    [SPWC_FAILED] = "failed",
};
enum { STATES = sizeof(state_names) / sizeof(*state_names) };

const char *spwc_state_name(enum spwc_state state)
{
	return (unsigned int)state < STATES ? state_names[state] : "unknown";
}

void spwc_file_fini(struct spwc_file *file)
{
	free(file->id);
	free(file->name);
	free(file->type);
	free(file->etag);
	free(file->json);
	*file = (struct spwc_file){0};
}

static int copy_string(const json_t *json, const char *key, char **ret_text)
{
	const char *text = json_string_value(json_object_get(json, key));

	if (text == NULL)
		return 0;

	char *copy = strdup(text);
	if (copy == NULL)
		return -ENOMEM;

	*ret_text = copy;
	return 0;
}

static uint64_t number(const json_t *json, const char *key)
{
	const json_t *value = json_object_get(json, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return SPWC_UNKNOWN;
	return (uint64_t)json_integer_value(value);
}

/* Seconds since 1970 of "2026-11-21T06:00:00Z"; fractions are dropped. */
static uint64_t timestamp(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));
	struct tm tm = {0};

	if (text == NULL)
		return SPWC_UNKNOWN;

	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (end == NULL)
		return SPWC_UNKNOWN;
	if (*end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	if (strcmp(end, "Z") != 0)
		return SPWC_UNKNOWN;

	time_t seconds = timegm(&tm);
	return seconds < 0 ? SPWC_UNKNOWN : (uint64_t)seconds;
}

static int parse_state(const json_t *json, enum spwc_state *ret_state)
{
	const char *text = json_string_value(json_object_get(json, "state"));

	for (int i = 0; text != NULL && i < STATES; i++) {
		if (strcmp(text, state_names[i]) == 0) {
			*ret_state = (enum spwc_state)i;
			return 0;
		}
	}
	return -EPROTO;
}

static int copy_strings(const json_t *json, struct spwc_file *file)
{
	int r = copy_string(json, "id", &file->id);
	if (r == 0)
		r = copy_string(json, "name", &file->name);
	if (r == 0)
		r = copy_string(json, "type", &file->type);
	if (r == 0)
		r = copy_string(json, "etag", &file->etag);
	if (r < 0)
		return r;

	if (file->id == NULL || !spwc__id_valid(file->id))
		return -EPROTO;

	file->json = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII);
	return file->json != NULL ? 0 : -ENOMEM;
}

static void parse_failure(const json_t *json, struct spwc_file *file)
{
	const json_t *source = json_object_get(json, "source");
	const json_t *problem = json_object_get(source, "error");
	const json_t *status = json_object_get(problem, "status");
	json_int_t code = json_integer_value(status);

	if (code < 100 || code > 599)
		code = 502;
	spwc__error_from_json(&file->error, problem, (long)code);
	if (!json_is_object(problem))
		spwc__error_set(&file->error, -EPROTO, "unknown",
		    "the server did not say why");
	file->error.status = (int)code;
}

int spwc__file_from_json(const json_t *json, struct spwc_file *ret_file)
{
	struct spwc_file file = {0};

	int r = parse_state(json, &file.state);
	if (r < 0)
		return r;

	r = copy_strings(json, &file);
	if (r < 0) {
		spwc_file_fini(&file);
		return r;
	}

	file.size = number(json, "size");
	file.received = number(json, "received");
	if (file.received == SPWC_UNKNOWN)
		file.received = 0;
	file.created = timestamp(json, "created");
	file.expires = timestamp(json, "expires");
	if (file.state == SPWC_FAILED)
		parse_failure(json, &file);
	*ret_file = file;
	return 0;
}

/* The CRC comes as a number or as hexadecimal digits. */
static uint32_t parse_crc(const json_t *value)
{
	if (json_is_integer(value))
		return (uint32_t)json_integer_value(value);

	const char *text = json_string_value(value);
	return text != NULL ? (uint32_t)strtoul(text, NULL, 16) : 0;
}

/* The method comes as a word or as the number that the zip holds. */
static const char *parse_method(const json_t *value)
{
	const char *text = json_string_value(value);

	if (text != NULL)
		return text;
	if (!json_is_integer(value))
		return "?";
	switch (json_integer_value(value)) {
	case 0:
		return "stored";
	case 8:
		return "deflated";
	default:
		return "other";
	}
}

int spwc__entry_from_json(
    const json_t *json, struct spwc_zip_entry *ret_entry, char **ret_line)
{
	const json_t *name = json_object_get(json, "name");
	uint64_t index = number(json, "index");

	if (!json_is_string(name) || index == SPWC_UNKNOWN)
		return -EPROTO;

	char *line = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (line == NULL)
		return -ENOMEM;

	*ret_entry = (struct spwc_zip_entry){
	    .index = index,
	    .name = json_string_value(name),
	    .name_len = json_string_length(name),
	    .method = parse_method(json_object_get(json, "method")),
	    .modified = json_string_value(json_object_get(json, "modified")),
	    .size = number(json, "size"),
	    .compressed_size = number(json, "compressed_size"),
	    .crc32 = parse_crc(json_object_get(json, "crc32")),
	    .is_dir = json_is_true(json_object_get(json, "is_dir")),
	    .is_encrypted = json_is_true(json_object_get(json, "encrypted")),
	    .is_unsafe = json_is_true(json_object_get(json, "unsafe")),
	    .json = line,
	};
	*ret_line = line;
	return 0;
}
