stackup_room(spawn
	SOURCES child.c explain.c explain_file.c guardian.c guardian_guard.c guardian_replace.c guardian_signals.c
		guardian_store.c guardian_sweep.c guardian_wire.c oom.c pad.c proc.c recipe.c tree.c tree_listener.c
		tree_signal.c tree_stuck.c tree_walk.c validate.c validate_requirements.c version.c
	ROOMS base model)
