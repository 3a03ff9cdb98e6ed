#include "cli/shared/here.h"

#include <string.h>

#include "base/nearest.h"
#include "base/number.h"
#include "cli/shared/resolved.h"

static int unknown(struct registry *r, const char *name, struct arena *arena, struct error *e)
{
	struct project *all;
	size_t count;
	struct nearest near = {.wanted = name};
	if (project_list(r, arena, &all, &count, e))
		return -1;
	for (size_t i = 0; i < count; i++)
		nearest_offer(&near, all[i].name);
	fail(e, EXIT_NOT_FOUND, "there is no project '%s'", name);
	if (near.best)
		error_hint(e, "did you mean '%s'?", near.best);
	else
		error_hint(e, "`stackup registry list` shows them");
	return -1;
}

static int by_file(struct context *context, struct registry *r, struct arena *arena,
	struct project *out, struct error *e)
{
	struct source source;
	struct error none = {0};
	int found = 0;
	if (!context_source(context, &source, &none))
		found = project_find(r, source.main_dir, source.name, arena, out, e);
	else if (option_given(&context->line, OPTION_FILE)) {
		*e = none;
		found = -1;
	}
	source_release(&source);
	return found;
}

int project_named(struct context *context, const char *name, struct arena *arena,
	struct project *out, struct error *e)
{
	struct registry *r = context_registry(context, e);
	if (!r)
		return -1;
	int found = project_find_by_name(r, name, arena, out, e);
	if (!found)
		found = unknown(r, name, arena, e);
	registry_close(r);
	return found;
}

int project_here(struct context *context, struct arena *arena, struct project *out, struct error *e)
{
	const char *name = option_value(&context->line, OPTION_PROJECT);
	if (name)
		return project_named(context, name, arena, out, e);
	struct registry *r = context_registry(context, e);
	if (!r)
		return -1;
	int found = by_file(context, r, arena, out, e);
	registry_close(r);
	return found;
}

int word_is_port(const char *word, uint16_t *port, struct error *e)
{
	int64_t number;
	if (!*word || word[strspn(word, "0123456789")])
		return 0;
	if (!number_parse(word, 1, UINT16_MAX, &number))
		return fail(e, EXIT_USAGE, "'%s' is no port: use 1 to 65535", word);
	*port = (uint16_t)number;
	return 1;
}

int service_here(struct context *context, const char *name, struct error *e)
{
	struct resolved r;
	struct error none = {0};
	int result = 0;
	if (!resolve(context, &r, &none) && r.stack)
		result = resolved_service(&r, name, e) < 0 ? -1 : 0;
	resolved_release(&r);
	return result;
}
