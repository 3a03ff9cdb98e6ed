stackup_room(stackfile
	SOURCES check.c command.c describe.c describe_rows.c document.c document_build.c dotenv.c draft.c
		draft_env.c draft_layers.c draft_policy.c draft_ports.c draft_procfile.c fingerprint.c
		interpolate.c locate.c procfile.c reader.c resolve.c resolve_probe.c resolve_service.c resolve_value.c schema.c
		scope.c secret.c shell_heredoc.c shell_insert.c shell_text.c user_file.c values.c values_any.c
		values_list.c values_regex.c
	ROOMS base model
	LIBS lib_inih lib_jansson)
