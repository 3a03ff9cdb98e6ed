#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/own.h"
#include "registry/lock.h"
#include "upkeep/debris_parts.h"

int homes_read(struct homes *homes, const struct debris_rules *rules, struct arena *arena,
	struct error *e)
{
	const struct roster_query all = {.of_any_boot = true};
	*homes = (struct homes){.rules = rules, .arena = arena};
	rosters_read(rules->state, &all, &homes->rosters);
	rosters_read(rules->state, &(struct roster_query){0}, &homes->dead);
	rosters_keep_dead(rules->state, &homes->dead);
	return inventory_read(rules->state, 0, arena, &homes->all, e);
}

void homes_release(struct homes *homes)
{
	rosters_release(&homes->rosters);
	rosters_release(&homes->dead);
}

const struct inventory_instance *homes_find(const struct homes *homes, const char *name,
	int instance, int64_t *project_id)
{
	*project_id = 0;
	for (size_t i = 0; i < homes->all.project_count; i++) {
		const struct inventory_project *project = &homes->all.projects[i];
		if (strcmp(project->row.name, name) != 0)
			continue;
		*project_id = project->row.id;
		for (size_t k = project->first; k < project->first + project->count; k++)
			if (homes->all.instances[k].row.number == instance)
				return &homes->all.instances[k];
	}
	return NULL;
}

/* Its row may have been lost; the byte it holds is still held. */
static bool has_living_roster(const struct homes *homes, const char *project, int instance)
{
	for (size_t i = 0; i < homes->rosters.count; i++) {
		const struct roster_head *head = &homes->rosters.items[i].head;
		if (head->instance == instance && !strcmp(head->project, project) &&
			instance_is_alive(homes->rules->state, head->project_id, instance))
			return true;
	}
	return false;
}

/* A path longer than an address has room for answers nobody: then the other signs must do. */
static bool answers(const struct homes *homes, const char *project, int instance)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int length = snprintf(address.sun_path, sizeof address.sun_path, "%s/%s/%d.sock",
		homes->rules->run, project, instance);
	if (length < 0 || (size_t)length >= sizeof address.sun_path)
		return false;
	OWNED_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* EAGAIN: so many wait that there is no room for one more. */
	return fd >= 0 && (!connect(fd, (const struct sockaddr *)&address, sizeof address) ||
				  errno == EAGAIN);
}

enum debris_home home_of(const struct homes *homes, const char *project, int instance)
{
	int64_t project_id;
	const struct inventory_instance *known = homes_find(homes, project, instance, &project_id);
	bool lives = (known && known->row.status == INSTANCE_RUNNING) ||
		(project_id && instance_is_alive(homes->rules->state, project_id, instance)) ||
		has_living_roster(homes, project, instance) || answers(homes, project, instance);
	if (lives)
		return HOME_LIVES;
	if (!known)
		return HOME_UNKNOWN;
	return known->row.status == INSTANCE_STOPPED ? HOME_STOPPED : HOME_DIED;
}
