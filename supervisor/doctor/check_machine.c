/*
 * What the supervisor needs of the machine itself.
 */
#include "doctor/doctor.h"

enum {
	/*
	 * Descriptors of a supervisor, measured: its own, those kept for starts, clients; and per
	 * service the log and its index, pipe, pidfd, notify socket, a probe, one in reserve.
	 */
	OWN_DESCRIPTORS = 128,
	SERVICE_DESCRIPTORS = 8,
	MIB = 1024 * 1024,
	/* Without room the logs of services wait, and soon their services. */
	FREE_LEAST = 32 * MIB,
	FREE_AMPLE = 256 * MIB,
};

static uint64_t descriptors_needed(const struct facts *f)
{
	return OWN_DESCRIPTORS + (uint64_t)f->services * SERVICE_DESCRIPTORS + (uint64_t)f->ports;
}

static uint64_t round_up(uint64_t number)
{
	uint64_t power = 1024;
	while (power < 2 * number)
		power *= 2;
	return power;
}

void judge_descriptors(const struct facts *f, struct finding *out)
{
	unsigned long long most = f->descriptors_most, need = descriptors_needed(f);
	if (f->services)
		text_addf(&out->text, "a stack of %d services needs up to %llu open files, ",
			f->services, need);
	else
		text_addf(&out->text, "a supervisor alone needs up to %llu open files, ", need);
	if (most == UINT64_MAX)
		text_add(&out->text, "and there is no limit");
	else
		text_addf(&out->text, "%llu are allowed", most);
	if (need <= most)
		return;
	out->verdict = VERDICT_PROBLEM;
	text_addf(&out->fix,
		"write `%s hard nofile %llu` into /etc/security/limits.d/stackup.conf and "
		"log in again; in a systemd service: LimitNOFILE=%llu",
		f->user, (unsigned long long)round_up(need), (unsigned long long)round_up(need));
}

void judge_state_directory(const struct facts *f, struct finding *out)
{
	if (f->registry_error) {
		out->verdict = VERDICT_PROBLEM;
		text_addf(&out->text, "the registry cannot be read: %s", f->registry_error);
		text_add(&out->fix, f->registry_hint);
	} else if (f->file_system) {
		out->verdict = VERDICT_WARNING;
		text_addf(&out->text,
			"%s is on a network file system (%s): slower, and locks are only "
			"as good as its server",
			f->state, f->file_system);
		text_add(&out->fix, "set STACKUP_HOME to a directory on a disk of this machine");
	} else {
		text_addf(&out->text, "%s is on a disk of this machine", f->state);
	}
}

void judge_disk_space(const struct facts *f, struct finding *out)
{
	if (f->disk_free < 0) {
		text_addf(&out->text, "what is free on the disk of %s is not known", f->state);
		return;
	}
	text_addf(&out->text, "%lld MiB are free on the disk of %s%s", (long long)(f->disk_free / MIB),
		f->state, f->no_inodes ? ", and no further file can be made there" : "");
	if (f->disk_free >= FREE_AMPLE && !f->no_inodes)
		return;
	out->verdict = f->disk_free < FREE_LEAST || f->no_inodes ? VERDICT_PROBLEM : VERDICT_WARNING;
	text_add(&out->fix, "make room there, or set STACKUP_HOME to another disk; `[stack] log.total` "
		"bounds what logs take, `stackup cleanup` removes what nobody needs");
}

void judge_sock_diag(const struct facts *f, struct finding *out)
{
	if (!f->by_proc) {
		text_add(&out->text, "sock_diag answers");
		return;
	}
	out->verdict = VERDICT_WARNING;
	text_add(&out->text,
		"sock_diag is missing; /proc/net is read instead, which is slower and shows no "
		"placeholders");
	text_add(&out->fix,
		"sudo modprobe -a inet_diag tcp_diag udp_diag; in a sandbox allow sockets of "
		"the family AF_NETLINK");
}
