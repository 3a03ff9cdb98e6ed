# Who listens, and what process that is; by looking only.
stackup_room(listeners
	SOURCES cgroup.c container.c ephemeral.c owner.c owner_find.c owner_marks.c process.c socket_list.c
		sockets.c sockets_proc.c
	ROOMS base registry)
