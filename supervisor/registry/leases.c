#include "registry/leases.h"

#include <string.h>

#include "base/words.h"
#include "registry/history.h"
#include "registry/sql.h"

#define LEASE_COLUMNS                                                                              \
	"l.netns, l.protocol, l.port, l.project_id, l.instance, p.name, l.service, l.port_name, "  \
	"l.slot, l.kind"
#define FROM_LEASES " FROM leases AS l JOIN projects AS p ON p.id = l.project_id "

WORDS(lease_kind_word, lease_kind, LEASE_KINDS)

static enum lease_kind kind_of(const char *word)
{
#define X(name, text)                                                                              \
	if (!strcmp(word, text))                                                                   \
		return name;
	LEASE_KINDS(X)
#undef X
	return LEASE_SPARE;
}

static const char *protocol(bool udp)
{
	return udp ? "udp" : "tcp";
}

static void read_lease(sqlite3_stmt *row, struct arena *arena, struct lease *out)
{
	*out = (struct lease){
		.netns = (uint64_t)sqlite3_column_int64(row, 0),
		.udp = !strcmp(sql_text(row, 1, arena), "udp"),
		.port = (uint16_t)sql_int(row, 2),
		.project_id = sqlite3_column_int64(row, 3),
		.instance = sql_int(row, 4),
		.project = sql_text(row, 5, arena),
		.service = sql_text(row, 6, arena),
		.name = sql_text(row, 7, arena),
		.slot = sql_int(row, 8),
		.kind = kind_of(sql_text(row, 9, arena)),
	};
}

int lease_find(struct registry *r, uint64_t netns, bool udp, uint16_t port, struct arena *arena,
	struct lease *out, struct error *e)
{
	sqlite3_stmt *row;
	int got = sql_first(r, e, &row,
		"SELECT " LEASE_COLUMNS FROM_LEASES
		"WHERE l.netns = ?1 AND l.protocol = ?2 AND l.port = ?3",
		"isi", (int64_t)netns, protocol(udp), (int64_t)port);
	if (got == 1)
		read_lease(row, arena, out);
	sqlite3_finalize(row);
	return got;
}

int lease_list(struct registry *r, int64_t project_id, int instance, struct arena *arena,
	struct lease **out, size_t *count, struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	int got = sql_first(r, e, &row,
		"SELECT " LEASE_COLUMNS FROM_LEASES
		"WHERE ?1 IN (0, l.project_id) AND ?2 IN (0, l.instance) ORDER BY l.port, l.protocol",
		"ii", project_id, (int64_t)instance);
	for (; got == 1; got = sql_next(r, e, &row))
		read_lease(row, arena, arena_append(arena, *out, *count));
	return got;
}

int lease_list_range(struct registry *r, uint64_t netns, uint16_t low, uint16_t high,
	struct arena *arena, struct lease **out, size_t *count, struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	int got = sql_first(r, e, &row,
		"SELECT " LEASE_COLUMNS FROM_LEASES "WHERE l.netns = ?1 AND l.protocol = 'tcp' AND "
		"l.port BETWEEN ?2 AND ?3 ORDER BY l.port",
		"iii", (int64_t)netns, (int64_t)low, (int64_t)high);
	for (; got == 1; got = sql_next(r, e, &row))
		read_lease(row, arena, arena_append(arena, *out, *count));
	return got;
}

int lease_put(struct registry *r, const struct lease *lease, struct error *e)
{
	char now[32];
	r->leased_project = lease->project_id;
	r->leased_instance = lease->instance;
	return sql_run(r, e,
		"INSERT INTO leases (netns, protocol, port, project_id, instance, service, port_name, "
		"slot, kind, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) "
		"ON CONFLICT (netns, protocol, port) DO UPDATE SET "
		"project_id = excluded.project_id, instance = excluded.instance, "
		"service = excluded.service, port_name = excluded.port_name, slot = excluded.slot, "
		"kind = excluded.kind, created_at = excluded.created_at",
		"isiiississ", (int64_t)lease->netns, protocol(lease->udp), (int64_t)lease->port,
		lease->project_id, (int64_t)lease->instance, lease->service, lease->name,
		(int64_t)lease->slot, lease_kind_word(lease->kind), sql_now(now));
}

