#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "scan/conflicts.h"

enum { BLOCK_PORTS = 100, NAMED_MOST = 4 };

WORDS(conflict_kind_word, conflict_kind, CONFLICT_KINDS)

bool finding_holds(const struct finding *f)
{
	if (f->kind != FINDING_PORT || f->in_comment || f->is_optional)
		return false;
	return f->role == ROLE_PUBLISH || (f->role == ROLE_LISTEN && !f->in_container);
}

int64_t known_owner(const struct known *known, const struct finding *f)
{
	int64_t best = 0;
	size_t longest = 0;
	for (size_t i = 0; i < known->project_count; i++) {
		const char *path = known->projects[i].path;
		size_t length = strlen(path), root = strlen(f->root);
		bool holds_root = length && length <= root && !strncmp(f->root, path, length) &&
			(f->root[length] == '/' || !f->root[length]);
		bool in_root = length > root && !strncmp(path, f->root, root) && path[root] == '/' &&
			!strncmp(f->file, path + root + 1, length - root - 1) && f->file[length - root - 1] == '/';
		if ((holds_root || in_root) && length > longest) {
			best = known->projects[i].id;
			longest = length;
		}
	}
	return best;
}

static const char *name_of(const struct known *known, int64_t project)
{
	for (size_t i = 0; i < known->project_count; i++)
		if (known->projects[i].id == project)
			return known->projects[i].name;
	return "";
}

int64_t known_block_owner(const struct known *known, uint16_t port)
{
	for (size_t i = 0; i < known->block_count; i++)
		if (port >= known->blocks[i].first && port < known->blocks[i].first + BLOCK_PORTS)
			return known->blocks[i].project;
	return 0;
}

static struct conflict *add(struct scan *scan, struct conflicts *out, enum conflict_kind kind, uint16_t port)
{
	struct conflict *c = arena_append(scan->arena, out->items, out->count);
	*c = (struct conflict){.kind = kind, .port = port};
	return c;
}

static void add_place(struct scan *scan, struct conflict *c, size_t finding)
{
	*arena_append(scan->arena, c->findings, c->count) = finding;
}

static const char *place(struct scan *scan, size_t finding)
{
	const struct finding *f = &scan->findings[finding];
	return arena_format(scan->arena, "%s:%d", f->file, f->line);
}

/* ---- the same port ---- */

struct holder {
	uint16_t port;
	bool is_udp;
	size_t project;
	size_t finding;
};

static int by_port(const void *a, const void *b)
{
	const struct holder *x = a, *y = b;
	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	if (x->is_udp != y->is_udp)
		return x->is_udp ? 1 : -1;
	if (x->project != y->project)
		return x->project < y->project ? -1 : 1;
	return (x->finding > y->finding) - (x->finding < y->finding);
}

static size_t holders_of(struct scan *scan, struct holder **out)
{
	struct holder *holders = arena_take(scan->arena, (scan->count + 1) * sizeof *holders);
	size_t count = 0;
	for (size_t i = 0; i < scan->count; i++)
		if (finding_holds(&scan->findings[i]))
			holders[count++] = (struct holder){scan->findings[i].port, scan->findings[i].is_udp, scan->owners[i], i};
	if (count)
		qsort(holders, count, sizeof *holders, by_port);
	*out = holders;
	return count;
}

/* One sentence: who they are, the first few by name. */
static const char *tell_projects(struct scan *scan, const struct holder *holders, size_t count)
{
	const char *text = "";
	size_t named = 0, all = 0;
	for (size_t i = 0; i < count; i++) {
		if (i && holders[i].project == holders[i - 1].project)
			continue;
		all++;
		if (named == NAMED_MOST)
			continue;
		text = arena_format(scan->arena, "%s%s%s (%s)", text, named ? ", " : "",
			scan->projects[holders[i].project].name, place(scan, holders[i].finding));
		named++;
	}
	if (all > named)
		text = arena_format(scan->arena, "%s and %zu more", text, all - named);
	return arena_format(scan->arena, "%zu projects use port %u: %s", all, holders->port, text);
}

