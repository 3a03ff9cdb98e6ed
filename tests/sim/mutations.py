"""Small faults in the text of a C file, as somebody could make them by mistake.

mutations(text) lists them all, in the order of the text: the function, a part of the text, and what
stands there instead.
Only what functions do and the numbers of enumerations are touched; comments, texts and declarations
stay as they are.
"""
import dataclasses
import re

TOKEN = re.compile(r"""
	(?P<skip>/\*.*?\*/ | //[^\n]* | ^\#(?:\\\n|[^\n])* | \s+)
	| (?P<text>"(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*')
	| (?P<number>\d\w*)
	| (?P<word>[A-Za-z_]\w*)
	| (?P<sign>-> | \+\+ | -- | <<=? | >>=? | [<>=!]= | && | \|\| | [-+*/%&|^]= | \.\.\. | .)
""", re.S | re.M | re.X)

# A word becomes the next two of its row.
WORDS = """
	true false
	WANT_UP WANT_DOWN
	NO_DEADLINE 0
	SIGTERM SIGKILL SIGCONT
	SIGNAL_LEADER SIGNAL_GROUP SIGNAL_TREE SIGNAL_HOOK
	PROBE_FOR_READY PROBE_FOR_HEALTH
	HEALTH_UNKNOWN HEALTH_HEALTHY HEALTH_UNHEALTHY HEALTH_IMPOSTER
	HEALTH_RESTART HEALTH_NOTHING
	RESTART_ALWAYS RESTART_NO RESTART_ON_FAILURE
	DEPENDENCY_KEEP DEPENDENCY_RESTART
	TYPE_TASK TYPE_SERVICE
	READY_PORT READY_LOG READY_NOTIFY READY_PROBE
	STATE_DOWN STATE_DONE STATE_FAILED
	STATE_BLOCKED STATE_COOLING STATE_STARTING
	STATE_READY STATE_UNHEALTHY
	STATE_STOPPING STATE_KILLING
	AFTER_DOWN AFTER_DONE AFTER_FAIL
	AFTER_START AFTER_COOL
	CAUSE_NONE CAUSE_CRASH CAUSE_NOT_READY CAUSE_DEPENDENCY
	FORCE_NONE FORCE_SIGNAL FORCE_REMNANTS FORCE_KILL
	EVENT_STARTING EVENT_READY EVENT_RECOVERED EVENT_DONE EVENT_DOWN
	EVENT_STOPPING EVENT_KILLED EVENT_FAILED EVENT_EXITED EVENT_RESTARTING EVENT_SPAWN_FAILED
	EVENT_UNHEALTHY EVENT_IMPOSTER EVENT_WARNING
	ON_MAY_START ON_MAY_STOP ON_DEPENDENCY_FAILED
	ON_TIME ON_TREE ON_EXITED ON_HOOK_EXITED
	EAGAIN ENOENT
	ready_timeout_ms task_timeout_ms
	delay_ms max_delay_ms
	interval_ms timeout_ms
	started_ms ready_ms
	probe_at_ms probe_until_ms
	limit_window_ms reset_ms
	failures successes
	leader hook
	stop_free start_free
"""
SIGNS = {"==": ["!="], "!=": ["=="], "<": ["<=", ">"], "<=": ["<"], ">": [">=", "<"], ">=": [">"],
	"&&": ["||"], "||": ["&&"], "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "%": ["/"],
	"++": ["--"], "--": ["++"], "|=": ["="], "+=": ["-="], "-=": ["+="], "!": [""]}

# What begins a statement that is not dropped: it declares, or ends a function with a value, or
# there is nothing to see (va_end).
KEPT = set("""if else for while do switch case default goto return static const struct enum bool int
	char size_t int64_t uint64_t uint32_t pid_t va_list va_start va_end""".split())


def words():
	table = {}
	for row in WORDS.strip().splitlines():
		row = row.split()
		for at, word in enumerate(row):
			table[word] = (row[at + 1:] + row[:at])[:2]
	return table


SWAPS = words() | SIGNS


@dataclasses.dataclass(frozen=True)
class Token:
	kind: str
	text: str
	start: int
	end: int


@dataclasses.dataclass(frozen=True, order=True)
class Mutation:
	start: int
	end: int
	new: str

	def apply(self, text):
		return text[:self.start] + self.new + text[self.end:]


def tokens(text):
	return [Token(match.lastgroup, match.group(), *match.span())
		for match in TOKEN.finditer(text) if match.lastgroup != "skip"]


def closing(found, at):
	"""The index of the bracket that closes the one at `at`."""
	depth = 0
	for i in range(at, len(found)):
		if found[i].text in ("(", "[", "{"):
			depth += 1
		elif found[i].text in (")", "]", "}"):
			depth -= 1
			if not depth:
				return i
	raise ValueError(f"never closed: offset {found[at].start}")


