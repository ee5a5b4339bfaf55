/* SPDX-License-Identifier: MIT */
/* What shells complete, out of the table of commands and options. */
#include <string.h>

#include "spill/options.h"

static bool names_files(const char *words)
{
	return words != NULL &&
	       (strcmp(words, "<file>") == 0 || strcmp(words, "<dir>") == 0);
}

static void put_words(FILE *out, const struct option_row *rows)
{
	for (; rows != NULL && rows->name != NULL; rows++) {
		if (rows->id < OPTION_FIRST)
			fprintf(out, " -%c", rows->id);
		fprintf(out, " --%s", rows->name);
	}
}

/* The help of an option or a command in one line, between single quotes:
 * `quote` is one in there, and what is in `special` gets a backslash. */
static void put_line(
    FILE *out, const char *text, const char *quote, const char *special)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			fputs(quote, out);
		else if (strchr(special, *text) != NULL)
			fprintf(out, "\\%c", *text);
		else
			fputc(*text == '\n' ? ' ' : *text, out);
	}
}

/* ---- bash --------------------------------------------------------------- */

/* The rest of a case: what a word is completed with. */
static void bash_value(FILE *out, const char *words)
{
	if (names_files(words))
		fputs(") compopt -o default ;;\n", out);
	else if (words != NULL)
		fprintf(out,
		    ") COMPREPLY=($(compgen -W '%s' -- \"$cur\")) ;;\n", words);
	else
		fputs(") ;;\n", out);
}

/* Options that take a word: which, and what completes it. */
static void bash_values(FILE *out, const struct option_row *rows)
{
	for (; rows != NULL && rows->name != NULL; rows++) {
		if (rows->value == NULL || rows->optional)
			continue;
		fprintf(out, "\t\t--%s", rows->name);
		if (rows->id < OPTION_FIRST)
			fprintf(out, " | -%c", rows->id);
		bash_value(out, rows->words);
	}
}

/* After the options: those that take a word, then all, then no options. */
static void bash_cases(FILE *out, const struct option_row *rows)
{
	fputs(" '$globals\n\t\tcase $prev in\n", out);
	bash_values(out, rows);
	bash_values(out, option_globals);
	fputs("\t\t*) case $cur in\n"
	      "\t\t\t-*) COMPREPLY=($(compgen -W \"$options\" -- \"$cur\")) "
	      ";;\n\t\t\t*",
	    out);
}

static void bash_command(FILE *out, const struct command *c)
{
	fprintf(out, "\t%s)\n\t\toptions='", c->name);
	put_words(out, c->options);
	bash_cases(out, c->options);
	bash_value(out, c->words);
	fputs("\t\t\tesac ;;\n\t\tesac ;;\n", out);
}

/* bash breaks words at ':' and '=' as well: they are put together again, and
 * --option=value is taken apart as if it were two. */
static const char bash_start[] =
    "_spill()\n{\n"
    "\tlocal words=() word rest=${COMP_LINE:0:COMP_POINT}\n"
    "\tfor word in \"${COMP_WORDS[@]:0:COMP_CWORD+1}\"; do\n"
    "\t\tif [[ ${#words[@]} -gt 0 && $rest != [[:blank:]]* ]]; then\n"
    "\t\t\twords[-1]+=$word\n"
    "\t\telse\n"
    "\t\t\twords+=(\"$word\")\n"
    "\t\tfi\n"
    "\t\trest=${rest#*\"$word\"}\n"
    "\tdone\n"
    "\tlocal cur=${words[-1]} prev=${words[-2]} joined=\n"
    "\tif [[ $cur == --*=* ]]; then\n"
    "\t\tprev=${cur%%=*} cur=${cur#*=}\n"
    "\t\t[[ $COMP_WORDBREAKS == *=* ]] || joined=$prev=\n"
    "\tfi\n"
    "\tlocal command= skip= options i globals='";

static void put_bash(FILE *out)
{
	fputs("# bash completion of spill(1), made by 'spill completion "
	      "bash'.\n",
	    out);
	fputs(bash_start, out);
	put_words(out, option_globals);
	fputs("'\n\tfor ((i = 1; i < ${#words[@]} - 1; i++)); do\n"
	      "\t\tif [[ $skip ]]; then\n\t\t\tskip=\n\t\t\tcontinue\n\t\tfi\n"
	      "\t\tcase ${words[i]} in\n",
	    out);
	for (const struct option_row *o = option_globals; o->name != NULL;
	     o++) {
		if (o->value != NULL)
			fprintf(out, "\t\t--%s) skip=1 ;;\n", o->name);
	}
	fputs("\t\t-*) ;;\n\t\t*)\n\t\t\tcommand=${words[i]}\n"
	      "\t\t\tbreak\n\t\t\t;;\n\t\tesac\n\tdone\n"
	      "\tCOMPREPLY=()\n\tcase $command in\n",
	    out);
	for (const struct command *const *c = command_table; *c != NULL; c++)
		bash_command(out, *c);
	fputs("\t'')\n\t\toptions='--version", out);
	bash_cases(out, NULL);
	fputs(") COMPREPLY=($(compgen -W '", out);
	for (const struct command *const *c = command_table; *c != NULL; c++)
		fprintf(out, " %s", (*c)->name);
	fputs("' -- \"$cur\")) ;;\n\t\t\tesac ;;\n\t\tesac ;;\n\tesac\n"
	      "\tCOMPREPLY=(\"${COMPREPLY[@]/#/$joined}\")\n}\n"
	      "complete -F _spill spill\n",
	    out);
}

