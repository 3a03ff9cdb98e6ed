#include "cli/context.h"
#include "cli/out.h"
#include "cli/verbs/verb.h"
#include "daemon/daemon.h"

int verb_version(struct context *context, struct error *e)
{
	(void)e;
	if (context->json) {
		out_json(json_pack("{s:i, s:s, s:i}", "version", 1, "stackup", STACKUP_VERSION,
			"state", daemon_state_format()));
		return EXIT_DONE;
	}
	static const char line[] = "stackup " STACKUP_VERSION "\n";
	out_bytes(line, sizeof line - 1);
	return EXIT_DONE;
}
