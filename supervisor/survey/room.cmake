# Questions about the ports of this machine, and what the answers look like.
stackup_room(survey
	SOURCES clear.c look.c look_views.c monitor.c monitor_look.c ranges.c report.c suggest.c suggest_look.c
	ROOMS base model registry listeners orphans ports claim
	LIBS lib_jansson)
