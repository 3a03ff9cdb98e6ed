stackup_room(registry
	SOURCES bytelock.c exports.c history.c imports.c history_list.c instances.c leases.c open.c place.c projects.c record.c repair.c
		backup.c host.c integrity.c open_read.c record_rows.c restore.c restore_source.c sound.c
		reassignments.c reservations.c schema.c sql.c
		chores.c launches.c
	ROOMS base model
	LIBS lib_jansson SQLite::SQLite3)

# schema.sql is version 1; schema_N.sql leads from the version before to N.
set(schema_dir ${CMAKE_BINARY_DIR}/generated/registry)
foreach(version IN ITEMS 1 2 3 4 5 6 7 8 9)
	set(schema_sql registry/schema_${version}.sql)
	if(version EQUAL 1)
		set(schema_sql registry/schema.sql)
	endif()
	set(schema_inc ${schema_dir}/schema_${version}.inc)
	add_custom_command(OUTPUT ${schema_inc}
		COMMAND ${CMAKE_COMMAND} -DFROM=${CMAKE_CURRENT_SOURCE_DIR}/${schema_sql} -DTO=${schema_inc}
			-P ${CMAKE_CURRENT_SOURCE_DIR}/registry/embed.cmake
		DEPENDS ${schema_sql} registry/embed.cmake)
	target_sources(room_registry PRIVATE ${schema_inc})
endforeach()
target_include_directories(room_registry PRIVATE ${schema_dir})
