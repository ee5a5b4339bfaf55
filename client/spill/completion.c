/* SPDX-License-Identifier: MIT */
/* What shells complete, out of the table of commands and options. */
#include <string.h>

#include "spill/options.h"

/* Asks for ids that begin with a word of the shell's. Shells run it with the
 * options that say which server, have what it finds in 2 s, and are silent
 * where that is nothing. */
#define LIST_IDS(word) \
	"--retries 0 ls -n 1000 \"--prefix=" word "\" 2>/dev/null </dev/null"

static bool names_files(const char *words)
{
	return words != NULL &&
	       (strcmp(words, "<file>") == 0 || strcmp(words, "<dir>") == 0);
}

/* The function of the shell that completes with what is not known here. */
static const char *asker(const char *words)
{
	if (words == NULL || words[0] != '<' || names_files(words))
		return NULL;
	return strcmp(words, "<id>") == 0 ? "_spill_ids" : "_spill_any";
}

static bool takes_word(const struct option_row *row)
{
	return row->value != NULL && !row->optional;
}

/* The options of a table that take a word, each with `before` and `after`. */
static void put_takers(FILE *out, const struct option_row *rows,
    const char *before, const char *after)
{
	for (; rows != NULL && rows->name != NULL; rows++) {
		if (!takes_word(rows))
			continue;
		fprintf(out, "%s--%s%s", before, rows->name, after);
		if (rows->id < OPTION_FIRST)
			fprintf(out, "%s-%c%s", before, rows->id, after);
	}
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
	else if (asker(words) != NULL)
		fprintf(out, ") %s ;;\n", asker(words));
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
		if (!takes_word(rows))
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
	if (c->others > 0)
		fprintf(out, ") [[ $count -ge %u ]] && %s ;;\n", c->others,
		    asker(c->words));
	else
		bash_value(out, c->words);
	fputs("\t\t\tesac ;;\n\t\tesac ;;\n", out);
}

/* What a server says may hold what the shell would run: by compgen -W, or once
 * it is in the line. A name without a slash is an id to spill, so files get
 * one. */
static const char bash_askers[] =
    "_spill_ids()\n{\n\tlocal id rest\n"
    "\twhile read -r id rest; do\n"
    "\t\t[[ $id == \"$cur\"* && $id != *[!A-Za-z0-9._~-]* ]] &&\n"
    "\t\t\tCOMPREPLY+=(\"$id\")\n"
    "\tdone < <(timeout 2 \"$spill\" \"${given[@]}\" " LIST_IDS(
	"$cur") ")\n}\n"
    "_spill_any()\n{\n\tlocal file\n\t_spill_ids\n"
    "\twhile IFS= read -r file; do\n"
    "\t\t[[ $file == */* ]] || file=./$file\n"
    "\t\tCOMPREPLY+=(\"$file\")\n"
    "\tdone < <(compgen -f -- \"$cur\")\n"
    "\tcompopt -o filenames\n}\n";

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
    "\tlocal spill=${1:-spill} command= skip= count=0 given=() options i\n"
    "\tlocal globals='";

/* Finds the command, how many arguments follow it, and what is said of the
 * server. */
static void bash_look(FILE *out)
{
	fputs("'\n\tfor ((i = 1; i < ${#words[@]} - 1; i++)); do\n"
	      "\t\tif [[ $skip ]]; then\n"
	      "\t\t\t[[ $skip == given ]] && given+=(\"${words[i]}\")\n"
	      "\t\t\tskip=\n\t\t\tcontinue\n\t\tfi\n"
	      "\t\tcase ${words[i]} in\n",
	    out);
	put_takers(out, option_globals, "\t\t",
	    ") given+=(\"${words[i]}\") skip=given ;;\n");
	put_takers(out, option_globals, "\t\t",
	    "=*) given+=(\"${words[i]}\") ;;\n");
	for (const struct command *const *c = command_table; *c != NULL; c++)
		put_takers(out, (*c)->options, "\t\t", ") skip=value ;;\n");
	fputs("\t\t-*) ;;\n"
	      "\t\t*) [[ $command ]] && ((count++))\n"
	      "\t\t\tcommand=${command:-${words[i]}} ;;\n"
	      "\t\tesac\n\tdone\n",
	    out);
}

