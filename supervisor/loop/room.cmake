# What the rooms with libev in them share.
stackup_room(loop SOURCES io_watch.c loop.c ROOMS base LIBS lib_ev)