static void add_rivals(struct scan *scan, struct conflicts *out, size_t one, size_t other)
{
	const struct finding *a = &scan->findings[one], *b = &scan->findings[other];
	struct conflict *c = add(scan, out, CONFLICT_SAME_PORT, a->port);
	add_place(scan, c, one);
	add_place(scan, c, other);
	c->text = arena_format(scan->arena, "'%s' and '%s' of %s both use port %u (%s and line %d)", a->service, b->service,
		scan->projects[scan->owners[one]].name, a->port, place(scan, one), b->line);
}

/* Two services that run together: of one file, and with names. They come by file. */
static void find_rivals(struct scan *scan, const struct holder *holders, size_t count, struct conflicts *out)
{
	size_t first = SIZE_MAX;
	for (size_t i = 0; i < count; i++) {
		const struct finding *f = &scan->findings[holders[i].finding];
		const struct finding *named = first == SIZE_MAX ? NULL : &scan->findings[first];
		if (!*f->service)
			continue;
		if (!named || strcmp(named->file, f->file) != 0) {
			first = holders[i].finding;
		} else if (strcmp(named->service, f->service) != 0) {
			add_rivals(scan, out, first, holders[i].finding);
			return;
		}
	}
}

static void find_same_port(struct scan *scan, const struct holder *holders, size_t count, struct conflicts *out)
{
	for (size_t i = 0, next; i < count; i = next) {
		for (next = i + 1; next < count && holders[next].port == holders[i].port &&
			holders[next].is_udp == holders[i].is_udp;)
			next++;
		if (holders[i].project == holders[next - 1].project) {
			find_rivals(scan, holders + i, next - i, out);
			continue;
		}
		struct conflict *c = add(scan, out, CONFLICT_SAME_PORT, holders[i].port);
		for (size_t j = i; j < next; j++)
			add_place(scan, c, holders[j].finding);
		c->text = tell_projects(scan, holders + i, next - i);
	}
}

/* ---- blocks ---- */

static void find_foreign_blocks(struct scan *scan, const struct known *known, const struct holder *holders, size_t count,
	struct conflicts *out)
{
	for (size_t i = 0; i < count; i++) {
		int64_t owner = known_block_owner(known, holders[i].port);
		if (!owner || owner == known_owner(known, &scan->findings[holders[i].finding]))
			continue;
		struct conflict *c = add(scan, out, CONFLICT_FOREIGN_BLOCK, holders[i].port);
		add_place(scan, c, holders[i].finding);
		c->text = arena_format(scan->arena, "%s uses port %u, which is in the block of %s (%s)",
			scan->projects[holders[i].project].name, holders[i].port, name_of(known, owner),
			place(scan, holders[i].finding));
	}
}

/* ---- nobody there ---- */

static bool is_this_machine(const struct finding *f)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "[::1]", "host.docker.internal"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(f->host, names[i]))
			/* In a container localhost is the container. */
			return !f->in_container || i == 3;
	return false;
}

static void mark_held(bool *held, struct scan *scan, const struct known *known)
{
	for (size_t i = 0; i < scan->count; i++) {
		const struct finding *f = &scan->findings[i];
		if (f->kind == FINDING_PORT && !f->in_comment && f->role != ROLE_CONNECT && f->role != ROLE_TARGET)
			held[f->port] = true;
	}
	for (size_t i = 0; i < known->port_count; i++)
		held[known->ports[i].port] = true;
}

