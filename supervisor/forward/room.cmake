# A port that leads to another one for a while.
stackup_room(forward SOURCES forward.c relay.c ROOMS base loop LIBS lib_ev)
