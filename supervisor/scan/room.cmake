# Ports and addresses in files: finders per format, and the walk over trees. By reading only.
stackup_room(scan
	SOURCES above.c apply.c conflicts.c find.c formats.c hosts.c ignore.c names.c read_braces.c read_lines.c read_outline.c read_sections.c
		read_servers.c read_yaml.c rules.c scan.c shell.c slice.c value.c variable.c walk.c
	ROOMS base
	LIBS lib_yaml)
