# A stack as other programs want it written. Pure.
stackup_room(export
	SOURCES commands.c compose.c compose_service.c exported.c features.c procfile.c quote.c systemd.c
		systemd_service.c
	ROOMS base model plan stackfile)
