# Where the loop, struct sys, the registry and the control socket meet.
stackup_room(daemon
	SOURCES actions.c attach.c boot.c children.c clearing.c crash.c end.c forwarding.c identity.c foster.c io.c launch.c load.c log_guard.c loop.c lost.c origin.c pending.c probed.c
		recorder.c records.c reload.c reload_order.c requests.c resume.c resume_boot.c resume_head.c resume_state.c second.c show.c signals.c taken.c takeover.c takeover_look.c takeover_steps.c tell.c upgrade.c world.c
	ROOMS base model stackfile plan registry listeners orphans ports claim spawn logs loop forward probe heal stop watch control
	LIBS lib_ev lib_jansson)
