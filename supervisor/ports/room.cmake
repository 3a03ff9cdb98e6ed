# One port: its number, who may have it, how it is held, what happens when it is taken.
stackup_room(ports
	SOURCES classify.c evict.c hold.c policy.c protect.c protect_look.c reserved.c resolve.c strategy.c
		verdict.c verdict_text.c
	ROOMS base model registry listeners)

# The arithmetic of ports must go without libraries, so that pure rooms can be tested with it.
add_executable(check_ports_policy ${CMAKE_BINARY_DIR}/rooms/ports.c ports/policy.c)
set_target_properties(check_ports_policy PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/rooms)
stackup_see(check_ports_policy ports)
stackup_use(check_ports_policy base model)
target_link_libraries(check_ports_policy PRIVATE stackup_warnings)
