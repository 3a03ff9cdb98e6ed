/* rooms: base model stackfile */
#include "cases.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "stackfile/locate.h"

extern char **environ;

struct world {
	struct arena *arena;
	char dir[PATH_MAX]; /* a temporary directory, links resolved */
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	char template[] = "/tmp/stackup-locate-XXXXXX";
	assert_non_null(w);
	assert_non_null(mkdtemp(template));
	assert_non_null(realpath(template, w->dir));
	w->arena = arena_new();
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	assert_int_equal(file_remove_tree(w->dir, NULL), 0);
	arena_free(w->arena);
	free(w);
	return 0;
}

static const char *at(struct world *w, const char *path)
{
	return *path ? arena_format(w->arena, "%s/%s", w->dir, path) : w->dir;
}

static void put(struct world *w, const char *path, const char *content)
{
	char *whole = arena_string(w->arena, at(w, path));
	char *slash = strrchr(whole, '/');
	*slash = '\0';
	assert_int_equal(file_make_directories(whole, NULL), 0);
	*slash = '/';
	assert_int_equal(file_replace(whole, content, strlen(content), NULL), 0);
}

static void make_directory(struct world *w, const char *path)
{
	assert_int_equal(file_make_directories(at(w, path), NULL), 0);
}

static int locate(struct world *w, const char *cwd, const char *file, const char *variable,
	struct location *out, struct error *e)
{
	struct locate_request request = {
		.file = file, .variable = variable, .cwd = at(w, cwd), .home = at(w, "home")};
	return locate_stack_file(w->arena, &request, out, e);
}

static void assert_found(struct world *w, const char *cwd, const char *file, const char *shown)
{
	struct location found;
	struct error e = {0};
	if (locate(w, cwd, NULL, NULL, &found, &e))
		fail_msg("%s: %s", cwd, e.text);
	assert_string_equal(found.file, at(w, file));
	assert_string_equal(found.shown, shown);
}

static void assert_not_found(struct world *w, const char *cwd, const char *part)
{
	struct location found;
	struct error e;
	assert_int_equal(locate(w, cwd, NULL, NULL, &found, &e), -1);
	assert_int_equal(e.code, EXIT_BAD_FILE);
	if (!strstr(e.text, part) || !*e.hint)
		fail_msg("%s; %s", e.text, e.hint);
}

static void nearest_file_upwards(void **state)
{
	struct world *w = *state;
	put(w, "home/p/stack.ini", "");
	put(w, "home/p/Procfile", "");
	put(w, "home/p/a/Procfile", "");
	make_directory(w, "home/p/a/b/c");
	make_directory(w, "home/p/x/stack.ini");
	assert_found(w, "home/p", "home/p/stack.ini", "stack.ini");
	assert_found(w, "home/p/a/b/c", "home/p/a/Procfile", at(w, "home/p/a/Procfile"));
	assert_found(w, "home/p/a", "home/p/a/Procfile", "Procfile");
	assert_found(w, "home/p/x", "home/p/stack.ini", at(w, "home/p/stack.ini"));
	struct location found;
	assert_int_equal(locate(w, "home/p/a", NULL, NULL, &found, NULL), 0);
	assert_true(found.is_procfile);
	assert_string_equal(found.dir, at(w, "home/p/a"));
}

static void not_past_the_home_directory(void **state)
{
	struct world *w = *state;
	put(w, "stack.ini", "");
	make_directory(w, "home/p/q");
	make_directory(w, "elsewhere/p");
	assert_not_found(w, "home/p/q", "or above it up to");
	assert_not_found(w, "home", "there is no stack.ini or Procfile in");
	assert_found(w, "elsewhere/p", "stack.ini", at(w, "stack.ini"));
	/* A name that begins as the home directory's is not in it. */
	make_directory(w, "homestead");
	assert_found(w, "homestead", "stack.ini", at(w, "stack.ini"));
}

static void a_procfile_of_another_name_is_told_of(void **state)
{
	struct world *w = *state;
	put(w, "home/rails/Procfile.test", "");
	put(w, "home/rails/Procfile.dev", "");
	struct location found;
	struct error e;
	assert_int_equal(locate(w, "home/rails", NULL, NULL, &found, &e), -1);
	assert_string_equal(e.hint, "`stackup -f Procfile.dev up` takes the Procfile.dev that is there");
}

static void who_has_a_compose_file_is_told_what_to_write(void **state)
{
	struct world *w = *state;
	struct location found;
	struct error e = {0};
	put(w, "home/composed/docker-compose.yml", "");
	assert_int_equal(locate(w, "home/composed", NULL, NULL, &found, &e), -1);
	assert_non_null(strstr(e.hint, "docker-compose.yml is docker compose's and not read; `stackup import compose"));
}

static void not_past_the_git_top_level(void **state)
{
	struct world *w = *state;
	put(w, "home/stack.ini", "");
	put(w, "home/p/.git/HEAD", "ref: refs/heads/main\n");
	make_directory(w, "home/p/q");
	assert_not_found(w, "home/p/q", at(w, "home/p"));
	put(w, "home/p/Procfile", "");
	assert_found(w, "home/p/q", "home/p/Procfile", at(w, "home/p/Procfile"));
}

