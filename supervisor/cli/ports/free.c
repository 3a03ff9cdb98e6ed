#include "cli/ask.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/ports/protects.h"
#include "cli/ports/verbs.h"
#include "cli/shared/here.h"
#include "survey/clear.h"

/* ---- what is said ---- */

static void add_holder(struct text *out, const struct port_view *view)
{
	if (view->has_holder)
		owner_add_line(out, &view->holder);
	else
		text_add(out, "a process that cannot be seen");
	if (view->has_holder && view->holder.cwd)
		text_addf(out, ", in %s", view->holder.cwd);
}

static void tell_nobody(const struct context *context, const struct port_look *look, uint16_t port)
{
	bool lingers = false;
	for (size_t i = 0; i < look->count; i++)
		lingers = lingers || (look->items[i].seen && !clear_is_kept_by(&look->items[i]));
	if (context->json)
		out_json(json_pack("{s:i, s:i, s:[]}", "version", 1, "port", (int)port, "ended"));
	else if (lingers)
		say("nobody listens on port %u; connections that linger end by themselves", port);
	else
		say("nobody has port %u", port);
}

static void tell_ended(const struct context *context, const struct owner_list *ended, uint16_t port)
{
	json_t *list = json_array();
	for (size_t i = 0; i < ended->count; i++) {
		OWNED_TEXT line = {0};
		owner_add_line(&line, &ended->items[i]);
		json_array_append_new(list, json_integer(ended->items[i].pid));
		if (!context->quiet && !context->json)
			say("ended %s", text_string(&line));
	}
	if (context->json)
		out_json(json_pack("{s:i, s:i, s:o}", "version", 1, "port", (int)port, "ended", list));
	else
		json_decref(list);
	if (!context->quiet && !context->json)
		say("port %u is free", port);
}

/* Who shares the port with itself has several sockets there, and ends once. */
static bool is_told(const struct port_look *look, size_t at)
{
	pid_t pid = look->items[at].has_holder ? look->items[at].holder.pid : 0;
	for (size_t i = 0; pid && i < at; i++)
		if (clear_is_kept_by(&look->items[i]) && look->items[i].has_holder &&
			look->items[i].holder.pid == pid)
			return true;
	return false;
}

/* 1: go on. */
static int confirm(const struct context *context, const struct port_look *look, uint16_t port,
	struct error *e)
{
	OWNED_TEXT question = {0};
	text_addf(&question, "end ");
	size_t told = 0;
	for (size_t i = 0; i < look->count; i++) {
		if (!clear_is_kept_by(&look->items[i]) || is_told(look, i))
			continue;
		text_add(&question, told++ ? "; and " : "");
		add_holder(&question, &look->items[i]);
	}
	text_addf(&question, " to free port %u", port);
	return ask(context, text_string(&question), e);
}

static int free_port(struct context *context, const struct port_clear *clear,
	const struct port_look *look, struct error *e)
{
	struct owner_list ended = {0};
	if (clear_check(clear, look, e))
		return -1;
	int answer = confirm(context, look, clear->port, e);
	if (answer < 0)
		return -1;
	if (!answer) {
		say("nothing was done");
		return EXIT_FAILED;
	}
	int result = clear_port(clear, look, &ended, e);
	if (!result)
		tell_ended(context, &ended, clear->port);
	owners_release(&ended);
	return result;
}

static bool is_kept(const struct port_look *look)
{
	for (size_t i = 0; i < look->count; i++)
		if (clear_is_kept_by(&look->items[i]))
			return true;
	return false;
}

int verb_ports_free(struct context *context, struct error *e)
{
	struct port_clear clear = {.state = context->paths.state};
	struct port_look look = {0};
	struct protects protects = {0};
	int is_port = word_is_port(context->line.words[1], &clear.port, e);
	if (!is_port)
		return fail(e, EXIT_USAGE, "`ports free` wants a port number, 1 to 65535");
	int code = is_port < 0 ? -1 : protects_read(context, &protects, e);
	clear.protects = look.protects = protects.ports;
	clear.protect_count = look.protect_count = protects.count;
	if (!code)
		code = ports_who(clear.state, clear.port, &look, e);
	if (!code && !is_kept(&look))
		tell_nobody(context, &look, clear.port);
	else if (!code)
		code = free_port(context, &clear, &look, e);
	protects_release(&protects);
	port_look_release(&look);
	return code;
}
