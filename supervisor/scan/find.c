#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "scan/find.h"
#include "scan/formats.h"
#include "scan/names.h"
#include "scan/hosts.h"
#include "scan/value.h"

WORDS(finding_kind_word, finding_kind, FINDING_KINDS)
WORDS(finding_role_word, finding_role, FINDING_ROLES)
WORDS(finding_form_word, finding_form, FINDING_FORMS)

static const char *kept(struct find *f, struct slice s)
{
	return s.at < s.end ? arena_string_n(f->arena, s.at, slice_length(s)) : "";
}

/* USER_API is the service user-api. */
static const char *kept_service(struct find *f)
{
	if (!f->is_variables || f->service.at == f->service.end)
		return kept(f, f->service);
	char *name = arena_string_n(f->arena, f->service.at, slice_length(f->service));
	for (char *at = name; *at; at++)
		*at = *at == '_' ? '-' : (char)tolower((unsigned char)*at);
	return name;
}

/* False: part of it has been found. A file may hold a hundred thousand, so none of them is compared. */
static bool take(struct find *f, size_t start, size_t end)
{
	if (!f->taken)
		f->taken = calloc(1, f->length / 8 + 1);
	for (size_t at = start; f->taken && at < end; at++)
		if (f->taken[at / 8] & 1u << at % 8)
			return false;
	for (size_t at = start; f->taken && at < end; at++)
		f->taken[at / 8] |= (unsigned char)(1u << at % 8);
	return f->taken != NULL;
}

static int confidence(const struct find *f, struct as as)
{
	int sure = as.confidence ? as.confidence : CONFIDENCE_SURE;
	if (f->is_rough)
		sure -= 20;
	return f->in_comment ? sure / 2 : sure;
}

static struct finding *add(struct find *f, struct slice value, struct as as)
{
	size_t start = (size_t)(value.at - f->bytes), end = (size_t)(value.end - f->bytes);
	if (!take(f, start, end))
		return NULL;
	struct finding *finding = arena_append(f->arena, f->found, f->count);
	*finding = (struct finding){.start = start,
		.end = end,
		.role = as.role,
		.form = as.form,
		.value = kept(f, value),
		.host = kept(f, as.host),
		.service = kept_service(f),
		.variable = kept(f, as.variable),
		.confidence = confidence(f, as),
		.is_udp = as.is_udp,
		.in_comment = f->in_comment,
		.in_container = f->in_container,
		.is_optional = f->is_optional};
	return finding;
}

void found_port(struct find *f, struct slice digits, struct as as)
{
	struct finding *finding = add(f, digits, as);
	if (!finding)
		return;
	finding->kind = FINDING_PORT;
	for (const char *at = digits.at; at < digits.end; at++)
		finding->port = (uint16_t)(finding->port * 10 + (*at - '0'));
}

void found_address(struct find *f, struct slice text, enum finding_kind kind, struct as as)
{
	as.host = (struct slice){0};
	struct finding *finding = add(f, text, as);
	if (finding)
		finding->kind = kind;
}

/* A line that was taken out of use: `# PORT=9000`, `# - "8080:80"`, `// port: 3000,`, `# listen 80;`. */
static void find_unused_line(struct find *f, struct slice text)
{
	struct as as = {.role = ROLE_LISTEN};
	if (slice_begins(text, "- ") && value_mapping(f, (struct slice){text.at + 2, text.end}, as))
		return;
	const char *at = text.at;
	while (at < text.end && (is_word_char(*at) || *at == '.' || *at == '-'))
		at++;
	struct slice name = {text.at, at};
	while (at < text.end && strchr(" =:?", *at))
		at++;
	struct slice value = slice_trim((struct slice){at, text.end});
	while (value.at < value.end && strchr(",;", value.end[-1]))
		value.end--;
	if (name_is_port(name) || slice_is(name, "listen") || slice_is(name, "ListenStream"))
		value_port(f, value, (struct as){.role = name_role(name)});
}

void find_comment(struct find *f, struct slice text)
{
	f->in_comment = true;
	find_unused_line(f, slice_trim(text));
	hosts_find(f, text, (struct as){.role = ROLE_MENTION}, HOSTS_KNOWN);
	f->in_comment = false;
}

static int by_place(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	return (x->start > y->start) - (x->start < y->start);
}

/* One walk over the file: findings are in order. */
static void count_lines(struct find *f)
{
	int line = 1, column = 1;
	size_t at = f->length >= 3 && !memcmp(f->bytes, "\xef\xbb\xbf", 3) ? 3 : 0;
	for (size_t i = 0; i < f->count; i++) {
		for (; at < f->found[i].start; at++) {
			if (f->bytes[at] == '\n') {
				line++;
				column = 1;
			} else if (((unsigned char)f->bytes[at] & 0xc0) != 0x80) {
				column++;
			}
		}
		f->found[i].line = line;
		f->found[i].column = column;
	}
}

void find_all(struct find *f)
{
	f->format = format_settled(f->format, (struct slice){f->bytes, f->bytes + f->length});
	f->in_container = f->format->in_container;
	f->format->read(f);
	if (f->count)
		qsort(f->found, f->count, sizeof *f->found, by_place);
	count_lines(f);
	free(f->taken);
	f->taken = NULL;
	for (size_t i = 0; i < f->count; i++)
		f->found[i].format = f->format->name;
}