static void find_unheld(struct scan *scan, const struct known *known, struct conflicts *out)
{
	bool *held = arena_take(scan->arena, (UINT16_MAX + 1) * sizeof *held);
	size_t *told = arena_take(scan->arena, (UINT16_MAX + 1) * sizeof *told); /* by port; one more than its place */
	mark_held(held, scan, known);
	for (size_t i = 0; i < scan->count; i++) {
		const struct finding *f = &scan->findings[i];
		if (f->kind != FINDING_PORT || f->role != ROLE_CONNECT || f->in_comment || held[f->port] || !is_this_machine(f))
			continue;
		struct conflict *same = told[f->port] ? &out->items[told[f->port] - 1] : NULL;
		if (same && scan->owners[same->findings[0]] == scan->owners[i]) {
			add_place(scan, same, i);
			continue;
		}
		struct conflict *c = add(scan, out, CONFLICT_NOBODY_LISTENS, f->port);
		told[f->port] = out->count;
		add_place(scan, c, i);
		c->text = arena_format(scan->arena, "%s connects to %s:%u, and no file says who listens there (%s)",
			scan->projects[scan->owners[i]].name, f->host, f->port, place(scan, i));
	}
}

static int by_kind(const void *a, const void *b)
{
	const struct conflict *x = a, *y = b;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	return (x->findings[0] > y->findings[0]) - (x->findings[0] < y->findings[0]);
}

static void sort(struct conflicts *out)
{
	if (out->count)
		qsort(out->items, out->count, sizeof *out->items, by_kind);
}

void conflicts_find(struct scan *scan, const struct known *known, struct conflicts *out)
{
	struct holder *holders;
	size_t count = holders_of(scan, &holders);
	find_same_port(scan, holders, count, out);
	find_foreign_blocks(scan, known, holders, count, out);
	find_unheld(scan, known, out);
	sort(out);
}

/* ---- the registry ---- */

static const struct known_port *port_of_other(const struct known *known, uint16_t port, int64_t project)
{
	for (size_t i = 0; i < known->port_count; i++)
		if (known->ports[i].port == port && known->ports[i].project != project)
			return &known->ports[i];
	return NULL;
}

/* A port of the project's service of that name; another service's in *other when the port is that one's. */
static const struct known_port *port_of_service(const struct known *known, const struct finding *f, int64_t project,
	const struct known_port **other)
{
	const struct known_port *own = NULL;
	*other = NULL;
	for (size_t i = 0; i < known->port_count; i++) {
		const struct known_port *p = &known->ports[i];
		if (p->project != project || !*p->service)
			continue;
		bool is_named = !strcmp(p->service, f->service);
		if (is_named && (!own || p->port == f->port))
			own = p;
		if (!is_named && p->port == f->port)
			*other = p;
	}
	return own;
}

static const char *contradiction(struct scan *scan, const struct known *known, const struct finding *f)
{
	int64_t project = known_owner(known, f);
	const struct known_port *foreign = port_of_other(known, f->port, project), *other;
	if (foreign && f->role != ROLE_CONNECT)
		return arena_format(scan->arena, "port %u is %s %s%s%s", f->port,
			foreign->is_reservation ? "reserved for" : "that of", name_of(known, foreign->project),
			*name_of(known, foreign->project) && *foreign->service ? " " : "", foreign->service);
	if (!project || !*f->service)
		return NULL;
	const struct known_port *own = port_of_service(known, f, project, &other);
	if (!own || own->port == f->port)
		return NULL;
	if (other)
		return arena_format(scan->arena, "port %u is that of '%s', and '%s' has %u", f->port, other->service,
			f->service, own->port);
	return finding_holds(f) ? arena_format(scan->arena, "'%s' has port %u, and not %u", f->service, own->port, f->port)
				: NULL;
}

void conflicts_integrity(struct scan *scan, const struct known *known, struct conflicts *out)
{
	for (size_t i = 0; i < scan->count; i++) {
		const struct finding *f = &scan->findings[i];
		bool is_about_us = finding_holds(f) || (f->role == ROLE_CONNECT && is_this_machine(f));
		const char *text = f->kind == FINDING_PORT && !f->in_comment && is_about_us ? contradiction(scan, known, f) : NULL;
		if (!text)
			continue;
		struct conflict *c = add(scan, out, CONFLICT_REGISTRY, f->port);
		add_place(scan, c, i);
		c->text = arena_format(scan->arena, "%s says %u; by the registry %s", place(scan, i), f->port, text);
	}
	sort(out);
}
