stackup_room(stackfile
	SOURCES check.c command.c describe.c describe_rows.c document.c document_build.c dotenv.c draft.c
		draft_env.c draft_layers.c draft_policy.c draft_ports.c draft_procfile.c draft_templates.c fingerprint.c
		interpolate.c locate.c procfile.c reader.c resolve.c resolve_probe.c resolve_service.c resolve_value.c schema.c
		scope.c secret.c shell_heredoc.c shell_insert.c shell_text.c user_file.c values.c values_any.c
		values_list.c values_regex.c
	ROOMS base model
	LIBS lib_inih lib_jansson)

# The files of stackfiles/ are part of the program: it finds them wherever it runs.
file(GLOB stackfiles CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/stackfiles/*.ini)
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/templates_data.c
	COMMAND ${CMAKE_COMMAND} "-DFILES=${stackfiles}" -DOUTPUT=${CMAKE_BINARY_DIR}/templates_data.c
		-P ${CMAKE_SOURCE_DIR}/cmake/Templates.cmake
	DEPENDS ${stackfiles} ${CMAKE_SOURCE_DIR}/cmake/Templates.cmake
	VERBATIM)
target_sources(room_stackfile PRIVATE ${CMAKE_BINARY_DIR}/templates_data.c)
