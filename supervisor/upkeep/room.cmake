# What nobody uses any more, whether the registry is true, and the figures of it.
stackup_room(upkeep
	SOURCES debris.c debris_files.c debris_home.c debris_look.c debris_remove.c figures.c idle.c inventory.c
		stale.c stale_look.c stale_remove.c verify.c verify_look.c
	ROOMS base model registry listeners orphans ports claim survey)
