stackup_room(ports
	SOURCES aside.c block_owner.c cgroup.c check.c claim.c claim_choose.c claim_end.c claim_free.c
		claim_ports.c claim_project.c claim_resolve.c claim_write.c classify.c clear.c
		container.c enroll.c ending.c ephemeral.c evict.c forget.c hold.c inventory.c kin.c
		kin_look.c leftovers.c lock.c look.c look_views.c monitor.c monitor_look.c move.c owner.c
		owner_find.c owner_marks.c policy.c policy_look.c pool.c preview.c process.c protect.c
		protect_look.c report.c reserve.c reserved.c reset.c resolve.c roster.c socket_list.c sockets.c
		sockets_proc.c strategy.c suggest.c suggest_look.c verdict.c verdict_text.c
		worktree.c
		debris.c debris_files.c debris_home.c debris_look.c debris_remove.c
		idle.c stale.c stale_look.c stale_remove.c
		verify.c verify_look.c
		crash_note.c figures.c
	ROOMS base model registry
	LIBS lib_jansson)

# The arithmetic of ports must go without libraries, so that pure rooms can be tested with it.
add_executable(check_ports_policy ${CMAKE_BINARY_DIR}/rooms/ports.c ports/policy.c)
set_target_properties(check_ports_policy PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/rooms)
stackup_see(check_ports_policy ports)
stackup_use(check_ports_policy base model)
target_link_libraries(check_ports_policy PRIVATE stackup_warnings)
