# Pure: no libev, no curl, no SQLite. What happens in the world arrives as events.
stackup_room(watch
	SOURCES lifecycle.c running.c stopping.c service.c settle.c keeper.c perform.c snapshot.c
	ROOMS base model heal stop
	LIBS lib_jansson)
