#include "export/quote.h"

#include <string.h>

#include "base/terminal.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static bool is_bare(const char *word, const char *others)
{
	if (!*word)
		return false;
	for (const char *c = word; *c; c++)
		if (!strchr(LETTERS, *c) && !strchr(others, *c))
			return false;
	return true;
}

void quote_shell(struct text *out, const char *word)
{
	if (is_bare(word, "_-./:,@%+=")) {
		text_add(out, word);
		return;
	}
	text_add_char(out, '\'');
	for (const char *c = word; *c; c++)
		if (*c == '\'')
			text_add(out, "'\\''");
		else
			text_add_char(out, *c);
	text_add_char(out, '\'');
}

void quote_shell_words(struct text *out, char *const *words)
{
	for (size_t i = 0; words[i]; i++) {
		if (i)
			text_add_char(out, ' ');
		quote_shell(out, words[i]);
	}
}

/* systemd.syntax(7): C-style escapes in double quotes. `doubled`: characters that are written twice. */
static void add_systemd(struct text *out, const char *word, const char *doubled)
{
	bool bare = is_bare(word, "_-./:,@+=");
	if (!bare)
		text_add_char(out, '"');
	for (const char *c = word; *c; c++) {
		if (*c == '"' || *c == '\\')
			text_addf(out, "\\%c", *c);
		else if (*c == '\n')
			text_add(out, "\\n");
		else if ((unsigned char)*c < 0x20 || *c == 0x7f)
			text_addf(out, "\\x%02x", (unsigned)(unsigned char)*c);
		else if (strchr(doubled, *c))
			text_addf(out, "%c%c", *c, *c);
		else
			text_add_char(out, *c);
	}
	if (!bare)
		text_add_char(out, '"');
}

void quote_systemd(struct text *out, const char *word)
{
	add_systemd(out, word, "%");
}

void quote_systemd_command(struct text *out, const char *word)
{
	add_systemd(out, word, "%$");
}

/* The inside of a JSON string is one of a double-quoted scalar. */
void quote_yaml(struct text *out, const char *word)
{
	text_add_char(out, '"');
	terminal_add_json(out, word, strlen(word));
	text_add_char(out, '"');
}

void quote_compose(struct text *out, const char *word)
{
	OWNED_TEXT doubled = {0};
	for (const char *c = word; *c; c++) {
		text_add_char(&doubled, *c);
		if (*c == '$')
			text_add_char(&doubled, '$');
	}
	quote_yaml(out, text_string(&doubled));
}
