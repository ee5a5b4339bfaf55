/* SPDX-License-Identifier: MIT */
#include "spill/top.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "spill/text.h"

#define LINE_SIZE 256
/* Columns of the list of files, each with the space before it, and how much
 * there has to be for id and name together. */
#define ID_COLUMNS 24
#define RECEIVED_COLUMNS 11
#define SIZE_COLUMNS 11
#define STATE_COLUMNS 10
#define NAMES_MIN_COLUMNS 20

/* Which metric each number is, and what it is called in JSON. */
static const struct {
	const char *metric;
	const char *key;
	/** Only its change means something. */
	bool counter;
} numbers[TOP_NUMBERS] = {
    [TOP_MEMORY] = {"spillway_spool_bytes{tier=\"memory\"}", "memory_bytes",
	false},
    [TOP_MEMORY_BUDGET] = {"spillway_spool_memory_budget_bytes",
	"memory_budget_bytes", false},
    [TOP_DISK] = {"spillway_spool_bytes{tier=\"disk\"}", "disk_bytes", false},
    [TOP_DISK_FREE] = {"spillway_spool_disk_free_bytes", "disk_free_bytes",
	false},
    [TOP_IN] = {"spillway_received_bytes_total", "in_bytes_per_s", true},
    [TOP_OUT] = {"spillway_sent_bytes_total", "out_bytes_per_s", true},
    [TOP_FETCHED] = {"spillway_fetched_bytes_total", "fetched_bytes_per_s",
	true},
    [TOP_CONNECTIONS] = {"spillway_connections_open", "connections", false},
    [TOP_REQUESTS] = {"spillway_requests_active", "requests", false},
    [TOP_UPLOADS] = {"spillway_uploads_active", "uploads", false},
    [TOP_UPLOADS_OPEN] = {"spillway_uploads_open", "uploads_open", false},
    [TOP_FETCHES] = {"spillway_fetches_active", "fetches", false},
    [TOP_READERS] = {"spillway_readers_following", "readers_following", false},
    [TOP_RECEIVING] = {"spillway_files{state=\"receiving\"}", "files_receiving",
	false},
    [TOP_READY] = {"spillway_files{state=\"ready\"}", "files_ready", false},
    [TOP_FAILED] = {"spillway_files{state=\"failed\"}", "files_failed", false},
};

/* ---- taking ------------------------------------------------------------- */

void top_init(struct top *t, size_t wanted, uint64_t now_ms)
{
	*t = (struct top){
	    .at_ms = now_ms,
	    .wanted = wanted < TOP_FILES_MAX ? wanted : TOP_FILES_MAX,
	};
	for (size_t i = 0; i < TOP_NUMBERS; i++)
		t->number[i] = -1;
}

static void free_file(struct top_file *f)
{
	free(f->id);
	free(f->name);
}

void top_fini(struct top *t)
{
	for (size_t i = 0; i < t->count; i++)
		free_file(&t->files[i]);
	t->count = 0;
}

int top_take_metric(void *arg, const struct spwc_metric *metric)
{
	struct top *t = arg;

	for (size_t i = 0; i < TOP_NUMBERS; i++) {
		if (strcmp(metric->name, numbers[i].metric) == 0)
			t->number[i] = metric->value;
	}
	return 0;
}

static bool comes_before(const struct spwc_file *a, const struct top_file *b)
{
	bool a_moves = a->state == SPWC_RECEIVING;
	bool b_moves = b->state == SPWC_RECEIVING;

	return a_moves != b_moves ? a_moves : a->received > b->received;
}

