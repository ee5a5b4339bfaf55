/* SPDX-License-Identifier: MIT */
#include "process/limits.h"

#include <fcntl.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "process/dirsize.h"

/* Of the time until the next look, looking takes one part. */
#define SHARE 20
/* A doubt is settled soon. */
#define DOUBT_MS 20

int limits_init(struct limits *l, const struct command *command,
    int content_fd, size_t processes)
{
	*l = (struct limits){
	    .command = command, .due_ms = clock_ms() + LIMITS_PAUSE_MS};
	return family_init(&l->family, processes, content_fd);
}

/* Whether less is free than is to be left for others. */
static bool is_disk_short(uint64_t keep_free)
{
	struct statvfs fs;

	return statvfs(".", &fs) == 0 &&
	       (uint64_t)fs.f_bavail * fs.f_frsize < keep_free;
}

static enum report_kind judge_directory(
    const struct limits *l, const struct family_usage *u)
{
	const struct conf_processor *p = l->command->conf;
	const struct dirsize max = {p->temp_max, p->temp_files_max};
	struct dirsize sum = {u->unnamed_bytes, u->unnamed_files};

	/* How large they are is not told, so there are to be few of them. */
	if (u->mapped_files > LIMITS_MAPPED_MAX)
		return REPORT_TEMP_MAPPED;
	if (dirsize_add(AT_FDCWD, &max, &sum) < 0 || sum.files > max.files)
		return REPORT_TEMP_FILES;
	if (sum.bytes > max.bytes)
		return REPORT_TEMP;
	/* Who writes nothing has no part in it. */
	return sum.bytes && is_disk_short(l->command->keep_free) ? REPORT_DISK
								 : REPORT_NONE;
}

static enum report_kind judge_memory(
    const struct limits *l, const struct family_usage *u)
{
	if (u->memory > l->command->conf->memory)
		return REPORT_MEMORY;
	if (u->hidden)
		return REPORT_HIDDEN;
	return u->mapped_memory > LIMITS_MAPPED_MAX ? REPORT_MEMORY_MAPPED
						    : REPORT_NONE;
}

static enum report_kind judge(
    struct limits *l, const struct family_usage *u)
{
	enum report_kind memory = judge_memory(l, u);
	bool doubted = l->doubted;

	if (u->cpu_ms > l->command->conf->cpu)
		return REPORT_CPU;
	/* Twice in a row: they change while they are added up, and at a vfork()
	   a kernel without kcmp() shows twice as much for a moment. */
	l->doubted = memory != REPORT_NONE;
	if (l->doubted && doubted)
		return memory;
	return judge_directory(l, u);
}

enum report_kind limits_look(struct limits *l, uint64_t now_ms)
{
	struct family_usage usage;

	if (now_ms < l->due_ms)
		return REPORT_NONE;

	family_look(&l->family, l->command->conf->memory, &usage);
	enum report_kind kind = judge(l, &usage);
	uint64_t after_ms = clock_ms();
	uint64_t pause_ms = (after_ms - now_ms) * SHARE;
	uint64_t least_ms = l->doubted ? DOUBT_MS : LIMITS_PAUSE_MS;
	l->due_ms = after_ms + (pause_ms > least_ms ? pause_ms : least_ms);
	return kind;
}

void limits_fini(struct limits *l)
{
	family_fini(&l->family);
}
