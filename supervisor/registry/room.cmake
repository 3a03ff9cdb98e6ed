stackup_room(registry
	SOURCES bytelock.c history.c instances.c leases.c open.c place.c projects.c record.c repair.c
		schema.c sql.c
	ROOMS base model
	LIBS lib_jansson SQLite::SQLite3)

set(schema_inc ${CMAKE_BINARY_DIR}/generated/registry/schema_1.inc)
add_custom_command(OUTPUT ${schema_inc}
	COMMAND ${CMAKE_COMMAND} -DFROM=${CMAKE_CURRENT_SOURCE_DIR}/registry/schema.sql -DTO=${schema_inc}
		-P ${CMAKE_CURRENT_SOURCE_DIR}/registry/embed.cmake
	DEPENDS registry/schema.sql registry/embed.cmake)
target_sources(room_registry PRIVATE ${schema_inc})
target_include_directories(room_registry PRIVATE ${CMAKE_BINARY_DIR}/generated/registry)
