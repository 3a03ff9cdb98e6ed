stackup_room(adopt
	SOURCES compose.c compose_docker.c compose_load.c compose_merge.c compose_network.c compose_ports.c
		compose_program.c compose_service.c compose_text.c dockerfile.c package.c procfile.c repository.c servers.c
		sheet.c sheet_write.c yaml.c
	ROOMS base model stackfile
	LIBS lib_jansson lib_yaml)
