/*
 * run.c - goes random walks on all cores until the time is over or so many events were handled.
 *
 *	sim_run --seconds 10		at least the first walks, then fresh ones until the time is over
 *	sim_run --events 1000000000	a night's work, which says how far it is; --first SEED goes on there
 *	sim_run --seed N		one walk, told in full
 *	sim_run --replay FILE		one that was written down
 *
 * A walk that fails is made as short as can be, written down and told. The matrix of what came in
 * which state ends the report. A move that the table has and that none of the first walks went is a
 * failure.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"
#include "moves.h"
#include "walk.h"

/* So many walks see every move; whatever the time, they are gone first, always the same. */
enum { FIRST_WALKS = 5000, JOBS_MOST = 64, TELL_SECONDS = 20 };

struct options {
	int64_t seed;
	int64_t first;
	int64_t walks;
	int64_t events;
	int64_t seconds;
	int64_t jobs;
	const char *replay;
};

struct worker {
	uint64_t seed; /* at work on it */
	bool failed;
	struct coverage coverage;
};

struct shared { /* by all workers */
	_Atomic uint64_t next;
	_Atomic uint64_t events;
	_Atomic bool over;
	struct worker workers[JOBS_MOST];
};

/* ---- one walk ---- */

static int tell_failure(struct walk *walk, struct ending *ending)
{
	printf("\nseed %lld breaks a rule: %s\n", (long long)walk->seed, ending->complaint);
	struct walk full = *walk;
	int tries = walk_shrink(walk, ending);
	printf("\nThe shortest walk that does (%d moves of %d, %d services of %d, found in %d tries; "
	       "go it again with --replay FILE):\n\n",
		(int)walk->moves, (int)full.moves, (int)walk->services, (int)full.services, tries);
	walk_write(walk, stdout);
	puts("\nWhat happens:\n");
	walk_play(walk, stdout, ending);
	printf("\n  => %s\n", ending->complaint);
	return EXIT_FAILURE;
}

static int go_one(struct walk *walk, bool told)
{
	struct ending ending;
	walk_play(walk, told ? stdout : NULL, &ending);
	if (ending.failed)
		return tell_failure(walk, &ending);
	printf("seed %lld: %llu events, no rule is broken\n", (long long)walk->seed,
		(unsigned long long)ending.events);
	return EXIT_SUCCESS;
}

