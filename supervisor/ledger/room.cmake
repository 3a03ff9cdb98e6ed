stackup_room(ledger
	SOURCES apply.c cell_date.c cells.c claims.c collect.c columns.c csv.c file.c json_read.c json_write.c judge.c judge_instances.c
		judge_projects.c ledger.c markdown.c markdown_cell.c
	ROOMS base model registry ports claim
	LIBS lib_jansson)
