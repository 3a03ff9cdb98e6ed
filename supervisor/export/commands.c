#include "export/commands.h"

#include "export/quote.h"

static void add_http(const struct probe *probe, struct text *out)
{
	text_addf(out, "curl -fsS -o /dev/null%s ", probe->tls_verify ? "" : " -k");
	quote_shell(out, probe->url);
}

static void add_port(const struct probe *probe, struct text *out)
{
	text_addf(out, "bash -c '</dev/tcp/%s/%d'", probe->host ? probe->host : "localhost", probe->port);
}

bool commands_of_probe(const struct probe *probe, struct text *out)
{
	switch (probe->kind) {
	case PROBE_HTTP:
		add_http(probe, out);
		return true;
	case PROBE_TCP:
	case PROBE_PORT:
		add_port(probe, out);
		return true;
	case PROBE_COMMAND:
		if (probe->command.through_shell)
			text_add(out, probe->command.argv[2]);
		else
			quote_shell_words(out, probe->command.argv);
		return true;
	case PROBE_NONE:
	case PROBE_LOG:
	case PROBE_NOTIFY:
		break;
	}
	return false;
}

const struct probe *commands_ready_probe(const struct service *service)
{
	bool by_health = service->policy.readiness_is_health;
	const struct probe *probe = by_health ? &service->health : &service->ready;
	bool is_asked = probe->kind == PROBE_HTTP || probe->kind == PROBE_TCP || probe->kind == PROBE_PORT ||
		probe->kind == PROBE_COMMAND;
	return is_asked ? probe : NULL;
}
