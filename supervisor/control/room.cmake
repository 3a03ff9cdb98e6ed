stackup_room(control
	SOURCES client.c path.c sentry.c server.c server_client.c wire.c
	ROOMS base loop
	LIBS lib_ev lib_jansson)
