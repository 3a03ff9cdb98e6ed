#include "loop/loop.h"

#include <errno.h>
#include <ev.h>
#include <poll.h>
#include <string.h>

#include "base/error.h"
#include "base/reserve.h"

/* To return is to try again. */
static void on_failed_call(const char *what)
{
	if (errno != ENOMEM && errno != ENFILE && errno != EMFILE)
		BUG("%s: %s", what, strerror(errno));
	poll(NULL, 0, LOOP_RETRY_MS);
}

struct ev_loop *loop_new(void)
{
	ev_set_allocator(reserve_for_ev);
	ev_set_syserr_cb(on_failed_call);
	return ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
}
