/* SPDX-License-Identifier: MIT */
#include "process/command.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/words.h"
#include "process/sandbox.h"

static void free_words(char **words)
{
	for (char **w = words; w && *w; w++)
		free(*w);
	free(words);
}

/** A word with each `{}` replaced by the content's path; NULL: no memory. */
static char *filled(const char *word)
{
	static const char path[] = SANDBOX_CONTENT_PATH;
	size_t len = strlen(word), at = 0;
	/* Each two characters become as many as the path has. */
	char *out = malloc(len * sizeof(path) / 2 + sizeof(path));

	if (!out)
		return NULL;
	while (*word) {
		if (word[0] == '{' && word[1] == '}') {
			memcpy(out + at, path, sizeof(path) - 1);
			at += sizeof(path) - 1;
			word += 2;
		} else {
			out[at++] = *word++;
		}
	}
	out[at] = '\0';
	return out;
}

/** The configuration has been checked: what can fail is memory. */
static int split(const char *text, char ***ret)
{
	struct str rest = str_from(text);
	size_t size = rest.n + 1, count = 0;
	/* No more words than every other character. */
	char **words = calloc(size / 2 + 2, sizeof(*words));
	char *word = malloc(size);
	const char *why;
	ssize_t n = 0;

	while (words && word &&
	       (n = words_next(&rest, word, size, &why)) >= 0) {
		words[count] = filled(word);
		if (!words[count++])
			break;
	}
	free(word);
	if (n != -ENOENT) {
		assert(n != -EINVAL && n != -E2BIG);
		free_words(words);
		return -ENOMEM;
	}
	*ret = words;
	return 0;
}

int command_init(struct command *cmd, const struct conf *c,
    const struct conf_processor *p)
{
	*cmd = (struct command){
	    .conf = p,
	    .landlock = c->sandbox.landlock != CONF_CONFINE_NO,
	    .seccomp = c->sandbox.seccomp != CONF_CONFINE_NO,
	    .required = c->sandbox.landlock == CONF_CONFINE_REQUIRE,
	    .keep_free = c->spool.keep_free,
	};
	int r = split(p->command, &cmd->argv);
	if (r == 0)
		r = split(p->read, &cmd->reads);
	if (r == 0)
		r = program_find(cmd->argv[0], cmd->path);
	if (r < 0)
		command_fini(cmd);
	return r;
}

void command_fini(struct command *cmd)
{
	free_words(cmd->argv);
	free_words(cmd->reads);
	cmd->argv = cmd->reads = NULL;
}
