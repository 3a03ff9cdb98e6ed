/* rooms: base model stackfile adopt */
#include "cases.h"

#include "adopt/compose_ports.h"
#include "adopt/yaml.h"
#include "stackfile/interpolate.h"

/* "ip|published|target|protocol" a line, or "refused". */
static void describe(const struct compose_ports *ports, int result, struct text *out)
{
	if (result)
		text_add(out, "refused\n");
	for (size_t i = 0; !result && i < ports->count; i++)
		text_addf(out, "%s|%s|%d|%s\n", ports->items[i].host_ip, ports->items[i].published,
			ports->items[i].target, ports->items[i].protocol);
}

static void describe_expected(const json_t *list, struct text *out)
{
	size_t index;
	json_t *port;
	if (!list)
		text_add(out, "refused\n");
	json_array_foreach(list, index, port)
		text_addf(out, "%s|%s|%d|%s\n", cases_text(port, "host_ip"), cases_text(port, "published"),
			(int)json_integer_value(json_object_get(port, "target")), cases_text(port, "protocol"));
}

static size_t compare(const char *what, const struct text *got, const struct text *want)
{
	if (!strcmp(text_string(got), text_string(want)))
		return 0;
	print_error("%s\n  got\n%s  want\n%s", what, text_string(got), text_string(want));
	return 1;
}

static size_t check_span(const char *value, const json_t *spans, const char *name, struct compose_span span)
{
	json_t *want = json_object_get(spans, name);
	size_t start = (size_t)json_integer_value(json_array_get(want, 0));
	size_t end = (size_t)json_integer_value(json_array_get(want, 1));
	bool same = want ? span.start == start && span.end == end : span.start == span.end;
	if (!same)
		print_error("%s: %s is at %zu..%zu\n", value, name, span.start, span.end);
	return !same;
}

static size_t check_short(const char *value, const json_t *ports, const json_t *spans)
{
	struct arena *arena = arena_new();
	struct compose_ports got;
	struct error e = {0};
	OWNED_TEXT have = {0}, want = {0};
	int result = compose_ports_parse(arena, value, &got, &e);
	describe(&got, result, &have);
	describe_expected(ports, &want);
	size_t wrong = compare(value, &have, &want) + (result && !*e.text);
	if (!result && spans)
		wrong += check_span(value, spans, "host_ip", got.host_ip) +
			check_span(value, spans, "published", got.published) +
			check_span(value, spans, "target", got.target) +
			check_span(value, spans, "protocol", got.protocol);
	arena_free(arena);
	return wrong;
}

static size_t check_short_cases(json_t *root)
{
	size_t wrong = 0, index;
	json_t *item;
	json_array_foreach(json_object_get(root, "short"), index, item)
	{
		json_t *expected = json_object_get(json_object_get(item, "expected"), "compose-go");
		wrong += check_short(cases_text(item, "value"), json_object_get(expected, "ports"),
			json_object_get(item, "spans"));
	}
	assert_true(index > 5);
	return wrong;
}

static enum interpolate_found find(void *self, const char *name, const char **value)
{
	*value = json_string_value(json_object_get(self, name));
	return *value ? FOUND_VALUE : FOUND_NOTHING;
}

static size_t check_interpolated(json_t *root)
{
	size_t wrong = 0, index;
	json_t *item;
	json_array_foreach(json_object_get(root, "interpolated"), index, item)
	{
		const struct interpolation rules = {
			.dialect = INTERPOLATE_COMPOSE, .self = json_object_get(item, "env"), .find = find};
		json_t *resolved = json_object_get(item, "resolved");
		OWNED_TEXT filled = {0};
		struct error e = {0};
		int result = interpolate(cases_text(item, "value"), &rules, &filled, &e);
		const char *want = json_string_value(json_object_get(resolved, "value"));
		if (result ? want != NULL : !want || strcmp(want, text_string(&filled)) != 0) {
			print_error("%s: %s\n", cases_text(item, "id"), text_string(&filled));
			wrong++;
		} else if (!result) {
			json_t *ports = json_object_get(item, "ports");
			wrong += check_short(text_string(&filled), json_object_get(ports, "ports"), NULL);
		}
	}
	return wrong;
}

static size_t check_long(json_t *root)
{
	size_t wrong = 0, index;
	json_t *item;
	json_array_foreach(json_object_get(root, "long"), index, item)
	{
		struct arena *arena = arena_new();
		struct complaints complaints = {0};
		struct compose_ports got;
		struct error e = {0};
		OWNED_TEXT have = {0}, want = {0};
		const char *yaml = cases_text(item, "yaml");
		const struct yaml *list = yaml_read(arena, yaml, strlen(yaml), "x.yml", ".", &complaints);
		const struct yaml *port = list->pairs[0].value;
		const struct compose_port parts = {.host_ip = yaml_text(yaml_get(port, "host_ip")),
			.published = yaml_text(yaml_get(port, "published")),
			.protocol = yaml_text(yaml_get(port, "protocol"))};
		int result = compose_ports_long(arena, &parts, yaml_text(yaml_get(port, "target")), &got, &e);
		describe(&got, result, &have);
		describe_expected(json_object_get(item, "expected"), &want);
		wrong += compare(yaml, &have, &want);
		arena_free(arena);
	}
	return wrong;
}

/* Loaders disagree about the type; the text is what counts, and it is as it was written. */
static size_t check_typing(json_t *root)
{
	size_t wrong = 0, index;
	json_t *item;
	json_array_foreach(json_object_get(root, "yaml_typing"), index, item)
	{
		struct arena *arena = arena_new();
		struct complaints complaints = {0};
		const char *yaml = cases_text(item, "yaml");
		json_t *go = json_object_get(item, "go_yaml_v3");
		const struct yaml *map = yaml_read(arena, yaml, strlen(yaml), "x.yml", ".", &complaints);
		const struct yaml *node = yaml_get(map, "a");
		bool is_string = !strcmp(cases_text(go, "type"), "string");
		bool fine = json_object_get(go, "error") ? !map && complaints.errors == 1 : node != NULL;
		fine = fine && (!is_string || (yaml_text(node) && !strcmp(yaml_text(node), cases_text(go, "value"))));
		fine = fine && (strcmp(cases_text(go, "type"), "<nil>") != 0 || node->kind == YAML_NOTHING);
		if (!fine)
			print_error("%s\n", yaml);
		wrong += !fine;
		complaints_release(&complaints);
		arena_free(arena);
	}
	return wrong;
}

static void run(json_t *root)
{
	assert_int_equal(check_short_cases(root), 0);
	assert_int_equal(check_interpolated(root), 0);
	assert_int_equal(check_long(root), 0);
	assert_int_equal(check_typing(root), 0);
	json_decref(root);
}

static void public_cases(void **state)
{
	(void)state;
	json_t *root = cases_load_public("compose_ports.json");
	if (root)
		run(root);
}

static void own_cases(void **state)
{
	(void)state;
	run(cases_load(TEST_DATA "/cases", "compose_ports.json"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_cases),
		cmocka_unit_test(own_cases),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