static void put_bash(FILE *out)
{
	fputs("# bash completion of spill(1), made by 'spill completion "
	      "bash'.\n",
	    out);
	fputs(bash_askers, out);
	fputs(bash_start, out);
	put_words(out, option_globals);
	bash_look(out);
	fputs("\tCOMPREPLY=()\n\tcase $command in\n", out);
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
	else if (asker(words) != NULL)
		fputs(asker(words), out);
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
	for (unsigned int i = 1; i <= c->others; i++)
		fprintf(out, " \\\n\t\t\t'%u:argument: '", i);
	fputs(" \\\n\t\t\t'*:argument:", out);
	zsh_value(out, c->words);
	fputs("' ;;\n", out);
}

/* A name without a slash is an id to spill, so files get one. */
static const char zsh_askers[] =
    "_spill_ids() {\n\tlocal -a ids\n"
    "\tids=(${${(f)\"$(timeout 2 $spill $given " LIST_IDS(
	"${(Q)PREFIX}") ")\"}%% *})\n"
    "\tcompadd -a ids\n}\n"
    "_spill_any() {\n\t_spill_ids\n"
    "\tif [[ $PREFIX == */* ]]; then\n\t\t_files\n"
    "\telse\n\t\t_files -P ./\n\tfi\n}\n";

/* Finds what is said of the server, before words are taken apart. */
static void zsh_look(FILE *out)
{
	fputs("\tlocal spill=$words[1] i\n\tlocal -a given\n"
	      "\tfor ((i = 2; i < CURRENT; i++)); do\n"
	      "\t\tcase $words[i] in\n",
	    out);
	put_takers(out, option_globals, "\t\t",
	    ") given+=($words[i] ${(Q)words[++i]}) ;;\n");
	put_takers(out, option_globals, "\t\t",
	    "=*) given+=(${(Q)words[i]}) ;;\n");
	fputs("\t\tesac\n\tdone\n", out);
}

static void put_zsh(FILE *out)
{
	fputs("#compdef spill\n"
	      "# zsh completion of spill(1), made by 'spill completion "
	      "zsh'.\n",
	    out);
	fputs(zsh_askers, out);
	fputs("_spill() {\n", out);
	zsh_look(out);
	fputs("\tlocal state\n\tlocal -a commands globals\n\tglobals=(", out);
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
		if (takes_word(rows))
			fputs(names_files(rows->words) ? " -rF" : " -x", out);
		if (rows->words != NULL && !names_files(rows->words))
			fprintf(out, " -a '%s'", rows->words);
		fputs(" -d '", out);
		put_line(out, rows->help, "\\'", "\\");
		fputs("'\n", out);
	}
}

/* A name without a slash is an id to spill, so files get one: in front of them,
 * "./" would be for hidden files to fish. */
static const char fish_askers[] =
    "function _spill_ids\n"
    "\tset -l words (commandline -opc)\n\tset -l given\n"
    "\tset -l spill $words[1]\n\tset -e words[1]\n"
    "\twhile set -q words[1]\n\t\tswitch $words[1]\n";

static const char fish_any[] =
    "\t\tend\n\t\tset -e words[1]\n\tend\n"
    "\tset -l word (commandline -ct)\n"
    "\ttimeout 2 $spill $given " LIST_IDS("$word")
    " | string replace -r ' .*' ''\n"
    "end\n"
    "function _spill_any\n\t_spill_ids\n"
    "\tfor file in (__fish_complete_path (commandline -ct))\n"
    "\t\tset file (string split -m 1 \\t $file)[1]\n"
    "\t\tstring match -q '*/*' $file\n"
    "\t\tor set file (pwd)/$file\n"
    "\t\techo $file\n\tend\nend\n";

static void put_fish(FILE *out)
{
	fputs("# fish completion of spill(1), made by 'spill completion "
	      "fish'.\n",
	    out);
	fputs(fish_askers, out);
	put_takers(out, option_globals, "\t\tcase ",
	    "\n\t\t\tset -a given $words[1] $words[2]\n"
	    "\t\t\tset -e words[1]\n");
	put_takers(out, option_globals, "\t\tcase '",
	    "=*'\n\t\t\tset -a given $words[1]\n");
	fputs(fish_any, out);
	fputs("complete -c spill -f\n"
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
		else if (asker((*c)->words) != NULL)
			fprintf(out, " -a '(%s)'\n", asker((*c)->words));
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
