stackup_room(stop SOURCES escalation.c sequence.c ROOMS base model)
