# Processes that outlived their run: how they are known, found and ended.
stackup_room(orphans
	SOURCES crash_note.c death.c ending.c kin.c kin_look.c leftovers.c roster.c
	ROOMS base model registry listeners spawn
	LIBS lib_jansson)