int top_take_file(void *arg, const struct spwc_file *file)
{
	struct top *t = arg;
	size_t at = t->count;

	while (at > 0 && comes_before(file, &t->files[at - 1]))
		at--;
	if (at == t->wanted)
		return 0;

	struct top_file f = {
	    .id = strdup(file->id),
	    .name = strdup(file->name != NULL ? file->name : "-"),
	    .state = file->state,
	    .size = file->size,
	    .received = file->received,
	};
	if (f.id == NULL || f.name == NULL) {
		free_file(&f);
		return -ENOMEM;
	}
	if (t->count == t->wanted)
		free_file(&t->files[--t->count]);
	memmove(&t->files[at + 1], &t->files[at],
	    (t->count - at) * sizeof(*t->files));
	t->files[at] = f;
	t->count++;
	return 0;
}

/* ---- printing ----------------------------------------------------------- */

/* What a number is now, or how fast it grows; negative when not known. */
static double value(
    const struct top *t, const struct top *before, enum top_number n)
{
	double now = t->number[n];

	if (!numbers[n].counter || now < 0)
		return now;
	if (before == NULL || before->number[n] < 0 ||
	    now < before->number[n] || t->at_ms <= before->at_ms)
		return -1;
	return (now - before->number[n]) * 1000 /
	       (double)(t->at_ms - before->at_ms);
}

static uint64_t whole(double n)
{
	return n < 0 ? SPWC_UNKNOWN : (uint64_t)n;
}

static void size_text(char buf[TEXT_NUMBER_SIZE], double n)
{
	text_size(buf, whole(n));
}

static void count_text(char buf[TEXT_NUMBER_SIZE], double n)
{
	if (n < 0)
		snprintf(buf, TEXT_NUMBER_SIZE, "-");
	else
		snprintf(buf, TEXT_NUMBER_SIZE, "%" PRIu64, whole(n));
}

/* No line is longer than the terminal is wide, of whose old line nothing
 * stays; no character is cut in two. */
static void put_line(FILE *out, const char *line, size_t width)
{
	size_t n = strlen(line);

	if (width == 0) {
		fprintf(out, "%s\n", line);
		return;
	}
	if (n >= width) {
		n = width - 1;
		while (n > 0 && ((unsigned char)line[n] & 0xc0) == 0x80)
			n--;
	}
	fprintf(out, "%.*s\033[K\n", (int)n, line);
}

static void print_sizes(
    FILE *out, const struct top *t, const struct top *before, size_t width)
{
	char line[LINE_SIZE];
	char a[TEXT_NUMBER_SIZE];
	char b[TEXT_NUMBER_SIZE];
	char c[TEXT_NUMBER_SIZE];

	size_text(a, t->number[TOP_MEMORY]);
	size_text(b, t->number[TOP_MEMORY_BUDGET]);
	snprintf(line, sizeof(line), "memory     %s of %s", a, b);
	put_line(out, line, width);
	size_text(a, t->number[TOP_DISK]);
	size_text(b, t->number[TOP_DISK_FREE]);
	snprintf(line, sizeof(line), "disk       %s, %s free", a, b);
	put_line(out, line, width);
	size_text(a, value(t, before, TOP_IN));
	size_text(b, value(t, before, TOP_OUT));
	size_text(c, value(t, before, TOP_FETCHED));
	snprintf(line, sizeof(line), "a second   in %s, out %s, fetched %s", a,
	    b, c);
	put_line(out, line, width);
}

static void print_counts(FILE *out, const struct top *t, size_t width)
{
	char line[LINE_SIZE];
	char n[TOP_NUMBERS][TEXT_NUMBER_SIZE];

	for (size_t i = 0; i < TOP_NUMBERS; i++)
		count_text(n[i], t->number[i]);
	snprintf(line, sizeof(line),
	    "now        uploads %s, fetches %s, readers following %s, requests "
	    "%s on %s connections",
	    n[TOP_UPLOADS], n[TOP_FETCHES], n[TOP_READERS], n[TOP_REQUESTS],
	    n[TOP_CONNECTIONS]);
	put_line(out, line, width);
	snprintf(line, sizeof(line),
	    "files      %s receiving, %s ready, %s failed; %s uploads can go "
	    "on",
	    n[TOP_RECEIVING], n[TOP_READY], n[TOP_FAILED], n[TOP_UPLOADS_OPEN]);
	put_line(out, line, width);
}

