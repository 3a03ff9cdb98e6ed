#include "logs/show.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/terminal.h"

int log_show_init(struct log_show *show, const struct log_show_options *options, struct error *e)
{
	*show = (struct log_show){.options = *options};
	if (!options->grep)
		return 0;
	int result = regcomp(&show->grep, options->grep, REG_EXTENDED | REG_NOSUB);
	if (!result)
		return 0;
	char reason[256];
	regerror(result, &show->grep, reason, sizeof reason);
	show->options.grep = NULL;
	fail(e, EXIT_USAGE, "--grep '%s': %s", options->grep, reason);
	error_hint(e, "write a POSIX extended regular expression, for example 'error|warn'");
	return -1;
}

void log_show_release(struct log_show *show)
{
	if (show->options.grep)
		regfree(&show->grep);
	for (size_t i = 0; i < show->names.count; i++)
		free(show->names.items[i]);
	list_release(&show->names);
	*show = (struct log_show){0};
}

/* The place of a name in the order; names.count when memory is out. */
static size_t place_of(struct log_show *show, const char *service)
{
	for (size_t i = 0; i < show->names.count; i++) {
		if (!strcmp(show->names.items[i], service))
			return i;
	}
	char *name = strdup(service);
	if (!name || !list_push(&show->names, name)) {
		free(name);
		return show->names.count;
	}
	int width = (int)strlen(service);
	if (width > show->width)
		show->width = width;
	return show->names.count - 1;
}

void log_show_name(struct log_show *show, const char *service)
{
	(void)place_of(show, service);
}

bool log_show_wanted(void *self, const struct log_line *line)
{
	const struct log_show *show = self;
	if (!show->options.grep || line->dropped)
		return true;
	/* REG_STARTEND (also in glibc) searches bytes that do not end with NUL and may hold some. */
	regmatch_t range = {.rm_so = 0, .rm_eo = (regoff_t)line->length};
	return !regexec(&show->grep, line->bytes, 1, &range, REG_STARTEND);
}

static void add_json(const struct log_line *line, struct text *out)
{
	char time[CLOCK_ISO_SIZE];
	text_addf(out, "{\"time\":\"%s\",\"service\":\"", clock_iso(line->time_ms, time));
	terminal_add_json(out, line->service, strlen(line->service));
	text_addf(out, "\",\"stream\":\"%s\",\"text\":\"",
		line->dropped ? "stackup" : log_stream_word(line->stream));
	if (line->dropped)
		text_addf(out, "%" PRIu64 " bytes were rotated away unread", line->dropped);
	else
		terminal_add_json(out, line->bytes, line->length);
	text_addf(out, "\",\"seq\":%" PRIu64 "}\n", line->seq);
}

static void add_prefix(struct log_show *show, const struct log_line *line, struct text *out)
{
	bool colour = show->options.colour;
	if (!show->options.no_prefix) {
		size_t place = place_of(show, line->service);
		text_add(out, colour_on(colour, colour_for(place)));
		size_t before = out->length;
		terminal_add_strict(out, line->service, strlen(line->service));
		for (size_t width = out->length - before; width < (size_t)show->width; width++)
			text_add_char(out, ' ');
		text_addf(out, " %c%s ", line->continued ? '+' : '|', colour_off(colour));
	}
	if (show->options.timestamps) {
		char time[CLOCK_ISO_SIZE];
		text_addf(out, "%s%s%s ", colour_on(colour, COLOUR_GREY),
			clock_iso(line->time_ms, time), colour_off(colour));
	}
}

/* What a terminal would show in the end: the text after the last '\r' that something follows. */
static void last_state(const struct log_line *line, const char **bytes, size_t *length)
{
	*bytes = line->bytes;
	*length = line->length;
	while (*length && (*bytes)[*length - 1] == '\r')
		--*length;
	const char *back = *length ? memrchr(*bytes, '\r', *length) : NULL;
	if (back) {
		*length -= (size_t)(back + 1 - *bytes);
		*bytes = back + 1;
	}
}

static void add_text(const struct log_show *show, const struct log_line *line, struct text *out)
{
	bool colour = show->options.colour;
	if (line->dropped) {
		text_addf(out, "%s[%" PRIu64 " bytes were rotated away unread]%s",
			colour_on(colour, COLOUR_GREY), line->dropped, colour_off(colour));
		return;
	}
	const char *bytes;
	size_t length;
	last_state(line, &bytes, &length);
	terminal_add_line(out, bytes, length, colour);
}

/* Without prefix the pieces of a long line make one line again, unless another comes between. */
static bool joins(struct log_show *show, const struct log_line *line, struct text *out)
{
	const char *open = show->open_line;
	bool same = open && line->continued && !line->dropped && !strcmp(open, line->service);
	if (open && !same)
		text_add_char(out, '\n');
	size_t place = show->options.no_prefix && line->more ? place_of(show, line->service)
		: show->names.count;
	show->open_line = place < show->names.count ? show->names.items[place] : NULL;
	return same;
}

void log_show_add(struct log_show *show, const struct log_line *line, struct text *out)
{
	if (show->options.json) {
		add_json(line, out);
		return;
	}
	if (!joins(show, line, out))
		add_prefix(show, line, out);
	add_text(show, line, out);
	if (!show->open_line)
		text_add_char(out, '\n');
}
