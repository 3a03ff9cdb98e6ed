/* rooms: base model registry listeners ports claim survey */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/text.h"
#include "survey/monitor.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

static const struct lease lease = {.project = "shop", .instance = 3, .service = "api"};

/*
 * A picture in words: PORT, `L` when its lease stands, `u` for UDP, and who listens: =o the service, =s
 * a stranger, then pid.start@uid. "30101L=o10.1@0 30102L" is a service that listens and one that does not.
 */
static void draw(const char *text, struct port_look *picture)
{
	for (const char *at = text; *at; at += strspn(at, " ")) {
		char *end;
		struct port_view view = {.port = (uint16_t)strtoul(at, &end, 10), .class = CLASS_FOREIGN};
		for (; *end == 'L' || *end == 'u'; end++) {
			view.has_lease |= *end == 'L';
			view.udp |= *end == 'u';
		}
		view.lease = view.has_lease ? lease : (struct lease){0};
		if (*end == '=') {
			view.seen = true;
			view.class = end[1] == 'o' ? CLASS_OWN_LIVE : CLASS_FOREIGN;
			view.holder.pid = (pid_t)strtol(end + 2, &end, 10);
			view.has_holder = view.holder.pid != 0;
			uint64_t number = *end == '.' ? strtoul(end + 1, &end, 10) : 1;
			view.holder.start_ticks = number;
			view.socket.inode = number;
			view.socket.uid = view.holder.uid = *end == '@' ? (uid_t)strtoul(end + 1, &end, 10) : 0;
		}
		assert_true(*end == ' ' || !*end);
		at = end;
		assert_true(list_push(picture, view));
	}
}

static void tell(const struct port_events *events, struct text *out)
{
	for (size_t i = 0; i < events->count; i++) {
		const struct port_event *event = &events->items[i];
		text_addf(out, "%s%s%s %u", i ? ", " : "", event->alert ? "!" : "",
			port_event_word(event->kind), port_event_view(event)->port);
		if (event->before)
			text_addf(out, " -%d", (int)event->before->holder.pid);
		if (event->after)
			text_addf(out, " +%d", (int)event->after->holder.pid);
	}
}

struct row {
	const char *what;
	const char *before;
	const char *after;
	const char *events;
};

