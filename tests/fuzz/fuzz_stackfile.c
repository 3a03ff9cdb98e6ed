/* rooms: stackfile model base */
/*
 * Any bytes as a stack file (or, behind a first byte 'P', as a Procfile), all the way to a stack:
 * no crash, a stack exactly when there is no error, a sentence in every complaint, and no byte that
 * could drive a terminal in what is shown. A stack's own description reads back without a complaint
 * of the reader, and lines of the input are never split into keys that it does not have.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "stackfile/describe.h"
#include "stackfile/draft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static uint16_t *preview(const struct draft *draft)
{
	int count;
	const struct port *ports = draft_ports(draft, &count);
	uint16_t *numbers = calloc((size_t)count + 1, sizeof *numbers);
	MUST(numbers);
	for (int i = 0; i < count; i++)
		numbers[i] = (uint16_t)(ports[i].source == PORT_FIXED ? ports[i].fixed
			: 30520 + (ports[i].slot < 0 ? i % 10 : ports[i].slot));
	return numbers;
}

static void check_complaints(const struct complaints *complaints)
{
	struct text line = {0};
	for (size_t i = 0; i < complaints->list.count; i++) {
		text_clear(&line);
		complaint_show(&complaints->list.items[i], &line);
		MUST(*complaints->list.items[i].text);
		for (size_t k = 0; k < line.length; k++)
			MUST((unsigned char)line.data[k] >= 0x20 && line.data[k] != 0x7f);
	}
	text_release(&line);
	json_t *json = complaints_json(complaints);
	MUST(json);
	json_decref(json);
}

static void check_stack(const struct stack *stack)
{
	struct text out = {0};
	describe_config(stack, &out);
	MUST(text_ok(&out));
	struct complaints complaints = {0};
	struct document *again =
		document_parse(text_string(&out), out.length, "again", "/nowhere", &complaints);
	bool long_lines = out.length > 65536;
	MUST(again && (complaints.errors == 0 || long_lines || stack->is_procfile));
	document_free(again);
	complaints_release(&complaints);
	text_release(&out);
	json_t *json = describe_config_json(stack);
	MUST(json);
	json_decref(json);
	for (int i = 0; i < stack->service_count; i++)
		MUST(stack->services[i].fingerprint && stack->services[i].command.argv[0]);
}

static void run(const struct document *document, struct complaints *complaints)
{
	const char *caller[] = {"HOME=/home/u", "A=one two", "B='\";$(x)", "WEB_PORT=8000", NULL};
	struct stackfile_request request = {
		.document = document, .instance = 3, .caller_env = caller, .default_name = "shop"};
	struct draft *draft = draft_new(&request, complaints);
	MUST(draft);
	uint16_t *numbers = preview(draft);
	struct stackfile_facts facts = {.instance = 3, .base_port = 30520, .numbers = numbers,
		.project = "shop", .state_dir = "/s", .log_dir = "/s/logs", .slug = "shop-main",
		.branch = "main"};
	struct stack *stack = draft_resolve(draft, &facts, complaints);
	MUST((stack == NULL) == (complaints->errors > 0));
	if (stack)
		check_stack(stack);
	stack_free(stack);
	free(numbers);
	draft_free(draft);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool procfile = size && data[0] == 'P';
	const char *text = (const char *)data + (procfile ? 1 : 0);
	struct complaints complaints = {0};
	struct document *document = document_parse(text, size - (procfile ? 1 : 0),
		procfile ? "Procfile" : "stack.ini", "/nowhere", &complaints);
	MUST(document);
	run(document, &complaints);
	check_complaints(&complaints);
	document_free(document);
	complaints_release(&complaints);
	return 0;
}