int lease_counts(struct registry *r, struct arena *arena, struct lease_count **out, size_t *count,
	struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	int got = sql_first(r, e, &row,
		"SELECT l.project_id, p.name, l.instance, count(*), max(l.created_at)" FROM_LEASES
		"GROUP BY l.project_id, l.instance ORDER BY l.project_id, l.instance", "");
	for (; got == 1; got = sql_next(r, e, &row))
		*arena_append(arena, *out, *count) = (struct lease_count){
			.project_id = sqlite3_column_int64(row, 0),
			.project = sql_text(row, 1, arena),
			.instance = sql_int(row, 2),
			.leases = sql_int(row, 3),
			.since = sql_text(row, 4, arena),
		};
	return got;
}

int lease_drop(struct registry *r, int64_t project_id, int instance, struct error *e)
{
	if (sql_run(r, e, "DELETE FROM leases WHERE project_id = ?1 AND instance = ?2", "ii",
		    project_id, (int64_t)instance))
		return -1;
	return sql_run(r, e,
		"UPDATE services SET status = 'inactive' WHERE project_id = ?1 AND instance = ?2",
		"ii", project_id, (int64_t)instance);
}

int lease_drop_moved(struct registry *r, int64_t project_id, int instance, const char *service,
	struct error *e)
{
	return sql_run(r, e,
		"DELETE FROM leases WHERE project_id = ?1 AND instance = ?2 AND kind = 'moved' AND "
		"?3 IN ('', service)",
		"iis", project_id, (int64_t)instance, service);
}

int lease_drop_port(struct registry *r, uint64_t netns, bool udp, uint16_t port, struct error *e)
{
	return sql_run(r, e,
		"DELETE FROM leases WHERE netns = ?1 AND protocol = ?2 AND port = ?3", "isi",
		(int64_t)netns, protocol(udp), (int64_t)port);
}

int slot_list(struct registry *r, int64_t project_id, struct arena *arena,
	struct slot_row **out, size_t *count, struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	int got = sql_first(r, e, &row,
		"SELECT service, port_name, slot FROM slots WHERE project_id = ?1 ORDER BY slot", "i",
		project_id);
	for (; got == 1; got = sql_next(r, e, &row))
		*arena_append(arena, *out, *count) = (struct slot_row){
			.service = sql_text(row, 0, arena),
			.name = sql_text(row, 1, arena),
			.slot = sql_int(row, 2),
		};
	return got;
}

int slot_record(struct registry *r, int64_t project_id, const char *service, const char *name,
	int slot, struct error *e)
{
	return sql_change(r, e,
		"INSERT INTO slots (project_id, service, port_name, slot) VALUES (?1, ?2, ?3, ?4) "
		"ON CONFLICT (project_id, service, port_name) DO UPDATE SET slot = excluded.slot "
		"WHERE slot != excluded.slot",
		"issi", project_id, service, name, (int64_t)slot);
}

int slot_drop_of(struct registry *r, int64_t project_id, const char *service, struct error *e)
{
	return sql_change(r, e, "DELETE FROM slots WHERE project_id = ?1 AND ?2 IN ('', service)", "is",
		project_id, service);
}

int hold_mode_list(struct registry *r, int64_t project_id, struct arena *arena,
	struct hold_mode_row **out, size_t *count, struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	int got = sql_first(r, e, &row,
		"SELECT service, mode FROM hold_modes WHERE project_id = ?1", "i", project_id);
	for (; got == 1; got = sql_next(r, e, &row))
		*arena_append(arena, *out, *count) = (struct hold_mode_row){
			.service = sql_text(row, 0, arena),
			.mode = sql_text(row, 1, arena),
		};
	return got;
}

