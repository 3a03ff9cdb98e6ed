/*
 * report.h - the JSON of `ports who|list|check|monitor` and `registry list`. New references; NULL: no memory.
 */
#ifndef PORTS_REPORT_H
#define PORTS_REPORT_H

#include <jansson.h>

#include "ports/check.h"
#include "ports/look.h"
#include "ports/monitor.h"

/* {"version":1,"listeners":[...]}; as text for a scan of thousands of sockets. */
json_t *report_listeners(const struct port_look *look);
void report_add_listeners(struct text *out, const struct port_look *look);
/* {"version":1,"conflicts":[...]} */
json_t *report_conflicts(const struct port_check *check);
/* One line of `ports monitor`, without a version as every event. */
json_t *report_port_event(const struct port_event *event, int64_t seq, int64_t wall_ms);
/* {"version":1,"projects":[...]} */
json_t *report_registry(const char *state, struct error *e);

#endif
