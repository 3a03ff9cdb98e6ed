#include "survey/monitor.h"

#include "base/list.h"
#include "base/words.h"

WORDS(port_event_word, port_event_kind, PORT_EVENT_KINDS)

/* The views of one port: a run of a picture. */
struct place {
	const struct port_view *views;
	size_t count;
};

static int order(const struct port_view *a, const struct port_view *b)
{
	return a->port != b->port ? a->port - b->port : a->udp - b->udp;
}

static struct place take_place(
	const struct port_look *picture, size_t *at, const struct port_view *which)
{
	struct place place = {.views = picture->items + *at};
	while (*at + place.count < picture->count && !order(place.views + place.count, which))
		place.count++;
	*at += place.count;
	return place;
}

static const struct port_view *lower(
	const struct port_look *a, size_t i, const struct port_look *b, size_t k)
{
	if (i == a->count)
		return &b->items[k];
	if (k == b->count || order(&a->items[i], &b->items[k]) <= 0)
		return &a->items[i];
	return &b->items[k];
}

/* Of a process that cannot be looked at only its socket and user are known. */
static bool is_same(const struct port_view *a, const struct port_view *b)
{
	if (a->holder.pid != b->holder.pid || a->socket.uid != b->socket.uid)
		return false;
	return a->holder.pid ? a->holder.start_ticks == b->holder.start_ticks
			     : a->socket.inode == b->socket.inode;
}

static bool is_own(const struct port_view *view)
{
	return view->class == CLASS_OWN_LIVE;
}

static bool has(const struct place *place, bool own, const struct port_view *wanted)
{
	for (size_t i = 0; i < place->count; i++)
		if (place->views[i].seen && is_own(&place->views[i]) == own &&
			is_same(&place->views[i], wanted))
			return true;
	return false;
}

/* What happened to one side of a port: to its service, or to the strangers. */
struct change {
	const struct port_view *left;
	const struct port_view *came;
	bool stays; /* somebody of this side was there and is there */
};

static struct change change_of(const struct place *was, const struct place *is, bool own)
{
	struct change change = {0};
	for (size_t i = 0; i < was->count; i++) {
		const struct port_view *view = &was->views[i];
		if (!view->seen || is_own(view) != own)
			continue;
		if (has(is, own, view))
			change.stays = true;
		else if (!change.left)
			change.left = view;
	}
	for (size_t i = 0; i < is->count && !change.came; i++) {
		const struct port_view *view = &is->views[i];
		if (view->seen && is_own(view) == own && !has(was, own, view))
			change.came = view;
	}
	return change;
}

static const struct lease *lease_at(const struct place *place)
{
	for (size_t i = 0; i < place->count; i++)
		if (place->views[i].has_lease)
			return &place->views[i].lease;
	return NULL;
}

/*
 * Whom a stranger took the port from: another stranger, or its service, unless that went on beside
 * him or he is the service itself, whose lease has ended.
 */
static const struct port_view *predecessor(const struct change *own, const struct change *others)
{
	if (others->left)
		return others->left;
	bool gave_way = own->left && !own->stays && !own->came;
	return gave_way && !is_same(own->left, others->came) ? own->left : NULL;
}

static bool add(struct port_events *out, struct port_event event)
{
	return list_push(out, event);
}

static bool compare_strangers(const struct change *own, const struct change *others,
	const struct lease *stands, const struct lease *stood, struct port_events *out)
{
	struct port_event event = {.lease = stands ? stands : stood};
	if (others->came) {
		event.before = predecessor(own, others);
		event.after = others->came;
		event.alert = true;
		event.kind = event.before ? PORT_CHANGED : stands ? PORT_UNEXPECTED : PORT_UNLEASED;
		return add(out, event);
	}
	event.before = others->left;
	event.kind = PORT_VANISHED;
	return !others->left || others->stays || add(out, event);
}

static bool compare_own(const struct change *own, const struct change *others,
	const struct lease *stands, const struct lease *stood, struct port_events *out)
{
	struct port_event event = {
		.lease = stands ? stands : stood, .before = own->left, .after = own->came};
	if (own->stays || (!own->left && !own->came))
		return true;
	if (own->came) {
		event.kind = own->left ? PORT_CHANGED : PORT_APPEARED;
		return add(out, event);
	}
	event.kind = PORT_VANISHED;
	event.alert = stands != NULL;
	/* Told already as the predecessor, or it is there still and only its lease is gone. */
	bool told = others->came &&
		(predecessor(own, others) == own->left || is_same(own->left, others->came));
	return told || add(out, event);
}

static bool compare_place(const struct place *was, const struct place *is, struct port_events *out)
{
	struct change own = change_of(was, is, true), others = change_of(was, is, false);
	const struct lease *stands = lease_at(is), *stood = lease_at(was);
	return compare_strangers(&own, &others, stands, stood, out) &&
		compare_own(&own, &others, stands, stood, out);
}

int monitor_compare(const struct port_look *before, const struct port_look *after,
	struct port_events *out, struct error *e)
{
	for (size_t i = 0, k = 0; i < before->count || k < after->count;) {
		const struct port_view *which = lower(before, i, after, k);
		struct place was = take_place(before, &i, which);
		struct place is = take_place(after, &k, which);
		if (!compare_place(&was, &is, out))
			return fail(e, EXIT_FAILED, "out of memory");
	}
	return 0;
}

const struct port_view *port_event_view(const struct port_event *event)
{
	return event->after ? event->after : event->before;
}

static void add_place(struct text *out, const struct port_event *event)
{
	const struct port_view *view = port_event_view(event);
	text_addf(out, "%s port %u", view->udp ? "UDP" : "TCP", view->port);
	if (!event->lease)
		return;
	text_addf(out, " of %s instance %d", event->lease->project, event->lease->instance);
	if (*event->lease->service)
		text_addf(out, " service '%s'", event->lease->service);
}

static void add_holder(struct text *out, const struct port_view *view)
{
	if (view->has_holder)
		owner_add_line(out, &view->holder);
	else
		text_addf(out, "a process of user %u", (unsigned)view->socket.uid);
}

void port_event_add(struct text *out, const struct port_event *event)
{
	add_place(out, event);
	text_add(out, ": ");
	switch (event->kind) {
	case PORT_APPEARED:
		text_add(out, "its service listens: ");
		add_holder(out, event->after);
		return;
	case PORT_VANISHED:
		text_add(out, "no longer listens: ");
		add_holder(out, event->before);
		return;
	case PORT_CHANGED:
		text_add(out, event->alert ? "taken over by " : "served now by ");
		add_holder(out, event->after);
		text_add(out, "; before by ");
		add_holder(out, event->before);
		return;
	case PORT_UNEXPECTED:
		text_add(out, "a stranger listens: ");
		break;
	case PORT_UNLEASED:
		text_add(out, "listens without a lease: ");
		break;
	}
	add_holder(out, event->after);
}
