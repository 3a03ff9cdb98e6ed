#include "cli/ports/reserve.h"

#include <pwd.h>
#include <unistd.h>

#include "base/terminal.h"
#include "claim/block_owner.h"
#include "cli/out.h"
#include "cli/ports/verbs.h"
#include "cli/shared/here.h"
#include "cli/shared/resolved.h"
#include "ports/reserved.h"

static json_t *reservation_json(const struct reservation *r)
{
	json_t *service = r->project_id ? json_string(r->service) : json_null();
	json_t *project = r->project_id ? json_string(r->project) : json_null();
	return json_pack("{s:i, s:o, s:i, s:o, s:s, s:s, s:s, s:s?}", "port", (int)r->port, "project",
		project, "instance", r->instance, "service", service, "name", r->name, "for",
		r->owner, "note", r->note, "created_at", r->created_at);
}

static void show_json(const struct reserve_list *list)
{
	json_t *all = json_array();
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(all, reservation_json(&list->items[i]));
	out_json(json_pack("{s:i, s:o}", "version", 1, "reservations", all));
}

void ports_show_reserved(const struct context *context, const struct reserve_list *list,
	const char *done)
{
	OWNED_TEXT out = {0};
	if (context->json) {
		show_json(list);
		return;
	}
	for (size_t i = 0; i < list->count; i++) {
		OWNED_TEXT line = {0};
		text_addf(&line, "%sport %u ", done, list->items[i].port);
		reservation_add(&line, &list->items[i]);
		terminal_add_strict(&out, text_string(&line), line.length);
		text_add_char(&out, '\n');
	}
	out_text(&out);
}

static const char *caller_name(void)
{
	const struct passwd *entry = getpwuid(getuid());
	return entry ? entry->pw_name : "somebody";
}

static struct reserve_wish wish_of(const struct context *context, const char *fallback)
{
	const char *owner = option_value(&context->line, OPTION_FOR);
	const char *note = option_value(&context->line, OPTION_NOTE);
	return (struct reserve_wish){owner ? owner : fallback, note ? note : ""};
}

static int list_all(struct context *context, struct arena *arena, struct error *e)
{
	struct reserve_list list;
	if (option_given(&context->line, OPTION_FOR) || option_given(&context->line, OPTION_NOTE))
		return fail(e, EXIT_USAGE, "`ports reserve` wants a service or a port");
	if (reserve_list(context->paths.state, arena, &list, e))
		return -1;
	if (!list.count && !context->json)
		say("no port is reserved");
	else
		ports_show_reserved(context, &list, "");
	return EXIT_DONE;
}

/* Where another project's services get their ports nothing is taken from it. */
static int check_block(struct context *context, uint16_t port, struct arena *arena, struct error *e)
{
	struct block_owner owner;
	struct project own = {0};
	int found = block_owner_find(context->paths.state, port, arena, &owner, e);
	if (found <= 0)
		return found;
	if (project_here(context, arena, &own, e) < 0)
		return -1;
	if (own.id == owner.project_id)
		return 0;
	fail(e, EXIT_CONFLICT, "port %u lies in the block of project '%s'", port, owner.project);
	error_hint(e, "reserve a port outside of it, or say it for that project: "
		"`stackup -p %s ports reserve %u`", owner.project, port);
	return -1;
}

static int by_number(struct context *context, uint16_t port, struct arena *arena, struct error *e)
{
	struct reserve_wish wish = wish_of(context, caller_name());
	struct reserve_list list;
	if (check_block(context, port, arena, e) ||
		reserve_port(context->paths.state, port, &wish, arena, &list, e))
		return -1;
	ports_show_reserved(context, &list, "reserved ");
	return EXIT_DONE;
}

static int by_service(struct context *context, const char *service, struct error *e)
{
	struct resolved r;
	struct reserve_list list;
	struct reserve_wish wish = wish_of(context, "");
	int result = resolve_checked(context, &r, e);
	if (!result && resolved_service(&r, service, e) < 0)
		result = -1;
	if (!result) {
		struct claim_request request = resolved_request(context, &r);
		result = reserve_service(&request, &r.claim, r.ports, (size_t)r.port_count, service,
			&wish, &list, e);
	}
	say_lines(text_string(&r.claim.notices));
	if (!result)
		ports_show_reserved(context, &list, "reserved ");
	resolved_release(&r);
	return result;
}

int verb_ports_reserve(struct context *context, struct error *e)
{
	const char *word = context->line.words[1];
	struct arena *arena = arena_new();
	uint16_t port;
	if (!arena)
		return fail(e, EXIT_FAILED, "out of memory");
	int is_port = word ? word_is_port(word, &port, e) : 0;
	int code = is_port < 0 ? -1
		: !word ? list_all(context, arena, e)
		: is_port ? by_number(context, port, arena, e)
		: by_service(context, word, e);
	arena_free(arena);
	return code;
}