int hold_mode_record(struct registry *r, int64_t project_id, const char *service, const char *mode,
	struct error *e)
{
	return sql_change(r, e,
		"INSERT INTO hold_modes (project_id, service, mode) VALUES (?1, ?2, ?3) "
		"ON CONFLICT (project_id, service) DO UPDATE SET mode = excluded.mode "
		"WHERE mode != excluded.mode",
		"iss", project_id, service, mode);
}

int hold_mode_drop_of(struct registry *r, int64_t project_id, const char *service,
	struct error *e)
{
	return sql_change(r, e, "DELETE FROM hold_modes WHERE project_id = ?1 AND ?2 IN ('', service)",
		"is", project_id, service);
}

struct known_service {
	int64_t id;
	uint16_t wanted;
	uint16_t port;
};

/* 1 with *out, 0, -1. */
static int find_service(struct registry *r, const struct service_row *service,
	struct known_service *out, struct error *e)
{
	sqlite3_stmt *row;
	int got = sql_first(r, e, &row,
		"SELECT id, internal_port, external_port FROM services WHERE project_id = ?1 AND "
		"instance = ?2 AND service_name = ?3 AND port_name = ?4",
		"iiss", service->project_id, (int64_t)service->instance, service->service,
		service->name);
	if (got == 1)
		*out = (struct known_service){sqlite3_column_int64(row, 0),
			(uint16_t)sql_int(row, 1), (uint16_t)sql_int(row, 2)};
	sqlite3_finalize(row);
	return got;
}

int service_find_port(struct registry *r, const struct service_row *service, uint16_t *port,
	struct error *e)
{
	struct known_service known;
	int got = find_service(r, service, &known, e);
	if (got == 1)
		*port = known.port;
	return got;
}

int service_list_active(struct registry *r, struct arena *arena, struct service_row **out,
	size_t *count, struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	int got = sql_first(r, e, &row,
		"SELECT project_id, instance, service_name, port_name, internal_port, external_port, "
		"protocol, config_files FROM services WHERE status = 'active' "
		"ORDER BY project_id, instance, service_name, port_name",
		"");
	for (; got == 1; got = sql_next(r, e, &row))
		*arena_append(arena, *out, *count) = (struct service_row){
			.project_id = sqlite3_column_int64(row, 0),
			.instance = sql_int(row, 1),
			.service = sql_text(row, 2, arena),
			.name = sql_text(row, 3, arena),
			.wanted_port = (uint16_t)sql_int(row, 4),
			.port = (uint16_t)sql_int(row, 5),
			.protocol = sql_text(row, 6, arena),
			.config_files = sql_text(row, 7, arena),
		};
	return got;
}

/* Where it belongs may be another place since: it returns to none that it was not moved from. */
static const char *change_of(const struct known_service *before, const struct service_row *service)
{
	bool home = service->port == service->wanted_port && service->port == before->wanted;
	return home ? "returned" : "moved";
}

int service_put(struct registry *r, const struct service_row *service, struct error *e)
{
	char now[32];
	struct known_service before = {0};
	int known = find_service(r, service, &before, e);
	if (known < 0 ||
		sql_run(r, e,
			"INSERT INTO services (project_id, instance, service_name, port_name, "
			"internal_port, external_port, protocol, status, last_updated, config_files) "
			"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'active', ?8, ?9) "
			"ON CONFLICT (project_id, instance, service_name, port_name) DO UPDATE SET "
			"internal_port = excluded.internal_port, "
			"external_port = excluded.external_port, protocol = excluded.protocol, "
			"status = excluded.status, last_updated = excluded.last_updated, "
			"config_files = excluded.config_files",
			"iissiisss", service->project_id, (int64_t)service->instance,
			service->service, service->name, (int64_t)service->wanted_port,
			(int64_t)service->port, service->protocol, sql_now(now),
			service->config_files))
		return -1;
	if (known && before.port == service->port)
		return 0;
	int64_t id = known ? before.id : sqlite3_last_insert_rowid(r->db);
	return history_port(r, id, before.port, service->port,
		known ? change_of(&before, service) : "assigned", e);
}
