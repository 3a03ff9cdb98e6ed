#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "scan/find.h"
#include "scan/formats.h"
#include "scan/scan.h"

enum { THREADS_MOST = 16 };

struct hand {
	struct arena *arena; /* owns */
	LIST(struct finding) findings;
	LIST(const char *) projects; /* directories with a repository or a stack file */
	bool is_project; /* the root has files of one */
	bool is_broken;
};

struct crew_hands {
	const char *root;
	struct hand *hands;
};

static bool wants(const char *path)
{
	return format_of(path) != NULL;
}

/* Where a machine's own addresses are is what git is told to ignore. */
static bool wants_ignored(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	return !strcmp(name, ".env") || !strncmp(name, ".env.", 5);
}

static void on_file(void *owner, int worker, const char *path, const char *bytes, size_t length)
{
	struct crew_hands *crew = owner;
	struct hand *hand = &crew->hands[worker];
	struct find f = {.bytes = bytes, .length = length, .format = format_of(path), .arena = hand->arena};
	find_all(&f);
	const char *file = f.count ? arena_string(hand->arena, path) : NULL;
	for (size_t i = 0; i < f.count; i++) {
		f.found[i].root = crew->root;
		f.found[i].file = file;
		if (!list_push(&hand->findings, f.found[i]))
			hand->is_broken = true;
	}
}