/* ---- zsh ---------------------------------------------------------------- */

static void zsh_value(FILE *out, const char *words)
{
	if (names_files(words))
		fputs("_files", out);
	else if (words != NULL)
		fprintf(out, "(%s)", words);
}

static void zsh_options(FILE *out, const struct option_row *rows)
{
	for (; rows != NULL && rows->name != NULL; rows++) {
		fputs(" \\\n\t\t\t", out);
		if (rows->id < OPTION_FIRST)
			fprintf(out, "'(-%c --%s)'{-%c%s,--%s%s}'[", rows->id,
			    rows->name, rows->id,
			    rows->value != NULL ? "+" : "", rows->name,
			    rows->value != NULL ? "=" : "");
		else
			fprintf(out, "'--%s%s[", rows->name,
			    rows->value == NULL ? ""
			    : rows->optional	? "=-"
						: "=");
		put_line(out, rows->help, "'\\''", "[]");
		fputc(']', out);
		if (rows->value != NULL) {
			fprintf(out, "%s%s:", rows->optional ? "::" : ":",
			    rows->value);
			zsh_value(out, rows->words);
		}
		fputc('\'', out);
	}
}

static void zsh_command(FILE *out, const struct command *c)
{
	fprintf(out, "\t\t%s) _arguments $globals", c->name);
	zsh_options(out, c->options);
	fputs(" \\\n\t\t\t'*:argument:", out);
	zsh_value(out, c->words);
	fputs("' ;;\n", out);
}

static void put_zsh(FILE *out)
{
	fputs("#compdef spill\n"
	      "# zsh completion of spill(1), made by 'spill completion zsh'.\n"
	      "_spill() {\n\tlocal state\n\tlocal -a commands globals\n"
	      "\tglobals=(",
	    out);
	zsh_options(out, option_globals);
	fputs("\n\t)\n\t_arguments -C $globals "
	      "'--version[print the version]' \\\n"
	      "\t\t'1: :->command' '*:: :->argument'\n"
	      "\tcase $state in\n\tcommand)\n\t\tcommands=(\n",
	    out);
	for (const struct command *const *c = command_table; *c != NULL; c++) {
		fprintf(out, "\t\t\t'%s:", (*c)->name);
		put_line(out, (*c)->summary, "'\\''", ":");
		fputs("'\n", out);
	}
	fputs("\t\t)\n\t\t_describe command commands\n\t\t;;\n"
	      "\targument)\n\t\tcase $words[1] in\n",
	    out);
	for (const struct command *const *c = command_table; *c != NULL; c++)
		zsh_command(out, *c);
	fputs("\t\tesac\n\t\t;;\n\tesac\n}\n_spill \"$@\"\n", out);
}

/* ---- fish --------------------------------------------------------------- */

static void fish_options(
    FILE *out, const struct option_row *rows, const char *command)
{
	for (; rows != NULL && rows->name != NULL; rows++) {
		fputs("complete -c spill", out);
		if (command != NULL)
			fprintf(out, " -n '__fish_seen_subcommand_from %s'",
			    command);
		if (rows->id < OPTION_FIRST)
			fprintf(out, " -s %c", rows->id);
		fprintf(out, " -l %s", rows->name);
		if (rows->value != NULL && !rows->optional)
			fputs(names_files(rows->words) ? " -rF" : " -x", out);
		if (rows->words != NULL && !names_files(rows->words))
			fprintf(out, " -a '%s'", rows->words);
		fputs(" -d '", out);
		put_line(out, rows->help, "\\'", "\\");
		fputs("'\n", out);
	}
}

static void put_fish(FILE *out)
{
	fputs("# fish completion of spill(1), made by 'spill completion "
	      "fish'.\ncomplete -c spill -f\n"
	      "complete -c spill -n __fish_use_subcommand -l version "
	      "-d 'print the version'\n",
	    out);
	fish_options(out, option_globals, NULL);
	for (const struct command *const *c = command_table; *c != NULL; c++) {
		fprintf(out,
		    "complete -c spill -n __fish_use_subcommand -a %s "
		    "-d '",
		    (*c)->name);
		put_line(out, (*c)->summary, "\\'", "\\");
		fputs("'\n", out);
		fish_options(out, (*c)->options, (*c)->name);
		if ((*c)->words == NULL)
			continue;
		fprintf(out,
		    "complete -c spill -n '__fish_seen_subcommand_from %s'",
		    (*c)->name);
		if (names_files((*c)->words))
			fputs(" -F\n", out);
		else
			fprintf(out, " -a '%s'\n", (*c)->words);
	}
}

bool completion_print(FILE *out, const char *shell)
{
	static const struct {
		const char *name;
		void (*put)(FILE *out);
	} shells[] = {{"bash", put_bash}, {"zsh", put_zsh}, {"fish", put_fish}};

	for (size_t i = 0; i < sizeof(shells) / sizeof(*shells); i++) {
		if (strcmp(shell, shells[i].name) == 0) {
			shells[i].put(out);
			return true;
		}
	}
	return false;
}
