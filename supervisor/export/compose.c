#include "export/compose_service.h"
#include "export/features.h"
#include "export/quote.h"
#include "model/names.h"

static int check(struct exported *x, const struct service *s, struct error *e)
{
	for (size_t i = 0; i < s->port_count; i++)
		if (x->stack->ports[s->ports[i]].hold == HOLD_LISTEN)
			return fail(e, EXIT_BAD_FILE, "service '%s' has 'hold = listen', and no container is handed a "
				"socket; without it the service can be exported", s->name);
	return exported_check_command(x, s, e);
}

static const uint64_t KEPT = FEATURE(ORDER) | FEATURE(WEAK_ORDER) | FEATURE(RESTART) | FEATURE(LIMIT) |
	FEATURE(BACKOFF) | FEATURE(READY) | FEATURE(HEALTH) | FEATURE(STOP_SIGNAL) | FEATURE(STOP_TIMEOUT) |
	FEATURE(ON_DEPENDENCY) | FEATURE(PROFILE) | FEATURE(TTY) | FEATURE(USER) | FEATURE(FILES_MAX) |
	FEATURE(LISTEN) | FEATURE(OPTIONAL) | FEATURE(STOP_LEADER);

int export_compose(struct exported *x, struct error *e)
{
	OWNED_TEXT services = {0};
	char slug[64];
	for (int i = 0; i < x->stack->service_count; i++) {
		const struct service *s = &x->stack->services[i];
		if (check(x, s, e))
			return -1;
		features_note_lost(x, s, KEPT);
		compose_service(x, s, &services);
	}
	exported_note_stack(x);
	if (x->stack->port_count)
		exported_note(x, NULL, "a server that listens on localhost only is not reached from outside of its "
			"container; have it listen on 0.0.0.0");
	struct text *out = exported_file(x, "compose.yaml");
	name_to_slug(x->stack->project, slug);
	text_addf(out, "# Made by `stackup export compose`. What it does not say as the stack file does:\n");
	exported_add_notes(x, out);
	text_addf(out, "name: %s\nservices:\n%s", slug, text_string(&services));
	text_add(out, "volumes:\n  state: {}\n");
	return 0;
}
