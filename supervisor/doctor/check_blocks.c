/*
 * The blocks against all others who give out port numbers: the kernel, Kubernetes, Docker.
 */
#include "doctor/doctor.h"

#include <string.h>

#include "ports/policy.h"

enum {
	USUAL_BLOCKS = 100,     /* 0 to 99 */
	NODE_PORTS_LOW = 30000, /* --service-node-port-range of kube-apiserver */
	NODE_PORTS_HIGH = 32767,
	USUAL_LOW = 32768, /* the kernel's own choice, net/ipv4/af_inet.c */
	USUAL_HIGH = 60999,
};

#define RESERVED "net.ipv4.ip_local_reserved_ports"
#define RANGE    "net.ipv4.ip_local_port_range"
#define OWN_FILE "/etc/sysctl.d/99-stackup-ports.conf"

/* Ports of ours that lie in a range. */
static struct port_set ours_in(const struct facts *f, int low, int high)
{
	struct port_set set = {0};
	for (int port = low; port <= high; port++)
		set.has[port] = f->ours.has[port];
	return set;
}

static struct port_set ours_ephemeral(const struct facts *f)
{
	return ours_in(f, f->ephemeral.low, f->ephemeral.high);
}

/* Those of a set that the kernel may hand out. */
static size_t exposed(const struct facts *f, const struct port_set *set)
{
	size_t count = 0;
	for (int port = 1; port <= UINT16_MAX; port++)
		count += set->has[port] && ephemeral_has(&f->ephemeral, (uint16_t)port);
	return count;
}

static void reserve(struct port_set *set, const struct facts *f, int low, int high, bool policy)
{
	int policy_end = f->ports_base + BLOCK_PORTS * USUAL_BLOCKS - 1;
	for (int port = low; port <= high; port++)
		set->has[port] |= f->ephemeral.reserved[port] || f->ours.has[port] ||
			(policy && port >= f->ports_base && port <= policy_end);
	for (int port = 1; port <= UINT16_MAX; port++)
		set->has[port] |= f->ephemeral.reserved[port];
}

/* The kernel needs ports of its own: at least half of its range has to be left. */
static bool leaves_enough(const struct port_set *set, int low, int high)
{
	int left = 0;
	for (int port = low; port <= high; port++)
		left += !set->has[port];
	return 2 * left >= high - low + 1;
}

/* What to reserve, merged with what is reserved; true when the range has to become the usual one. */
static bool choose(const struct facts *f, struct port_set *set)
{
	int low = f->ephemeral.low, high = f->ephemeral.high;
	for (int policy = 1; policy >= 0; policy--) {
		*set = (struct port_set){0};
		reserve(set, f, low, high, policy);
		if (leaves_enough(set, low, high))
			return false;
	}
	*set = (struct port_set){0};
	reserve(set, f, USUAL_LOW, USUAL_HIGH, true);
	return true;
}

static void add_lines(const struct facts *f, struct text *out)
{
	struct port_set set;
	if (choose(f, &set))
		text_addf(out, RANGE " = %d %d\n", USUAL_LOW, USUAL_HIGH);
	text_add(out, RESERVED " = ");
	port_set_print(&set, ",", out);
	text_add_char(out, '\n');
}

/* An administrator's file that sets it already would undo another one, or be undone by it. */
static void add_cure(const struct facts *f, struct text *out)
{
	const char *file = f->reserved_line.file;
	if (file && !strncmp(file, "/etc/", 5))
		text_addf(out, "in %s, instead of its " RESERVED ", write\n", file);
	else
		text_add(out, "write into " OWN_FILE "\n");
	add_lines(f, out);
	text_add(out, "then run: sudo sysctl --system");
}

void judge_ephemeral_range(const struct facts *f, struct finding *out)
{
	struct port_set ours = ours_ephemeral(f);
	size_t all = port_set_count(&ours), open = exposed(f, &ours);
	text_addf(&out->text, "the kernel hands out %u-%u to outgoing connections",
		f->ephemeral.low, f->ephemeral.high);
	if (!all) {
		text_add(&out->text, ", and no port of yours is among them");
		return;
	}
	text_add(&out->text, "; of yours these are among them: ");
	port_set_print(&ours, ", ", &out->text);
	if (!open) {
		text_add(&out->text, ", all reserved");
		return;
	}
	text_add(&out->text, "; only while an instance runs its placeholders keep them");
	out->verdict = VERDICT_WARNING;
	add_cure(f, &out->fix);
}

static bool is_kept(const struct facts *f, const struct port_set *ours)
{
	struct port_set file = {0};
	if (f->reserved_line.value)
		(void)port_set_parse(&file, f->reserved_line.value);
	for (int port = 1; port <= UINT16_MAX; port++)
		if (ours->has[port] && !file.has[port])
			return false;
	return true;
}

void judge_reserved_ports(const struct facts *f, struct finding *out)
{
	struct port_set ours = ours_ephemeral(f);
	size_t all = port_set_count(&ours), open = exposed(f, &ours);
	if (!all) {
		text_add(&out->text, "nothing has to be reserved");
		return;
	}
	text_addf(&out->text, "%zu of %zu ports that the kernel could hand out are reserved",
		all - open, all);
	if (open) {
		out->verdict = VERDICT_WARNING;
		text_add(&out->fix, "as for ephemeral-range");
	} else if (!is_kept(f, &ours)) {
		out->verdict = VERDICT_WARNING;
		text_add(&out->text, ", until the machine is started again");
		add_cure(f, &out->fix);
	}
}

void judge_kubernetes_ports(const struct facts *f, struct finding *out)
{
	struct port_set ours = ours_in(f, NODE_PORTS_LOW, NODE_PORTS_HIGH);
	if (!f->kubernetes) {
		text_add(&out->text, "no Kubernetes runs here");
		return;
	}
	text_addf(&out->text, "%s runs here, whose services are published on %d-%d", f->kubernetes,
		NODE_PORTS_LOW, NODE_PORTS_HIGH);
	if (!port_set_count(&ours)) {
		text_add(&out->text, "; no port of yours is among them");
		return;
	}
	text_add(&out->text, "; no socket shows that, and of yours these are among them: ");
	port_set_print(&ours, ", ", &out->text);
	out->verdict = VERDICT_WARNING;
	text_addf(&out->fix,
		"give the API server (k3s has the same option) "
		"--service-node-port-range=20000-22767, or the stack `[stack] block = %d`",
		block_of_port(f->ports_base, NODE_PORTS_HIGH + 1) + 1);
}

void judge_docker_ports(const struct facts *f, struct finding *out)
{
	struct port_set ours = ours_ephemeral(f);
	if (!f->docker) {
		text_add(&out->text, "no Docker runs here");
		return;
	}
	text_addf(&out->text,
		"%s runs here, which gives containers without a fixed port one of %u-%u", f->docker,
		f->ephemeral.low, f->ephemeral.high);
	if (!port_set_count(&ours)) {
		text_add(&out->text, "; no port of yours is among them");
		return;
	}
	text_add(&out->text,
		", by most versions also a reserved one; of yours these are among them: ");
	port_set_print(&ours, ", ", &out->text);
	out->verdict = VERDICT_WARNING;
	text_add(&out->fix, "publish fixed ports (`docker run -p 8080:80`, not `-P` or `-p 80`)");
	if (f->ephemeral.low > f->ports_base + 2 * BLOCK_PORTS)
		text_addf(&out->fix,
			", or give the stack a block below: `[stack] block = N`, N up to %d",
			block_of_port(f->ports_base, (uint16_t)(f->ephemeral.low - BLOCK_PORTS)));
}
