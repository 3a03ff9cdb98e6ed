/*
 * protocol.h - what is said over the control socket RUN/PROJECT/N.sock. Version 1.
 *
 * Frames are those of wire.h. The first frame each way is the greeting
 *	{"stackup": 1, "version": "0.1.0", "lifeline": true?}
 * "lifeline" says that this client owns the instance: when its connection ends, however it ends, the
 * supervisor stops the instance. `down`, `ping` and `upgrade` work between all versions; for any other
 * verb two different numbers of "stackup" are an error that names both versions.
 *
 * Request	{"id": n, "verb": "...", ...}			n: any integer the client likes
 * Reply	{"id": n, "ok": true, ...}			exactly one a request, now or later
 *		{"id": n, "ok": false, "error": {"code": "not_found", "exit": 4, "text", "hint"}}
 * Before it	{"id": n, "more": true, ...}			any number of them, of verbs that stream
 *
 * "code" is a word of base/error.h and "exit" its exit code. Names that do not exist are "not_found"
 * with the nearest name as the hint. Times are ISO 8601 in UTC. A closing supervisor just closes.
 * Where services were waited for in vain the error object has "failed": the names of those that have
 * failed, of what was waited for and what that needs.
 *
 * ping	{} -> {"pid", "run"}
 *	"run" is the id of the run: one that is continued by another supervisor keeps it.
 *
 * status	{} -> {"as_wanted": bool, "file", "dir", "stackup": version, "instance": {...}}
 *	"instance" is the object of `status --json` (REFERENCE section 5), services in file order.
 *	"resumed": {"time", "text"} where this supervisor has taken the place of another one.
 *	"as_wanted" is false when a wanted service is not ready (or done, for a task). Further fields
 *	of a service that are not part of the contract start with "_".
 *
 * start stop restart kill
 *	{"services": ["api", "web-*"], "no_deps": bool, "with_dependents": bool, "wait": bool,
 *	 "steps": bool, "timeout_ms": n?} -> {"services": [names acted on], "notes": ["sentence", ...]}
 *	No "services" or an empty list: all. With "wait" the reply comes when they have settled (ready,
 *	done, down; error "failed" or "not_ready" otherwise), with progress before it:
 *	{"more", "service", "state", "kind", "text"}; with "steps" also what goes well. Without it the
 *	reply comes when it is under way. stop X stops first what depends on X; start X and restart X
 *	start first what X needs and is not up; a note names it. "no_deps" touches only X. "timeout_ms"
 *	is instead of stop.timeout for the stops of this request; for start, how long to wait.
 *	A restart may have "first_asked_ms", when another supervisor, now dead, was asked for it: what
 *	runs since then is not restarted again.
 *
 * down	{"timeout_ms": n?, "kill": bool, "steps": bool} -> {"left": 0, "stopped": n}
 *	The reply comes when no process of the instance is left and its ports are free; then the
 *	supervisor exits and the connection ends. Progress as above. A second `down` while one runs
 *	joins it; "kill" sends KILL to every tree at once. "timeout_ms" replaces every stop.timeout.
 *	Where something cannot be killed it is refused as "failed", and the supervisor exits all the same.
 *
 * wait	{"targets": ["api", "db:healthy"], "steps": bool, "timeout_ms": n?} -> {}
 *	Without a condition: ready for a service, completed for a task. Without targets: every wanted
 *	service ready and every task done. Errors: "failed" (crashed past its limit), "not_ready"
 *	(can not become it any more), "timed_out".
 *
 * follow	{"owner": bool, "abort_on_failure": bool, "exit_code_from": "api"?} ->
 *	{"exit": n, "text": why it ended}
 *	The reply comes when the instance has ended (nothing left of it), just before the supervisor
 *	exits. From the "owner" (foreground `up`) it also makes the instance end by itself: when every
 *	wanted service is done or failed, in Procfile mode at the first exit of a process that is not a
 *	task, with "abort_on_failure" at the first failure, with "exit_code_from" when that service has
 *	ended. "exit" is what the owner's process exits with: 0 when a `down` ended it or all is done, 1
 *	when one that is not optional failed, the code of the process in Procfile mode, that of the
 *	named service. What happens meanwhile is in events.jsonl.
 *
 * why	{"service": "api"} -> {"service", "state", "health", "reason", "wanted": bool,
 *	 "deadline_ms": n?, "waits_for": [{"service", "condition", "state", "met": bool, "text"}],
 *	 "transitions": [{"time", "from", "to", "text"}], "log": ["last lines", ...]}
 *
 * reload	{"file", "shown", "dir", "services": [...], "no_deps": bool, "profiles": [...],
 *	 "environment": "name"?, "purpose": "text"?, "env_files": [...], "strict_ports": bool,
 *	 "strategy": "word"?, "timeout_ms": n?, "environ": packed} ->
 *	{"started": [...], "restarted": [...], "stopped": [...], "unchanged": n, "notes": [...]}
 *	Before it, and before anything is stopped, the same as {"more"}: the plan.
 *	Waits while another reload is under way; refused while a service moves, and with "stopping":
 *	true in the error object once the instance is being stopped.
 *	Converges to the file as the caller sees it: "shown" is what complaints call it, "dir" the
 *	caller's directory, "environ" the caller's environment as wire_pack_environment() makes it.
 *	"file" "-" brings the text itself as "text". A bad file changes nothing: error
 *	"bad_stack_file" with "complaints": [{"file", "line", "key", "severity", "text", "hint"}]
 *	inside the error object.
 *
 * running -> {"services": [{"name", "fingerprint": packed, "wanted": bool, "done": bool, "failed": bool}]}
 *	What plan/change.h compares a stack with: what a reload would do, asked beforehand.
 *
 * move	{"service": "api", "port": n, "grace_ms": n?} ->
 *	{"service", "protocol", "from", "to", "restarted": [names], "grace_ms": n}
 *	The service gets another port, in the steps of plan/handover.h: the new process first where two
 *	can run at once, then who knows the port, then the old one stops. "grace_ms" (30000 by default) is
 *	how long the old port leads to the new one; 0 in the reply: it does not. What fails is undone,
 *	and the error says what it was. Progress as above. Waits while another change is under way.
 *
 * upgrade {"program": "/path"?, "version": its version, "state": n} -> {"pid"}
 *	Another supervisor takes the place of this one, of the program at that path, or without one of the
 *	program that the guardian has; no service is restarted. The reply comes before; then the connection
 *	ends. Whoever connects again finds who it is by the greeting and by `ping`: a program that cannot go on
 *	with what this one hands over is followed by one of the guardian's. Refused while another change is
 *	under way, and where "state", the format of the state that the program says it reads
 *	(`version --json`), is another one than ours.
 *
 * env	{"service": "api"?} -> {"service", "dir", "user": ""?, "secrets": [names], "environ": packed,
 *	 "origins": {"NAME": "stack.ini:12", ...}}
 *	Without a service: the stack's. "dir" is where commands run.
 *
 * attach	{"service", "cols": n, "rows": n} -> {"text": why it ended}; before it frames
 *	{"more", "output": packed}. While it lasts, the client sends further frames with the same
 *	id: {"id", "verb": "input", "data": packed}, {"id", "verb": "winch", "cols", "rows"}; they have
 *	no reply. Needs `tty = yes`, "failed" otherwise. Detaching is closing the connection.
 */
#ifndef CONTROL_PROTOCOL_H
#define CONTROL_PROTOCOL_H

#include <stdbool.h>
#include <string.h>

enum { PROTOCOL_VERSION = 1 };

/* Understood by supervisors and clients of every version. */
static inline bool protocol_is_common(const char *verb)
{
	return verb && (!strcmp(verb, "down") || !strcmp(verb, "ping") || !strcmp(verb, "upgrade"));
}

#endif
