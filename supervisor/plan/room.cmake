# In what order, and with what environment: pure, over the checked model.
stackup_room(plan
	SOURCES block.c change.c environment.c formats.c graph.c graph_show.c handover.c injected.c judge.c order.c secrets.c supabase.c
	ROOMS base model)
