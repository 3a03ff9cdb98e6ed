# One list of warnings for gcc and clang; -Werror only by preset, never in what users build.
add_library(stackup_warnings INTERFACE)
target_compile_options(stackup_warnings INTERFACE
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wcast-qual
	-Wvla -Wundef -Wformat=2 -Wimplicit-fallthrough -Wswitch-enum -Wconversion -Wnull-dereference)
target_compile_definitions(stackup_warnings INTERFACE _GNU_SOURCE STACKUP_VERSION="${PROJECT_VERSION}")

option(STACKUP_WERROR "treat warnings as errors" OFF)
if(STACKUP_WERROR)
	target_compile_options(stackup_warnings INTERFACE -Werror)
endif()

set(STACKUP_SANITIZE "" CACHE STRING "value for -fsanitize=, for example address,undefined")
if(STACKUP_SANITIZE)
	add_compile_options(-fsanitize=${STACKUP_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
	add_link_options(-fsanitize=${STACKUP_SANITIZE})
endif()

option(STACKUP_HARDEN "hardened release flags" OFF)
if(STACKUP_HARDEN)
	add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fcf-protection)
	add_link_options(-pie -Wl,-z,relro,-z,now)
endif()

option(STACKUP_COVERAGE "collect coverage" OFF)
if(STACKUP_COVERAGE)
	add_compile_options(--coverage)
	add_link_options(--coverage)
endif()
