stackup_room(registry
	SOURCES backup.c bytelock.c chores.c exports.c found.c history.c history_list.c host.c imports.c instances.c
		integrity.c launches.c leases.c lock.c members.c open.c open_read.c place.c projects.c reassignments.c
		record.c record_rows.c repair.c reservations.c restore.c restore_source.c schema.c sound.c sql.c
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
