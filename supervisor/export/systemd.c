#include "export/systemd.h"

#include "export/features.h"
#include "export/quote.h"

const char *systemd_stem(const struct exported *x)
{
	return arena_format(x->arena, "%s-%d", x->stack->project, x->stack->instance);
}

const char *systemd_unit(const struct exported *x, const struct service *service, const char *kind)
{
	return arena_format(x->arena, "%s-%s.%s", systemd_stem(x), service->name, kind);
}

void systemd_key(struct text *out, const char *key, const char *value)
{
	text_addf(out, "%s=", key);
	quote_systemd(out, value);
	text_add_char(out, '\n');
}

static void add_target(struct exported *x, struct text *out)
{
	text_addf(out, "[Unit]\nDescription=%s, instance %d\n", x->stack->project, x->stack->instance);
	for (int i = 0; i < x->stack->service_count; i++)
		if (x->stack->services[i].enabled)
			text_addf(out, "Wants=%s\n", systemd_unit(x, &x->stack->services[i], "service"));
	text_addf(out, "\n[Install]\nWantedBy=%s\n", x->request->for_system ? "multi-user.target" : "default.target");
}

static int add_service(struct exported *x, const struct service *s, struct error *e)
{
	uint64_t kept = FEATURE(ORDER) | FEATURE(WEAK_ORDER) | FEATURE(RESTART) | FEATURE(LIMIT) | FEATURE(READY) |
		FEATURE(READY_NOTIFY) | FEATURE(STOP_SIGNAL) | FEATURE(STOP_TIMEOUT) | FEATURE(STOP_COMMAND) |
		FEATURE(STOP_LEADER) | FEATURE(TASK_TIMEOUT) | FEATURE(OPTIONAL) | FEATURE(ON_DEPENDENCY) |
		FEATURE(LISTEN) | FEATURE(PROFILE) | FEATURE(LOG) | FEATURE(FILES_MAX) | FEATURE(HEALTH_ACTION);
	if (x->request->for_system)
		kept |= FEATURE(USER);
	if (!s->enabled) {
		exported_note(x, s, "left out: it is in no profile that was asked for");
		return 0;
	}
	if (exported_check_command(x, s, e))
		return -1;
	features_note_lost(x, s, kept);
	systemd_service(x, s, exported_file(x, systemd_unit(x, s, "service")));
	const struct port *socket;
	for (size_t n = 0; (socket = systemd_socket(x, s, n)); n++)
		systemd_add_socket(x, s, socket, exported_file(x, systemd_socket_unit(x, s, socket)));
	return 0;
}

int export_systemd(struct exported *x, struct error *e)
{
	add_target(x, exported_file(x, arena_format(x->arena, "%s.target", systemd_stem(x))));
	for (int i = 0; i < x->stack->service_count; i++)
		if (add_service(x, &x->stack->services[i], e))
			return -1;
	exported_note_stack(x);
	return 0;
}
