/*
 * report.h - the JSON of `ports who|list|check` and `registry list`. New references; NULL: no memory.
 */
#ifndef PORTS_REPORT_H
#define PORTS_REPORT_H

#include <jansson.h>

#include "ports/look.h"

/* {"version":1,"listeners":[...]} */
json_t *report_listeners(const struct port_look *look);
/* {"version":1,"conflicts":[...]} */
json_t *report_conflicts(const struct port_check *check);
/* {"version":1,"projects":[...]} */
json_t *report_registry(const char *state, struct error *e);

#endif
