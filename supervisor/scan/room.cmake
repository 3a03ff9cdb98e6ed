# Ports and addresses in files: finders per format, and the walk over trees. By reading only.
stackup_room(scan
	SOURCES apply.c command.c find.c formats.c names.c read_braces.c read_lines.c read_outline.c read_sections.c
		read_servers.c read_yaml.c rules.c slice.c text.c value.c variable.c
	ROOMS base
	LIBS lib_yaml)
