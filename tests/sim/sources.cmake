# What the simulation is made of, for its own programs and for the fuzz target that walks in it.
set(sim_world_sources world.c telling.c verbs.c kernel.c happening.c probing.c stacks.c moves.c
	rules.c rules_outcome.c rules_stop.c rules_probe.c rules_turn.c rules_world.c)
set(sim_play_sources draw.c walk_stack.c play.c healing.c mover.c clients.c text.c)
list(TRANSFORM sim_world_sources PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
list(TRANSFORM sim_play_sources PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