static const struct row rows[] = {
	{"nothing at all", "", "", ""},
	{"nothing changes", "30101L=o10 30102L 30150=s7", "30101L=o10 30102L 30150=s7", ""},
	/* The life of a service. */
	{"it starts", "30101L", "30101L=o10", "appeared 30101 +10"},
	{"its instance starts", "", "30101L=o10", "appeared 30101 +10"},
	{"it vanishes", "30101L=o10", "30101L", "!vanished 30101 -10"},
	{"`down`", "30101L=o10 30102L=o11", "", "vanished 30101 -10, vanished 30102 -11"},
	{"it is restarted", "30101L=o10.1", "30101L=o20.9", "changed 30101 -10 +20"},
	{"its pid is used again", "30101L=o10.1", "30101L=o10.9", "changed 30101 -10 +10"},
	{"it becomes another user", "30101L=o10.1@0", "30101L=o10.1@7", "changed 30101 -10 +10"},
	{"a further address", "30101L=o10", "30101L=o10 30101L=o10", ""},
	{"one address less", "30101L=o10 30101L=o10", "30101L=o10", ""},
	{"a worker joins", "30101L=o10", "30101L=o10 30101L=o11", ""},
	{"a worker leaves", "30101L=o10 30101L=o11", "30101L=o11", ""},
	{"all workers anew", "30101L=o10 30101L=o11", "30101L=o12 30101L=o13", "changed 30101 -10 +12"},
	/* Strangers. */
	{"on a leased port", "30101L", "30101L=s7", "!unexpected 30101 +7"},
	{"beside the service", "30101L=o10", "30101L=o10 30101L=s7", "!unexpected 30101 +7"},
	{"beside it, first", "30101L=o10", "30101L=s7 30101L=o10", "!unexpected 30101 +7"},
	{"together with it", "30101L", "30101L=o10 30101L=s7",
		"!unexpected 30101 +7, appeared 30101 +10"},
	{"in a block", "", "30150=s7", "!unleased 30150 +7"},
	{"takes the port over", "30101L=o10", "30101L=s7", "!changed 30101 -10 +7"},
	{"takes over what was restarted", "30101L=o10", "30101L=o20 30101L=s7",
		"!unexpected 30101 +7, changed 30101 -10 +20"},
	{"after another stranger", "30150=s7", "30150=s8", "!changed 30150 -7 +8"},
	{"after another, and the service is gone", "30101L=s7 30101L=o10", "30101L=s8",
		"!changed 30101 -7 +8, !vanished 30101 -10"},
	{"a second one", "30101L=s7", "30101L=s7 30101L=s8", "!unexpected 30101 +8"},
	{"leaves", "30101L=o10 30101L=s7", "30101L=o10", "vanished 30101 -7"},
	{"one of two leaves", "30150=s7 30150=s8", "30150=s8", ""},
	{"stays, the service is gone", "30101L=o10 30101L=s7", "30101L=s7", "!vanished 30101 -10"},
	{"gives way to the service", "30101L=s7", "30101L=o10",
		"vanished 30101 -7, appeared 30101 +10"},
	/* Who cannot be looked at has no pid: the socket tells. */
	{"unreadable, the same", "30150=s0.5@9", "30150=s0.5@9", ""},
	{"unreadable, another socket", "30150=s0.5@9", "30150=s0.6@9", "!changed 30150 -0 +0"},
	{"unreadable, another user", "30150=s0.5@9", "30150=s0.5@8", "!changed 30150 -0 +0"},
	/* Leases. */
	{"a service outlives its lease", "30101L=o10", "30101=s10", "!unleased 30101 +10"},
	{"and ends", "30101=s10", "", "vanished 30101 -10"},
	{"a lease that nobody uses comes and goes", "30101L", "30102L", ""},
	/* Places. */
	{"TCP and UDP are two ports", "30101L=o10 30101Lu", "30101L=o10 30101Lu=s7",
		"!unexpected 30101 +7"},
	{"many ports at once", "30101L=o10 30103L=o12 30105=s7", "30100=s6 30103L=o13 30104=s5 30105=s7",
		"!unleased 30100 +6, vanished 30101 -10, changed 30103 -12 +13, !unleased 30104 +5"},
};

/* What `say` makes of the events between two pictures. */
static void compare(const char *first, const char *second,
	void (*say)(const struct port_events *events, struct text *out), struct text *out)
{
	struct port_look before = {0}, after = {0};
	struct port_events events = {0};
	draw(first, &before);
	draw(second, &after);
	assert_int_equal(monitor_compare(&before, &after, &events, NULL), 0);
	say(&events, out);
	list_release(&events);
	port_look_release(&before);
	port_look_release(&after);
}

static void row_S10_two_pictures(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		OWNED_TEXT told = {0};
		compare(rows[i].before, rows[i].after, tell, &told);
		if (strcmp(text_string(&told), rows[i].events) != 0)
			fail_msg("%s: %s", rows[i].what, text_string(&told));
	}
}

struct sentence {
	const char *before;
	const char *after;
	const char *text;
};

static const struct sentence sentences[] = {
	{"30101L", "30101L=s7", "TCP port 30101 of shop instance 3 service 'api': a stranger listens: pid 7"},
	{"30101L=o10", "30101L=s0.5@9", "TCP port 30101 of shop instance 3 service 'api': taken over by a process "
					"of user 9; before by pid 10"},
	{"30101L=o10", "30101L=o11",
		"TCP port 30101 of shop instance 3 service 'api': served now by pid 11; before by pid 10"},
	{"30101Lu=o10", "30101Lu", "UDP port 30101 of shop instance 3 service 'api': no longer listens: pid 10"},
	{"", "30101L=o10", "TCP port 30101 of shop instance 3 service 'api': its service listens: pid 10"},
	{"", "30150=s7", "TCP port 30150: listens without a lease: pid 7"},
};

static void tell_the_one(const struct port_events *events, struct text *out)
{
	assert_int_equal(events->count, 1);
	port_event_add(out, &events->items[0]);
}

static void events_are_sentences(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++) {
		OWNED_TEXT told = {0};
		compare(sentences[i].before, sentences[i].after, tell_the_one, &told);
		assert_string_equal(text_string(&told), sentences[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_S10_two_pictures),
		cmocka_unit_test(events_are_sentences),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
