stackup_room(logs
	SOURCES index.c intake.c intake_files.c intake_watch.c lines.c parts.c pool.c reader.c
		reader_directory.c reader_history.c show.c source.c
	ROOMS base model)