static int replay(const char *path)
{
	static struct walk walk;
	FILE *in = fopen(path, "re");
	if (!in || !walk_read(&walk, in)) {
		fprintf(stderr, "sim_run: %s is not the text of a walk\n", path);
		return EXIT_FAILURE;
	}
	fclose(in);
	struct ending ending;
	walk_play(&walk, stdout, &ending);
	printf("\n  => %s\n", ending.failed ? ending.complaint : "no rule is broken");
	return ending.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- many ---- */

static bool is_over(const struct options *o, struct shared *shared, uint64_t gone, int64_t end_ms)
{
	if (atomic_load(&shared->over))
		return true;
	if (gone < (uint64_t)o->walks)
		return false;
	if (o->events)
		return atomic_load(&shared->events) >= (uint64_t)o->events;
	return clock_now_ms() >= end_ms;
}

static int work(const struct options *o, struct shared *shared, struct worker *me, int64_t end_ms)
{
	static struct walk walk;
	struct ending ending;
	memset(&seen, 0, sizeof seen);
	for (;;) {
		uint64_t gone = atomic_fetch_add(&shared->next, 1);
		if (is_over(o, shared, gone, end_ms))
			break;
		me->seed = (uint64_t)o->first + gone;
		walk_draw(&walk, me->seed);
		walk_play(&walk, NULL, &ending);
		seen.walks++;
		atomic_fetch_add(&shared->events, ending.events);
		if (ending.failed) {
			me->failed = true;
			atomic_store(&shared->over, true);
		}
	}
	me->coverage = seen;
	return EXIT_SUCCESS;
}

static int report(const struct coverage *sum, int64_t first, int64_t took_ms)
{
	struct rusage usage;
	getrusage(RUSAGE_CHILDREN, &usage);
	double cpu = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec
		+ (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	coverage_print(sum, stdout);
	printf("\n%llu walks from seed %lld, %llu events, none breaks a rule; %.1f s, "
	       "%.2f million events a second, %.2f a second of processor time\n",
		(unsigned long long)sum->walks, (long long)first, (unsigned long long)sum->events,
		(double)took_ms / 1e3, (double)sum->events / 1e3 / (double)(took_ms + 1),
		(double)sum->events / 1e6 / (cpu + 1e-3));
	if (sum->walks < FIRST_WALKS)
		return EXIT_SUCCESS;
	int gaps = coverage_gaps(sum, stdout);
	if (gaps)
		printf("%d moves of the table were never seen\n", gaps);
	return gaps ? EXIT_FAILURE : EXIT_SUCCESS;
}

/*
 * A night's work says now and then how far it is. All walks before the first one that somebody is still
 * at are gone: with --first and its seed another run goes on there.
 */
static void tell_progress(const struct options *o, const struct shared *shared)
{
	uint64_t first = (uint64_t)o->first + atomic_load(&shared->next);
	for (int64_t i = 0; i < o->jobs; i++)
		if (shared->workers[i].seed < first)
			first = shared->workers[i].seed;
	fprintf(stderr, "%llu million events; walks before seed %llu are gone (go on there: --first %llu)\n",
		(unsigned long long)atomic_load(&shared->events) / 1000000, (unsigned long long)first,
		(unsigned long long)first);
}

static int end_of(pid_t pid, const struct options *o, const struct shared *shared)
{
	static int tenths;
	int status = 0;
	while (!waitpid(pid, &status, WNOHANG)) {
		nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL);
		if (++tenths % (10 * TELL_SECONDS) == 0)
			tell_progress(o, shared);
	}
	return status;
}

static bool await(const struct options *o, struct shared *shared, pid_t *pids)
{
	bool well = true;
	for (int64_t i = 0; i < o->jobs; i++) {
		int status = end_of(pids[i], o, shared);
		struct worker *worker = &shared->workers[i];
		if (status) {
			fprintf(stderr, "seed %llu ends its process; go it alone with --seed\n",
				(unsigned long long)worker->seed);
			well = false;
		}
	}
	return well;
}

static int go_many(const struct options *o)
{
	static struct walk walk;
	static struct coverage sum;
	pid_t pids[JOBS_MOST];
	int64_t began = clock_now_ms();
	struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return EXIT_FAILURE;
	for (int64_t i = 0; i < o->jobs; i++) {
		pids[i] = fork();
		if (!pids[i])
			_exit(work(o, shared, &shared->workers[i], began + o->seconds * 1000));
	}
	if (!await(o, shared, pids))
		return EXIT_FAILURE;
	const struct worker *failed = NULL;
	for (int64_t i = 0; i < o->jobs; i++) {
		const struct worker *worker = &shared->workers[i];
		coverage_add(&sum, &worker->coverage);
		if (worker->failed && (!failed || worker->seed < failed->seed))
			failed = worker;
	}
	if (!failed)
		return report(&sum, o->first, clock_now_ms() - began);
	walk_draw(&walk, failed->seed);
	return go_one(&walk, false);
}

static bool read_options(int argc, char **argv, struct options *o)
{
	const struct {
		const char *name;
		int64_t *value;
	} numbers[] = {{"--seed", &o->seed}, {"--first", &o->first}, {"--walks", &o->walks},
		{"--events", &o->events}, {"--seconds", &o->seconds}, {"--jobs", &o->jobs}};
	for (int i = 1; i < argc; i += 2) {
		size_t n = 0;
		if (i + 1 == argc)
			return false;
		if (!strcmp(argv[i], "--replay")) {
			o->replay = argv[i + 1];
			continue;
		}
		while (n < 6 && strcmp(argv[i], numbers[n].name))
			n++;
		if (n == 6 || !number_parse(argv[i + 1], 0, INT64_MAX, numbers[n].value))
			return false;
	}
	return o->jobs > 0 && o->jobs <= JOBS_MOST;
}

int main(int argc, char **argv)
{
	static struct walk walk;
	struct options o = {.first = 1, .walks = FIRST_WALKS, .jobs = sysconf(_SC_NPROCESSORS_ONLN)};
	if (o.jobs > JOBS_MOST)
		o.jobs = JOBS_MOST;
	if (!read_options(argc, argv, &o)) {
		fputs("usage: sim_run [--seconds S | --events N] [--walks N] [--first SEED] [--jobs N]\n"
		      "       sim_run --seed N | --replay FILE\n", stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	if (o.replay)
		return replay(o.replay);
	if (!o.seed)
		return go_many(&o);
	walk_draw(&walk, (uint64_t)o.seed);
	return go_one(&walk, true);
}
