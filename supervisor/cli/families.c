#include "cli/command_line.h"
#include "cli/completion/verbs.h"
#include "cli/export/verbs.h"
#include "cli/import/verbs.h"
#include "cli/instances/verbs.h"
#include "cli/ports/verbs.h"
#include "cli/registry/verbs.h"
#include "cli/subcommands.h"
#include "cli/verbs/verb.h"

static const struct {
	int (*run)(struct context *context, struct error *e);
	const struct subcommands *family;
} families[] = {
	{verb_completion, &completion_verbs},
	{verb_export, &export_verbs},
	{verb_import, &import_verbs},
	{verb_instances, &instances_verbs},
	{verb_ports, &ports_verbs},
	{verb_registry, &registry_verbs},
};

const struct subcommands *subcommands_of(const struct command_row *command)
{
	for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
		if (families[i].run == command->run)
			return families[i].family;
	return NULL;
}
