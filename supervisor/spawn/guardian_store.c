#include <unistd.h>

#include "spawn/guardian.h"
#include "spawn/guardian_guard.h"
#include "spawn/guardian_sweep.h"
#include "spawn/guardian_wire.h"

/* All are stored plus one, so that pages that were never written cost nothing. */
struct kept_log {
	int pipe_fd;
	int log_fd;
};
static struct kept_log kept[GUARDIAN_SLOTS];
static int held[GUARDIAN_PLACES];

static void forget(int *stored)
{
	if (*stored)
		close(*stored - 1);
	*stored = 0;
}

static void keep(int slot, const int *fds, size_t count)
{
	struct kept_log *log = &kept[slot];
	forget(&log->pipe_fd);
	forget(&log->log_fd);
	if (count == 2)
		*log = (struct kept_log){fds[0] + 1, fds[1] + 1};
}

static void hold(int place, const int *fds, size_t count)
{
	forget(&held[place]);
	if (count == 1)
		held[place] = fds[0] + 1;
}

bool guardian_store(const struct guardian_message *message, const int *fds, size_t count)
{
	bool log = message->word == SAY_KEEP || message->word == SAY_DROP;
	bool other = message->word == SAY_HOLD || message->word == SAY_LET_GO;
	size_t needed = message->word == SAY_KEEP ? 2 : message->word == SAY_HOLD ? 1 : 0;
	int most = log ? GUARDIAN_SLOTS : GUARDIAN_PLACES;
	if (!log && !other)
		return false;
	if (message->place < 0 || message->place >= most || count != needed) {
		for (size_t i = 0; i < count; i++)
			close(fds[i]);
		return true;
	}
	if (log)
		keep(message->place, fds, count);
	else
		hold(message->place, fds, count);
	return true;
}

static bool next_log(int slot, struct guardian_message *message, int *fds, size_t *count)
{
	if (!kept[slot].pipe_fd)
		return false;
	*message = (struct guardian_message){.word = SAY_KEEP, .place = slot};
	fds[0] = kept[slot].pipe_fd - 1;
	fds[1] = kept[slot].log_fd - 1;
	*count = 2;
	return true;
}

static bool next_other(int place, struct guardian_message *message, int *fds, size_t *count)
{
	if (!held[place])
		return false;
	*message = (struct guardian_message){.word = SAY_HOLD, .place = place};
	fds[0] = held[place] - 1;
	*count = 1;
	return true;
}

bool guardian_store_next(int *n, struct guardian_message *message, int *fds, size_t *count)
{
	/* The first places get the lowest descriptors, by which a supervisor is known (registry/lock.h). */
	for (; *n < GUARDIAN_PLACES; (*n)++)
		if (next_other(*n, message, fds, count))
			return true;
	for (; *n < GUARDIAN_PLACES + GUARDIAN_SLOTS; (*n)++)
		if (next_log(*n - GUARDIAN_PLACES, message, fds, count))
			return true;
	return false;
}

void guardian_store_drain(void)
{
	for (size_t i = 0; i < GUARDIAN_SLOTS; i++)
		if (kept[i].pipe_fd)
			guardian_drain(kept[i].pipe_fd - 1, kept[i].log_fd - 1);
}
