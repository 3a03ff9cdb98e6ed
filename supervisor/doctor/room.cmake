stackup_room(doctor
	SOURCES check_blocks.c check_machine.c check_services.c doctor.c facts.c sysctl.c
	ROOMS base model registry listeners ports)
