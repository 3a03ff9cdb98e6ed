/*
 * hold.h - keeping a port for a service before, between and after its runs.
 *
 * "Exclusive, then relax" (measured on Linux): bind [::]:P dual-stack without SO_REUSEADDR, one atomic
 * call that succeeds only when nobody has P on any address. Setting SO_REUSEADDR on the bound socket
 * afterwards lets ordinary servers bind and listen beside it, while plain binders, another stackup
 * and the kernel's own choice for connect() and bind(0) stay away from P. It dies with the process.
 *
 *	hold_take()	exclusive: nobody can have P, our child neither
 *	hold_relax()	our child may have it now, in the way `mode` says:
 *	    relaxed	SO_REUSEADDR on the same socket
 *	    marker	a socket on 127.83.0.1:P instead, for servers that bind 127.0.0.1 plainly
 *	    no		closed: for servers that set no SO_REUSEADDR at all
 *	    listen	we listen, which keeps everybody else away; hold->fd is for LISTEN_FDS
 *	hold_rearm()	exclusive again, when no child of ours is meant to own P
 *	hold_close()
 *
 * UDP has no such half-open state (the last binder would get the datagrams): an exclusive UDP hold is
 * closed by hold_relax().
 */
#ifndef PORTS_HOLD_H
#define PORTS_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/port.h"

enum hold_state { HOLD_CLOSED, HOLD_IS_EXCLUSIVE, HOLD_IS_RELAXED, HOLD_IS_LISTENING };

struct hold {
	int fd; /* owns; -1 when closed */
	uint16_t port;
	bool udp;
	bool marker; /* fd is bound to 127.83.0.1 */
	enum hold_state state;
};
#define HOLD_NONE ((struct hold){.fd = -1})

/* e->number is EADDRINUSE or EACCES or whatever bind(2) said. */
int hold_take(struct hold *hold, uint16_t port, bool udp, struct error *e);
/*
 * For a port on which only connections are left (TIME_WAIT, or accepted by a server that is gone):
 * those of a server with SO_REUSEADDR do not keep the next server away, but they do keep an exclusive
 * bind away. Binds with SO_REUSEADDR and takes it back at once. Only after a look has shown that
 * nobody listens or holds: beside another relaxed hold it would succeed, too.
 */
int hold_take_beside(struct hold *hold, uint16_t port, struct error *e);
/* Could hold_take() have it now? Lets go of it at once. */
bool hold_could_take(uint16_t port, bool udp);
/* mode HOLD_AUTO is treated as HOLD_RELAXED. Without a gap in which P belongs to nobody. */
int hold_relax(struct hold *hold, enum hold_mode mode, struct error *e);
/*
 * Back to exclusive. -1 when the port cannot be had again (somebody came while it was closed, or
 * connections of a server without SO_REUSEADDR linger); the hold then keeps what it can.
 */
int hold_rearm(struct hold *hold, struct error *e);
void hold_close(struct hold *hold);

/*
 * A socket that was a hold in another process, whose duplicate it is: what it is now is asked of the
 * kernel. Takes fd. -1: it is none.
 */
int hold_adopt(struct hold *hold, int fd);

/*
 * When the service of a port has moved away and somebody is to answer there in its place:
 * hold_answer() makes a listening socket on one address beside an exclusive hold (the caller's;
 * non-blocking). 4 bytes of the address are used without v6. -1 with e.
 */
int hold_answer(struct hold *hold, bool v6, const uint8_t address[16], struct error *e);
/*
 * A listening hold becomes an exclusive one. Whoever else has the socket, a child perhaps, does not
 * listen any more either.
 */
int hold_unlisten(struct hold *hold, struct error *e);

/*
 * Does relaxing work on this kernel? Tried once per process on a port the kernel chose; where it does
 * not, HOLD_RELAXED acts as HOLD_NO.
 */
bool hold_relaxing_works(void);

#endif
