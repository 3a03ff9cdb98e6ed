# A room is one folder of supervisor/: its own static library, its own include directory, and a
# list of the rooms it may use.
#
#   stackup_room(ports SOURCES policy.c sockets.c ROOMS base model registry LIBS sqlite)
#
# The include directory of a room holds nothing but that room (a link in the build tree), and nobody
# inherits one: whoever compiles sees the rooms that it names. So an #include of a room that is not in
# ROOMS does not compile, and a header that brings another room's header brings an arrow that has to be
# drawn. A check executable links the whole room with nothing but its declared rooms, so a wrong arrow
# fails to link as well; a plain archive would not notice.

# The headers of these rooms, and of no other.
function(stackup_see target)
	foreach(room IN LISTS ARGN)
		target_include_directories(${target} PRIVATE ${CMAKE_BINARY_DIR}/include/${room})
	endforeach()
endfunction()

# The same, and their code: for programs and tests.
function(stackup_use target)
	stackup_see(${target} ${ARGN})
	foreach(room IN LISTS ARGN)
		target_link_libraries(${target} PRIVATE room_${room})
	endforeach()
endfunction()

function(stackup_room name)
	cmake_parse_arguments(ROOM "" "" "SOURCES;ROOMS;LIBS" ${ARGN})
	set(include_dir ${CMAKE_BINARY_DIR}/include/${name})
	file(MAKE_DIRECTORY ${include_dir})
	file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR}/${name} ${include_dir}/${name} SYMBOLIC)

	list(TRANSFORM ROOM_SOURCES PREPEND ${name}/)
	add_library(room_${name} STATIC ${ROOM_SOURCES})
	stackup_see(room_${name} ${name} ${ROOM_ROOMS})
	target_link_libraries(room_${name} PRIVATE stackup_warnings)
	target_compile_options(room_${name} PRIVATE
		"SHELL:-include ${CMAKE_SOURCE_DIR}/supervisor/base/banned.h")
	foreach(used IN LISTS ROOM_ROOMS)
		target_link_libraries(room_${name} PUBLIC room_${used})
	endforeach()
	target_link_libraries(room_${name} PUBLIC ${ROOM_LIBS})

	file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/rooms/${name}.c CONTENT "int main(void) { return 0; }\n")
	add_executable(check_room_${name} ${CMAKE_BINARY_DIR}/rooms/${name}.c)
	set_target_properties(check_room_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/rooms)
	target_link_libraries(check_room_${name} PRIVATE
		-Wl,--whole-archive room_${name} -Wl,--no-whole-archive)
endfunction()
