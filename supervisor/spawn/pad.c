#include "spawn/pad.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

/* Five descriptors a service: room for 800. */
enum { TABLE_SIZE = 4096 };

static const size_t TAKEN_SIZE = PAD_SLOTS * sizeof(atomic_int);

static bool reserve(struct pad *pad, int first, int idle_fd)
{
	for (int i = 0; i < PAD_SLOTS; i++) {
		struct pad_slot *slot = &pad->slots[i];
		slot->output = fcntl(idle_fd, F_DUPFD_CLOEXEC, first);
		slot->errors = fcntl(idle_fd, F_DUPFD_CLOEXEC, first);
		if (slot->output < 0 || slot->errors < 0)
			return false;
		unsigned highest = (unsigned)(slot->output > slot->errors ? slot->output : slot->errors);
		if (highest >= pad->end)
			pad->end = highest + 1;
	}
	return true;
}

/*
 * While a table is shared the kernel waits for a grace period, some 10 ms, each time it makes it larger
 * (expand_fdtable() in fs/file.c). So it grows now, and never becomes smaller again.
 */
static void grow_table(int idle_fd)
{
	for (int high = TABLE_SIZE - 1; high > 0; high /= 2) {
		int fd = fcntl(idle_fd, F_DUPFD_CLOEXEC, high);
		if (fd < 0)
			continue;
		close(fd);
		return;
	}
}

void pad_open(struct pad *pad, int first, int idle_fd)
{
	*pad = (struct pad){0};
	for (int i = 0; i < PAD_SLOTS; i++)
		pad->slots[i] = (struct pad_slot){.output = -1, .errors = -1};
	void *taken = mmap(NULL, TAKEN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (taken == MAP_FAILED)
		return;
	pad->taken = taken;
	if (!reserve(pad, first, idle_fd))
		pad_close(pad);
	else
		grow_table(idle_fd);
}

void pad_close(struct pad *pad)
{
	if (!pad->taken)
		return;
	for (int i = 0; i < PAD_SLOTS; i++) {
		if (pad->slots[i].output >= 0)
			close(pad->slots[i].output);
		if (pad->slots[i].errors >= 0)
			close(pad->slots[i].errors);
	}
	munmap(pad->taken, TAKEN_SIZE);
	pad->taken = NULL;
}

int pad_take(struct pad *pad, int output, int errors)
{
	for (int i = 0; pad->taken && i < PAD_SLOTS; i++) {
		if (atomic_load(&pad->taken[i]))
			continue;
		const struct pad_slot *slot = &pad->slots[i];
		if (dup3(output, slot->output, O_CLOEXEC) < 0 || dup3(errors, slot->errors, O_CLOEXEC) < 0)
			return -1;
		atomic_store(&pad->taken[i], 1);
		return i;
	}
	return -1;
}

void pad_give(struct pad *pad, int slot)
{
	atomic_store(&pad->taken[slot], 0);
}

void pad_started(struct pad *pad, int slot, pid_t pid)
{
	pad->slots[slot].pid = pid;
}

void pad_reaped(struct pad *pad, pid_t pid)
{
	for (int i = 0; pad->taken && i < PAD_SLOTS; i++)
		if (pad->slots[i].pid == pid) {
			pad->slots[i].pid = 0;
			pad_give(pad, i);
		}
}

int pad_leave(const struct pad *pad, int slot)
{
	if (close_range(pad->end, ~0U, CLOSE_RANGE_UNSHARE))
		return -1;
	atomic_store(&pad->taken[slot], 0);
	return 0;
}