static bool is_project_file(const char *name)
{
	static const char *const names[] = {"package.json", "Procfile", "go.mod", "Cargo.toml", "pyproject.toml",
		"Gemfile", "pom.xml", "manage.py", "compose.yaml", "compose.yml", "docker-compose.yml",
		"docker-compose.yaml", "Dockerfile", "Makefile"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static void on_directory(void *owner, int worker, const char *path, const char *names)
{
	struct crew_hands *crew = owner;
	struct hand *hand = &crew->hands[worker];
	for (const char *at = names; *at; at += strlen(at) + 1) {
		bool is_own = !strcmp(at + 1, ".git") || (*at == 'f' && !strcmp(at + 1, "stack.ini"));
		if (!*path && (is_own || is_project_file(at + 1)))
			hand->is_project = true;
		if (!*path || !is_own)
			continue;
		if (!list_push(&hand->projects, arena_string(hand->arena, path)))
			hand->is_broken = true;
		return;
	}
}

/* ---- after the walk ---- */

static size_t project_add(struct scan *scan, const char *root, const char *dir, size_t length)
{
	struct scan_project *p = arena_append(scan->arena, scan->projects, scan->project_count);
	p->root = root;
	p->dir = arena_string_n(scan->arena, dir, length);
	const char *path = length ? p->dir : root, *slash = strrchr(path, '/');
	p->name = slash && slash[1] ? slash + 1 : path;
	return scan->project_count - 1;
}

static bool is_below(const char *file, const char *dir)
{
	size_t length = strlen(dir);
	return !length || (!strncmp(file, dir, length) && file[length] == '/');
}

/* The deepest of the projects from `first` on in which the file lies, else a new one: the first part of its path. */
static size_t project_of(struct scan *scan, size_t first, const char *root, const char *file)
{
	size_t best = SIZE_MAX;
	for (size_t i = first; i < scan->project_count; i++)
		if (is_below(file, scan->projects[i].dir) &&
			(best == SIZE_MAX || strlen(scan->projects[i].dir) > strlen(scan->projects[best].dir)))
			best = i;
	return best == SIZE_MAX ? project_add(scan, root, file, strcspn(file, "/") < strlen(file) ? strcspn(file, "/") : 0)
				: best;
}

static int by_file(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	int order = strcmp(x->file, y->file);
	return order ? order : (x->start > y->start) - (x->start < y->start);
}

static void gather(struct scan *scan, const char *root, struct hand *hands, int count)
{
	size_t first = scan->count, first_project = scan->project_count;
	bool is_project = false;
	for (int i = 0; i < count; i++) {
		is_project = is_project || hands[i].is_project;
		for (size_t j = 0; j < hands[i].projects.count; j++)
			project_add(scan, root, hands[i].projects.items[j], strlen(hands[i].projects.items[j]));
		for (size_t j = 0; j < hands[i].findings.count; j++)
			*arena_append(scan->arena, scan->findings, scan->count) = hands[i].findings.items[j];
	}
	if (is_project)
		project_add(scan, root, "", 0);
	if (scan->count > first)
		qsort(scan->findings + first, scan->count - first, sizeof *scan->findings, by_file);
	size_t owners = first;
	for (size_t i = first; i < scan->count; i++) {
		bool is_same = i > first && !strcmp(scan->findings[i].file, scan->findings[i - 1].file);
		size_t owner = is_same ? scan->owners[i - 1]
				       : project_of(scan, first_project, root, scan->findings[i].file);
		*arena_append(scan->arena, scan->owners, owners) = owner;
	}
}

static int thread_count(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof set, &set) ? 2 : CPU_COUNT(&set);
	return count < 1 ? 1 : count > THREADS_MOST ? THREADS_MOST : count;
}

static int scan_root(struct scan *scan, const char *root, struct error *e)
{
	int threads = thread_count();
	struct hand hands[THREADS_MOST] = {0};
	struct crew_hands crew = {.root = root, .hands = hands};
	struct walk walk = {.root = root,
		.threads = threads,
		.most = FORMAT_FILE_MOST,
		.owner = &crew,
		.wants = wants,
		.wants_ignored = wants_ignored,
		.on_file = on_file,
		.on_directory = on_directory};
	int result = 0;
	for (int i = 0; i < threads && result == 0; i++) {
		hands[i].arena = arena_new();
		if (!hands[i].arena)
			result = fail(e, EXIT_FAILED, "out of memory");
		else
			*arena_append(scan->arena, scan->arenas, /* NOLINT(bugprone-sizeof-expression): pointers */
				scan->arena_count) = hands[i].arena;
	}
	if (result == 0)
		result = walk_tree(&walk, &scan->counts, e);
	if (result == 0)
		gather(scan, root, hands, threads);
	for (int i = 0; i < threads; i++) {
		if (hands[i].is_broken && result == 0)
			result = fail(e, EXIT_FAILED, "out of memory while reading %s", root);
		list_release(&hands[i].findings);
		list_release(&hands[i].projects);
	}
	return result;
}

/* Is it, or does it lie in, another of the directories? Of two that are the same the first counts. */
static bool is_covered(char *const *paths, size_t count, size_t which)
{
	for (size_t i = 0; i < count; i++) {
		if (i == which || !paths[i])
			continue;
		bool is_same = !strcmp(paths[i], paths[which]);
		if ((is_same && i < which) || (!is_same && is_below(paths[which], paths[i])))
			return true;
	}
	return false;
}

int scan_run(const char *const *roots, size_t count, struct scan *out, struct error *e)
{
	*out = (struct scan){.arena = arena_new()};
	if (!out->arena)
		return fail(e, EXIT_FAILED, "out of memory");
	char **paths = arena_take(out->arena, (count + 1) * sizeof *paths);
	int result = 0;
	for (size_t i = 0; i < count && result == 0; i++) {
		char real[PATH_MAX];
		if (!realpath(roots[i], real))
			result = fail_errno(e, EXIT_FAILED, "cannot read the directory %s", roots[i]);
		else
			paths[i] = arena_string(out->arena, real);
	}
	for (size_t i = 0; i < count && result == 0; i++)
		if (!is_covered(paths, count, i))
			result = scan_root(out, paths[i], e);
	return result;
}

void scan_release(struct scan *scan)
{
	for (size_t i = 0; i < scan->arena_count; i++)
		arena_free(scan->arenas[i]);
	if (scan->arena)
		arena_free(scan->arena);
	*scan = (struct scan){0};
}