static void a_file_of_somebody_else_above_is_not_taken(void **state)
{
	struct world *w = *state;
	if (geteuid() != 0) {
		skip();
		return;
	}
	put(w, "home/Procfile", "web: evil\n");
	make_directory(w, "home/p");
	assert_int_equal(chown(at(w, "home/Procfile"), 12345, 12345), 0);
	assert_not_found(w, "home/p", "belongs to another user");
	assert_found(w, "home", "home/Procfile", "Procfile");
	assert_int_equal(chown(at(w, "home/p"), 12345, 12345), 0);
	assert_found(w, "home/p", "home/Procfile", at(w, "home/Procfile"));
}

static void a_named_file_is_taken(void **state)
{
	struct world *w = *state;
	put(w, "home/p/other.ini", "");
	put(w, "home/p/Procfile.dev", "");
	put(w, "home/stack.ini", "");
	struct location found;
	assert_int_equal(locate(w, "home", "p/other.ini", "nonsense", &found, NULL), 0);
	assert_string_equal(found.file, at(w, "home/p/other.ini"));
	assert_string_equal(found.dir, at(w, "home/p"));
	assert_string_equal(found.shown, "p/other.ini");
	assert_false(found.is_procfile);
	assert_int_equal(locate(w, "home", NULL, at(w, "home/p/Procfile.dev"), &found, NULL), 0);
	assert_true(found.is_procfile);
	assert_int_equal(locate(w, "home/p", "../stack.ini", NULL, &found, NULL), 0);
	assert_string_equal(found.file, at(w, "home/stack.ini"));
	/* An empty variable is none. */
	assert_int_equal(locate(w, "home", NULL, "", &found, NULL), 0);
	assert_string_equal(found.file, at(w, "home/stack.ini"));
	assert_int_equal(locate(w, "home/p", "-", NULL, &found, NULL), 0);
	assert_string_equal(found.file, "-");
	assert_string_equal(found.dir, at(w, "home/p"));
}

static void what_is_wrong_with_a_named_file_is_said(void **state)
{
	struct world *w = *state;
	make_directory(w, "home/p");
	struct location found;
	struct error e;
	assert_int_equal(locate(w, "home", "p", NULL, &found, &e), -1);
	assert_string_equal(e.text, "-f names p, which is a directory");
	assert_non_null(strstr(e.hint, "-C p"));
	assert_int_equal(locate(w, "home", NULL, "p/none.ini", &found, &e), -1);
	assert_string_equal(e.text,
		"$STACKUP_FILE names p/none.ini, which cannot be read: No such file or directory");
	assert_int_equal(e.number, ENOENT);
	assert_int_equal(e.code, EXIT_BAD_FILE);
}

static void a_link_to_the_project_is_the_project(void **state)
{
	struct world *w = *state;
	put(w, "home/p/stack.ini", "");
	assert_int_equal(symlink(at(w, "home/p"), at(w, "home/link")), 0);
	assert_found(w, "home/link", "home/p/stack.ini", "stack.ini");
	struct location found;
	assert_int_equal(locate(w, "home", "link/stack.ini", NULL, &found, NULL), 0);
	assert_string_equal(found.file, at(w, "home/p/stack.ini"));
}

/* ---- git ---- */

static bool git(struct world *w, const char *dir, const char *arguments)
{
	OWNED_TEXT script = {0};
	text_addf(&script,
		"cd '%s' && GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null HOME='%s' "
		"git -c user.name=t -c user.email=t@t -c init.defaultBranch=main "
		"-c protocol.file.allow=always %s >/dev/null 2>&1",
		at(w, dir), w->dir, arguments);
	char sh[] = "sh";
	char dash_c[] = "-c";
	char *argv[] = {sh, dash_c, script.data, NULL};
	pid_t pid;
	int status = -1;
	assert_int_equal(posix_spawnp(&pid, sh, NULL, NULL, argv, environ), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status == 0;
}

static void make_repository(struct world *w)
{
	make_directory(w, "main/sub/deep");
	assert_true(git(w, "main", "init"));
	assert_true(git(w, "main", "commit --allow-empty -m first"));
}

static struct git_facts facts(struct world *w, const char *dir)
{
	struct git_facts out;
	locate_git(w->arena, at(w, dir), &out);
	return out;
}

static void a_repository(void **state)
{
	struct world *w = *state;
	make_repository(w);
	struct git_facts g = facts(w, "main/sub/deep");
	assert_true(g.present);
	assert_string_equal(g.top, at(w, "main"));
	assert_string_equal(g.main_dir, at(w, "main"));
	assert_string_equal(g.git_dir, at(w, "main/.git"));
	assert_string_equal(g.common_dir, at(w, "main/.git"));
	assert_string_equal(g.branch, "main");
	assert_false(g.detached || g.is_linked);
	assert_true(git(w, "main", "checkout -b feature/a.b"));
	assert_string_equal(facts(w, "main").branch, "feature/a.b");
	assert_true(git(w, "main", "checkout --detach"));
	g = facts(w, "main");
	assert_true(g.detached);
	assert_string_equal(g.branch, "");
}

/* git may write HEAD between the two looks. */
static void the_commit_is_that_of_now(void **state)
{
	struct world *w = *state;
	make_repository(w);
	struct git_facts g = facts(w, "main");
	const char *commit = locate_commit(w->arena, &g);
	assert_int_equal(strlen(commit), 40);
	assert_true(git(w, "main", "checkout --detach"));
	assert_string_equal(locate_commit(w->arena, &g), commit);
	assert_true(git(w, "main", "checkout main"));
	assert_true(git(w, "main", "pack-refs --all"));
	assert_string_equal(locate_commit(w->arena, &g), commit);
	static const char *const contents[] = {"", "r", "ref: ", "ref: refs/heads/none\n", "0123456789"};
	for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
		put(w, "main/.git/HEAD", contents[i]);
		assert_string_equal(locate_commit(w->arena, &g), "");
	}
}

