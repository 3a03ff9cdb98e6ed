# A file of the tree as bytes in the program:
#
#   stackup_embed(room_cli completion_bash ${dir}/stackup.bash HEADER cli/completion/scripts.h)
#
# defines `const struct embedded completion_bash`, which the header declares.
function(stackup_embed target name file)
	cmake_parse_arguments(EMBED "" "HEADER" "" ${ARGN})
	file(READ ${file} bytes HEX)
	string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${bytes}")
	# A line of the file is one of the literal.
	string(REPLACE "\\x0a" "\\x0a\"\n\t\"" bytes "\t\"${bytes}\"")
	set(generated ${CMAKE_BINARY_DIR}/embedded/${name}.c)
	file(CONFIGURE OUTPUT ${generated} @ONLY CONTENT
		"#include \"${EMBED_HEADER}\"\n\nstatic const char bytes[] =\n@bytes@;\nconst struct embedded @name@ = {bytes, sizeof bytes - 1};\n")
	set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
	target_sources(${target} PRIVATE ${generated})
endfunction()
