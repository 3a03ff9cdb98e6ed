# Libraries come from the distribution's packages. Each appears in the rooms that DESIGN names.
find_path(EV_INCLUDE_DIR ev.h REQUIRED)
find_library(EV_LIBRARY ev REQUIRED)
add_library(lib_ev INTERFACE)
target_include_directories(lib_ev SYSTEM INTERFACE ${EV_INCLUDE_DIR})
target_link_libraries(lib_ev INTERFACE ${EV_LIBRARY})

find_path(INIH_INCLUDE_DIR ini.h REQUIRED)
find_library(INIH_LIBRARY inih REQUIRED)
add_library(lib_inih INTERFACE)
target_include_directories(lib_inih SYSTEM INTERFACE ${INIH_INCLUDE_DIR})
target_link_libraries(lib_inih INTERFACE ${INIH_LIBRARY})

# The reader needs inih's options as variables of the library: Debian builds it so. A library with
# the options compiled in would silently cut lines at 200 bytes.
include(CheckCSourceCompiles)
set(CMAKE_REQUIRED_INCLUDES ${INIH_INCLUDE_DIR})
set(CMAKE_REQUIRED_LIBRARIES ${INIH_LIBRARY})
check_c_source_compiles("
	#include <ini.h>
	int main(void)
	{
		ini_allow_inline_comments = false;
		ini_use_stack = false;
		ini_allow_realloc = true;
		ini_max_line = 65538;
		return 0;
	}" INIH_HAS_RUNTIME_OPTIONS)
unset(CMAKE_REQUIRED_INCLUDES)
unset(CMAKE_REQUIRED_LIBRARIES)
if(NOT INIH_HAS_RUNTIME_OPTIONS)
	message(FATAL_ERROR "libinih has no run-time options; install Debian's libinih-dev")
endif()

find_package(SQLite3 REQUIRED)
find_path(JANSSON_INCLUDE_DIR jansson.h REQUIRED)
find_library(JANSSON_LIBRARY jansson REQUIRED)
add_library(lib_jansson INTERFACE)
target_include_directories(lib_jansson SYSTEM INTERFACE ${JANSSON_INCLUDE_DIR})
target_link_libraries(lib_jansson INTERFACE ${JANSSON_LIBRARY})

find_path(YAML_INCLUDE_DIR yaml.h REQUIRED)
find_library(YAML_LIBRARY yaml REQUIRED)
add_library(lib_yaml INTERFACE)
target_include_directories(lib_yaml SYSTEM INTERFACE ${YAML_INCLUDE_DIR})
target_link_libraries(lib_yaml INTERFACE ${YAML_LIBRARY})

# Only its headers: the library is opened when the first HTTP probe needs it (watch/probe_http).
find_path(CURL_INCLUDE_DIR curl/curl.h REQUIRED)
add_library(lib_curl_headers INTERFACE)
target_include_directories(lib_curl_headers SYSTEM INTERFACE ${CURL_INCLUDE_DIR})