static void a_linked_worktree(void **state)
{
	struct world *w = *state;
	make_repository(w);
	assert_true(git(w, "main", "worktree add ../linked -b feature/auth"));
	assert_true(git(w, "main", "worktree add --detach ./inside"));
	make_directory(w, "linked/sub");
	struct git_facts g = facts(w, "linked/sub");
	assert_true(g.present && g.is_linked);
	assert_string_equal(g.top, at(w, "linked"));
	assert_string_equal(g.main_dir, at(w, "main"));
	assert_string_equal(g.git_dir, at(w, "main/.git/worktrees/linked"));
	assert_string_equal(g.common_dir, at(w, "main/.git"));
	assert_string_equal(g.branch, "feature/auth");
	g = facts(w, "main/inside");
	assert_string_equal(g.top, at(w, "main/inside"));
	assert_string_equal(g.main_dir, at(w, "main"));
	assert_true(g.is_linked && g.detached);
	assert_false(facts(w, "main/sub").is_linked);
}

static void a_bare_repository_with_worktrees(void **state)
{
	struct world *w = *state;
	make_repository(w);
	assert_true(git(w, "", "clone --bare main bare.git"));
	assert_true(git(w, "bare.git", "worktree add ../tree main"));
	struct git_facts g = facts(w, "tree");
	assert_true(g.is_linked);
	assert_string_equal(g.top, at(w, "tree"));
	assert_string_equal(g.main_dir, at(w, "bare.git"));
	assert_string_equal(g.branch, "main");
}

static void a_submodule_is_a_repository_of_its_own(void **state)
{
	struct world *w = *state;
	make_repository(w);
	make_directory(w, "super");
	assert_true(git(w, "super", "init"));
	assert_true(git(w, "super", "submodule add ../main mod"));
	struct git_facts g = facts(w, "super/mod");
	assert_string_equal(g.top, at(w, "super/mod"));
	assert_string_equal(g.main_dir, at(w, "super/mod"));
	assert_false(g.is_linked);
	assert_true(git(w, "super/mod", "worktree add ../../modtree -b other"));
	g = facts(w, "modtree");
	assert_true(g.is_linked);
	assert_string_equal(g.main_dir, at(w, "super/mod"));
	assert_string_equal(g.branch, "other");
}

static void a_repository_that_lies_elsewhere(void **state)
{
	struct world *w = *state;
	make_directory(w, "tree/sub");
	assert_true(git(w, "tree", "init --separate-git-dir ../store"));
	struct git_facts g = facts(w, "tree/sub");
	assert_string_equal(g.top, at(w, "tree"));
	assert_string_equal(g.main_dir, at(w, "tree"));
	assert_string_equal(g.git_dir, at(w, "store"));
	assert_string_equal(g.branch, "main");
}

static void what_cannot_be_read_is_no_repository(void **state)
{
	struct world *w = *state;
	make_directory(w, "a/.git");
	put(w, "b/.git", "nonsense\n");
	put(w, "c/.git", "gitdir: /nowhere/at/all\n");
	static const char *const dirs[] = {"a", "b", "c", "none"};
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		struct git_facts g = facts(w, dirs[i]);
		assert_false(g.present);
		assert_string_equal(g.top, "");
		assert_string_equal(g.branch, "");
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(nearest_file_upwards),
		TEST(not_past_the_home_directory),
		TEST(a_procfile_of_another_name_is_told_of),
		TEST(who_has_a_compose_file_is_told_what_to_write),
		TEST(not_past_the_git_top_level),
		TEST(a_file_of_somebody_else_above_is_not_taken),
		TEST(a_named_file_is_taken),
		TEST(what_is_wrong_with_a_named_file_is_said),
		TEST(a_link_to_the_project_is_the_project),
		TEST(a_repository),
		TEST(the_commit_is_that_of_now),
		TEST(a_linked_worktree),
		TEST(a_bare_repository_with_worktrees),
		TEST(a_submodule_is_a_repository_of_its_own),
		TEST(a_repository_that_lies_elsewhere),
		TEST(what_cannot_be_read_is_no_repository),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
