stackup_room(heal SOURCES backoff.c budget.c verdict.c ROOMS base model)
