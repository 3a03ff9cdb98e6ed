stackup_room(adopt
	SOURCES package.c procfile.c servers.c sheet.c sheet_write.c
	ROOMS base model stackfile
	LIBS lib_jansson)
