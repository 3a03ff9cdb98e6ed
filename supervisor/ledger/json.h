/*
 * json.h - the registry as JSON: whole, one row a line, so that two versions of it can be compared.
 *
 *	{"version":1,"ports_base":30000,"projects":[
 *	 {"id","name","block","blocks","base_port","path","status","owner","notes","created_at",
 *	  "last_used_at","stack_name","slots":[{"service","name","slot"}],
 *	  "instances":[
 *	   {"instance","purpose","branch","environment","status","base_port","spans","worktree",
 *	    "commit","created_at","last_used_at","block","git_dir","git_mark","started_at",
 *	    "services":[{"service","name","wanted_port","port","protocol","status","last_updated",
 *	                 "config_files"}],
 *	    "leases":[{"port","protocol","service","name","slot","kind"}]}]}],
 *	 "reservations":[{"port","project","instance","service","name","owner","note",
 *	                  "created_at"}]}
 *
 * Leases are those of instances that run; they are written for readers and never read. What a run
 * has learned (modes of holding, kept pool ports) is in `registry backup`, not here.
 *
 * A document is read by its lines, too: jansson keeps no places, but it keeps the order of the
 * objects, and the n-th brace that opens one is the n-th object.
 */
#ifndef LEDGER_JSON_H
#define LEDGER_JSON_H

#include "ledger/ledger.h"

int ledger_json_read(
	const struct ledger_reading *reading, const char *bytes, size_t length, struct error *e);
void ledger_json_write(const struct ledger *ledger, struct text *out);

#endif
