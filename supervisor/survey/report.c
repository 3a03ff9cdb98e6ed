#include "survey/report.h"

#include "base/clock.h"
#include "base/json_text.h"

/* What other programs put into their names need not be UTF-8, which JSON strings are. */
static json_t *words(const char *text)
{
	if (!text)
		return json_null();
	json_t *string = json_string(text);
	if (string)
		return string;
	OWNED_TEXT clean = {0};
	for (const char *c = text; *c; c++)
		text_add_char(&clean, (unsigned char)*c < 0x80 ? *c : '?');
	return json_string(text_string(&clean));
}

static json_t *number_or_null(int64_t number)
{
	return number ? json_integer(number) : json_null();
}

static void add_words(struct text *out, const char *key, const char *value)
{
	text_add(out, key);
	json_text_add(out, value);
}

static void add_number(struct text *out, const char *key, int64_t number)
{
	text_add(out, key);
	if (number > 0)
		text_add_number(out, (uint64_t)number);
	else
		text_add(out, "null");
}

static void add_holder(struct text *out, const struct owner *owner)
{
	char time[CLOCK_ISO_SIZE];
	if (!owner) {
		text_add(out, "null");
		return;
	}
	add_number(out, "{\"pid\":", owner->pid);
	add_words(out, ",\"name\":", owner->name);
	add_words(out, ",\"command\":", owner->command);
	add_words(out, ",\"user\":", owner->user);
	add_words(out, ",\"cwd\":", owner->cwd);
	add_words(out, ",\"started_at\":",
		owner->pid ? clock_iso(owner->started_wall_ms, time) : NULL);
	add_words(out, ",\"container\":", owner->container);
	add_words(out, ",\"project\":", owner->project);
	add_number(out, ",\"instance\":", owner->instance);
	add_words(out, ",\"service\":", owner->service);
	text_add_char(out, '}');
}

static json_t *parsed(const struct text *text)
{
	return text_ok(text) ? json_loads(text_string(text), JSON_DECODE_ANY, NULL) : NULL;
}

static json_t *holder_json(const struct owner *owner)
{
	OWNED_TEXT text = {0};
	add_holder(&text, owner);
	return parsed(&text);
}

static void add_lease(struct text *out, const struct lease *lease)
{
	add_words(out, "{\"project\":", lease->project);
	add_number(out, ",\"instance\":", lease->instance);
	add_words(out, ",\"service\":", *lease->service ? lease->service : NULL);
	text_add_char(out, '}');
}

void report_add_rest(struct text *out, const struct port_view *view)
{
	char address[SOCKET_ADDRESS_SIZE];
	const char *family = view->socket.v6 ? "ipv6" : "ipv4";
	add_words(out, ",\"protocol\":", view->udp ? "udp" : "tcp");
	add_words(out, ",\"family\":", view->seen ? family : NULL);
	add_words(out, ",\"address\":",
		view->seen ? socket_address(&view->socket, address) : NULL);
	add_words(out, ",\"state\":", view->seen ? socket_state_word(view->socket.state) : "free");
	add_words(out, ",\"class\":", port_class_word(view->class));
	text_add(out, ",\"lease\":");
	if (view->has_lease)
		add_lease(out, &view->lease);
	else
		text_add(out, "null");
	text_add(out, ",\"holder\":");
	add_holder(out, view->has_holder ? &view->holder : NULL);
	text_add_char(out, '}');
}

void report_begin_listeners(struct text *out)
{
	text_add(out, "{\"version\":1,\"listeners\":[");
}

void report_add_port(struct text *out, const struct port_view *view, bool is_first)
{
	text_add(out, is_first ? "{\"port\":" : ",{\"port\":");
	text_add_number(out, view->port);
}

void report_end_listeners(struct text *out)
{
	text_add(out, "]}");
}

json_t *report_listeners(const struct port_look *look)
{
	OWNED_TEXT text = {0};
	report_begin_listeners(&text);
	for (size_t i = 0; i < look->count; i++) {
		report_add_port(&text, &look->items[i], i == 0);
		report_add_rest(&text, &look->items[i]);
	}
	report_end_listeners(&text);
	return parsed(&text);
}

/* {"version":1,NAME:list}; takes the list, NULL when one of its parts is missing. */
static json_t *document(const char *name, json_t *list, bool complete)
{
	json_t *result = complete ? json_pack("{si sO}", "version", 1, name, list) : NULL;
	json_decref(list);
	return result;
}

static json_t *conflict_json(const struct port_conflict *conflict)
{
	const struct conflict *plan = &conflict->plan;
	json_t *options = json_array();
	if (resolve_can_stop(plan))
		json_array_append_new(options, json_string("stop"));
	if (plan->move_to)
		json_array_append_new(options, json_string("move"));
	json_array_append_new(options, json_string("edit"));
	return json_pack("{so si so si ss so ss ss so so}", "project", words(conflict->project),
		"instance", conflict->instance, "service",
		words(*conflict->service ? conflict->service : NULL), "port", (int)plan->port,
		"class", port_class_word(plan->class), "holder", holder_json(conflict->holder),
		"default_action", port_action_word(plan->action), "reason", plan->reason,
		"options", options, "move_to", number_or_null(plan->move_to));
}

json_t *report_conflicts(const struct port_check *check)
{
	json_t *list = json_array();
	bool complete = list != NULL;
	for (size_t i = 0; complete && i < check->count; i++)
		complete = !json_array_append_new(list, conflict_json(&check->items[i]));
	return document("conflicts", list, complete);
}

json_t *report_port_event(const struct port_event *event, int64_t seq, int64_t wall_ms)
{
	const struct port_view *view = port_event_view(event);
	const struct lease *lease = event->lease;
	char time[CLOCK_ISO_SIZE], address[SOCKET_ADDRESS_SIZE];
	OWNED_TEXT text = {0};
	port_event_add(&text, event);
	return json_pack("{ss sI so so so ss sb si ss so ss so so so}", "time",
		clock_iso(wall_ms, time), "seq", (json_int_t)seq, "project",
		words(lease ? lease->project : NULL), "instance",
		number_or_null(lease ? lease->instance : 0), "service",
		words(lease && *lease->service ? lease->service : NULL), "kind",
		port_event_word(event->kind), "alert", (int)event->alert, "port", (int)view->port,
		"protocol", view->udp ? "udp" : "tcp", "address",
		words(socket_address(&view->socket, address)), "class",
		port_class_word(view->class), "before",
		holder_json(event->before ? &event->before->holder : NULL), "holder",
		holder_json(event->after ? &event->after->holder : NULL), "text",
		words(text_string(&text)));
}