/* The columns that there is room for. Names need some, and get what is left;
 * the size is known once all was received, and a state can be guessed. */
struct columns {
	size_t width;
	/** Of the id: at least, and at most. */
	int id;
	int id_max;
	bool size;
	bool state;
};

static struct columns columns_for(size_t width)
{
	struct columns c = {width, ID_COLUMNS, SPWC_ID_MAX, true, true};
	size_t rest = RECEIVED_COLUMNS + SIZE_COLUMNS + STATE_COLUMNS + 2;

	if (width == 0)
		return c;
	if (width < rest + NAMES_MIN_COLUMNS) {
		c.size = false;
		rest -= SIZE_COLUMNS;
	}
	if (width < rest + NAMES_MIN_COLUMNS) {
		c.state = false;
		rest -= STATE_COLUMNS;
	}
	if (width < rest + 2 * ID_COLUMNS) {
		c.id = width > rest ? (int)(width - rest) / 2 : 1;
		c.id_max = c.id;
	}
	return c;
}

static void print_row(FILE *out, const struct columns *c, const char *id,
    const char *received, const char *size, const char *state, const char *name)
{
	char line[LINE_SIZE * 3];
	char middle[LINE_SIZE] = "";
	size_t n = 0;

	if (c->size)
		n = (size_t)snprintf(middle, sizeof(middle), " %10s", size);
	if (c->state)
		snprintf(middle + n, sizeof(middle) - n, " %-9s", state);
	snprintf(line, sizeof(line), "%-*.*s %10s%s %s", c->id, c->id_max, id,
	    received, middle, name);
	put_line(out, line, c->width);
}

static void print_file(
    FILE *out, const struct top_file *f, const struct columns *c)
{
	char name[LINE_SIZE];
	char received[TEXT_NUMBER_SIZE];
	char size[TEXT_NUMBER_SIZE];

	text_escape(name, sizeof(name), f->name);
	text_size(received, f->received);
	text_size(size, f->size);
	print_row(
	    out, c, f->id, received, size, spwc_state_name(f->state), name);
}

void top_print(FILE *out, const struct top *t, const struct top *before,
    size_t width, size_t lines)
{
	const struct columns c = columns_for(width);
	size_t room = lines > 7 ? lines - 7 : 0;

	print_sizes(out, t, before, width);
	print_counts(out, t, width);
	if (t->count == 0)
		return;
	put_line(out, "", width);
	print_row(out, &c, "ID", "RECEIVED", "SIZE", "STATE", "NAME");
	for (size_t i = 0; i < t->count && (lines == 0 || i < room); i++)
		print_file(out, &t->files[i], &c);
}

static json_t *number_json(double n)
{
	return n < 0 ? json_null() : json_integer((json_int_t)n);
}

static json_t *file_json(const struct top_file *f)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:o}", "id", f->id, "name",
	    f->name, "state", spwc_state_name(f->state), "received",
	    (json_int_t)f->received, "size",
	    f->size == SPWC_UNKNOWN ? json_null()
				    : json_integer((json_int_t)f->size));
}

int top_print_json(FILE *out, const struct top *t, const struct top *before)
{
	json_t *json = json_object();
	json_t *files = json_array();
	int bad = json == NULL || files == NULL;

	for (size_t i = 0; i < TOP_NUMBERS && !bad; i++)
		bad |= json_object_set_new(json, numbers[i].key,
		    number_json(value(t, before, (enum top_number)i)));
	for (size_t i = 0; i < t->count && !bad; i++)
		bad |= json_array_append_new(files, file_json(&t->files[i]));
	if (!bad) {
		bad |= json_object_set(json, "files", files);
		bad |= json_dumpf(json, out, JSON_COMPACT | JSON_ENSURE_ASCII);
		fputc('\n', out);
	}
	json_decref(files);
	json_decref(json);
	return bad ? -ENOMEM : 0;
}