def functions(found):
	"""The name of each function, and the tokens of its body."""
	at, name = 0, ""
	while at < len(found):
		if found[at].text in ("{", "("):
			end = closing(found, at)
			if found[at].text == "(":
				name = found[at - 1].text
			elif found[at - 1].text == ")":
				yield name, found[at:end + 1]
			at = end
		at += 1


def has_left_side(body, at):
	before = body[at - 1]
	is_value = before.kind in ("word", "number") and before.text not in ("return", "sizeof")
	return is_value or before.text in (")", "]")


def is_declarator(body, at):
	"""struct child *child, bool *found, (const char *)text"""
	return body[at].text == "*" and (body[at - 2].text in ("struct", "const")
		or body[at - 1].text in KEPT or body[at + 1].text == ")")


def statement_end(body, at):
	"""The index of its semicolon; None when a block comes first."""
	while body[at].text not in (";", "{"):
		if body[at].text in ("(", "["):
			at = closing(body, at)
			if body[at + 1].text == "{":  # a compound literal
				at = closing(body, at + 1)
		at += 1
	return at if body[at].text == ";" else None


def is_mere_number(body, at):
	"""An index or a size in brackets, an empty initializer, a negative result."""
	before, after = body[at - 1].text, body[at + 1].text
	is_result = before == "-" and body[at - 2].text == "return"
	return is_result or (before, after) in (("[", "]"), ("{", "}"))


def others(token):
	if token.kind != "number":
		return SWAPS.get(token.text, [])
	value = int(token.text.rstrip("uUlL"), 0)
	return [str(value + 1)] + ([str(value - 1)] if value > 1 else [])


def swaps(body, text):
	"""A word, a number or an operator by a similar one."""
	is_label = False
	for at, token in enumerate(body):
		is_label = token.text == "case" or is_label and token.text != ":"
		needs_two = token.text in ("*", "-", "+", "/", "%")
		is_unary = needs_two and not has_left_side(body, at)
		is_mere = token.kind == "number" and is_mere_number(body, at)
		if is_label or is_mere or is_unary or is_declarator(body, at):
			continue
		for other in others(token):
			yield Mutation(token.start, token.end, other)


def negations(body, text):
	"""A condition by its opposite; of `!x` and `x == y` swaps() makes that."""
	for at, token in enumerate(body):
		if token.text != "if":
			continue
		last = closing(body, at + 1)
		inside = {other.text for other in body[at + 2:last]}
		if inside & {"&&", "||"} or not inside & {"!", "==", "!="}:
			start, end = body[at + 1].end, body[last].start
			yield Mutation(start, end, f"!({text[start:end]})")


def choices(body, text):
	"""a ? b : c by a ? c : b."""
	for at, token in enumerate(body):
		if token.text != "?":
			continue
		depth, colon, end = 0, None, at + 1
		while depth or body[end].text not in (")", ",", ";", "}"):
			if body[end].text in ("(", "["):
				end = closing(body, end)
			elif body[end].text == "?":
				depth += 1
			elif body[end].text == ":" and depth:
				depth -= 1
			elif body[end].text == ":":
				colon = end
			end += 1
		yes = text[body[at + 1].start:body[colon - 1].end]
		no = text[body[colon + 1].start:body[end - 1].end]
		yield Mutation(body[at + 1].start, body[end - 1].end, f"{no} : {yes}")


def omissions(body, text):
	"""A statement that acts or leaves, by nothing."""
	fresh = False
	at = 0
	while at < len(body):
		token = body[at]
		begins = token.kind == "word" or token.text in ("*", "++", "--")
		if fresh and begins and token.text not in KEPT:
			end = statement_end(body, at)
			is_declaration = token.kind == "word" and body[at + 1].kind == "word"
			if end and not is_declaration:
				yield Mutation(token.start, body[end].start, "")
		if token.text == "return" and body[at + 1].text == ";":
			yield Mutation(token.start, token.end, "")
		has_condition = token.text in ("if", "for", "while", "switch")
		if has_condition:
			at = closing(body, at + 1)
		is_label = token.text == ":" and body[at - 2].text == "case"
		fresh = has_condition or is_label or token.text in (";", "{", "}", "else")
		at += 1


def idle_cases(body, text):
	"""A `case` that does something, by nothing."""
	for at, token in enumerate(body):
		if token.text != "case":
			continue
		after = at + 3
		while body[after].text == "case":
			after += 3
		if body[after].text != "break":
			yield Mutation(body[at + 2].end, body[at + 2].end, " break;")


def constants(found):
	"""The numbers of enumerations."""
	for name, equals, number in zip(found, found[1:], found[2:]):
		if name.text.isupper() and equals.text == "=" and number.kind == "number":
			for other in others(number):
				yield Mutation(number.start, number.end, other)


def mutations(text):
	"""(where, mutation): the name of its function, or nothing"""
	found = tokens(text)
	made = {("", mutation) for mutation in constants(found)}
	for name, body in functions(found):
		for kind in (swaps, negations, choices, omissions, idle_cases):
			made |= {(name, mutation) for mutation in kind(body, text)}
	return sorted(made, key=lambda one: one[1])
