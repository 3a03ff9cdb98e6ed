/*
 * report.h - the JSON of `ports who|list|check|monitor`. New references; NULL: no memory.
 */
#ifndef SURVEY_REPORT_H
#define SURVEY_REPORT_H

#include <jansson.h>

#include "claim/check.h"
#include "survey/look.h"
#include "survey/monitor.h"

/* {"version":1,"listeners":[...]} */
json_t *report_listeners(const struct port_look *look);
/*
 * The same as text, for a scan that may have thousands: the port of a view, then the rest of it,
 * which is mostly that of the view before.
 */
void report_begin_listeners(struct text *out);
void report_add_port(struct text *out, const struct port_view *view, bool is_first);
void report_add_rest(struct text *out, const struct port_view *view);
void report_end_listeners(struct text *out);
/* {"version":1,"conflicts":[...]} */
json_t *report_conflicts(const struct port_check *check);
/* One line of `ports monitor`, without a version as every event. */
json_t *report_port_event(const struct port_event *event, int64_t seq, int64_t wall_ms);

#endif
