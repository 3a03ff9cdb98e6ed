/* rooms: base model stackfile */
/*
 * Any bytes as the user's own config.ini: the first claim finds a base that can be used or none, days of
 * keeping stay within their limits, and a stack file beside it is either refused or has its ports.
 */
#include "fuzz.h"
#include "model/names.h"
#include "stackfile/draft.h"
#include "stackfile/user_file.h"

static const char stack_file[] = "[service api]\ncommand = run\nslot = api\n"
				 "[service web]\ncommand = run\nport = pool\nrange = core\n";

static void draft(const char *const *environment)
{
	struct complaints complaints = {0};
	struct document *document = document_parse(
		stack_file, sizeof stack_file - 1, "stack.ini", "/nowhere", &complaints);
	const struct stackfile_request request = {.document = document, .instance = 1,
		.caller_env = environment, .default_name = "shop"};
	struct draft *made = draft_new(&request, &complaints);
	MUST(made);
	uint16_t low = 0, high = 0;
	size_t count, protects;
	draft_emergency(made, &low, &high);
	(void)draft_avoided(made, &count, &protects);
	MUST(complaints.errors || (low && low <= high));
	MUST(protects <= count);
	for (size_t i = 0; i < complaints.list.count; i++) {
		OWNED_TEXT shown = {0};
		complaint_show(&complaints.list.items[i], &shown);
		must_be_tame(&shown);
	}
	draft_free(made);
	document_free(document);
	complaints_release(&complaints);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"history", "project", "instance"};
	char home[128];
	const char *environment[] = {home, NULL};
	int days[] = {1, 2, 3};
	snprintf(home, sizeof home, "XDG_CONFIG_HOME=%s", scratch());
	scratch_write("stackup/config.ini", tape_of(data, size));
	uint16_t base = user_file_ports_base(environment);
	MUST(!base || (base >= PORTS_BASE_LEAST && base <= PORTS_BASE_MOST));
	user_file_keep_days(environment, names, days, 3);
	for (int i = 0; i < 3; i++)
		MUST(days[i] >= 0 && days[i] <= 3650);
	draft(environment);
	return 0;
}
