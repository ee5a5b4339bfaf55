/* SPDX-License-Identifier: MIT */
#include "spill/options.h"

#include <assert.h>
#include <string.h>

/* Columns before the help of an option. */
#define INDENT 23

void option_set_add(struct option_set *set, const struct option_row *rows)
{
	size_t shorts = strlen(set->shorts);

	for (; rows != NULL && rows->name != NULL; rows++) {
		assert(set->count < OPTIONS_MAX - 1);
		set->longs[set->count++] = (struct option){
		    .name = rows->name,
		    .has_arg = rows->value == NULL ? no_argument
			       : rows->optional	   ? optional_argument
						   : required_argument,
		    .val = rows->id,
		};
		if (rows->id >= OPTION_FIRST)
			continue;
		set->shorts[shorts++] = (char)rows->id;
		if (rows->value != NULL)
			set->shorts[shorts++] = ':';
	}
}

/* "  -o, --output FILE", and how many columns that takes. */
static int print_name(FILE *out, const struct option_row *row)
{
	const char *value = row->value != NULL ? row->value : "";
	const char *between = row->value == NULL ? ""
			      : row->optional	 ? "[="
						 : " ";
	const char *after = row->optional ? "]" : "";

	if (row->id < OPTION_FIRST)
		return fprintf(out, "  -%c, --%s%s%s%s", row->id, row->name,
		    between, value, after);
	return fprintf(
	    out, "      --%s%s%s%s", row->name, between, value, after);
}

void option_print(FILE *out, const struct option_row *rows)
{
	for (; rows != NULL && rows->name != NULL; rows++) {
		const char *help = rows->help;
		int columns = print_name(out, rows);

		if (columns > INDENT - 2) {
			fputc('\n', out);
			columns = 0;
		}
		while (*help != '\0') {
			size_t n = strcspn(help, "\n");

			fprintf(out, "%*s%.*s\n", INDENT - columns, "", (int)n,
			    help);
			columns = 0;
			help += n + (help[n] == '\n');
		}
	}
}

const struct command *command_find(const char *name)
{
	for (const struct command *const *c = command_table; *c != NULL; c++) {
		if (strcmp((*c)->name, name) == 0)
			return *c;
	}
	return NULL;
}
