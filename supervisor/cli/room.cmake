stackup_room(cli
	SOURCES await.c cli.c command_line.c conflict_ask.c conflict_report.c context.c converge.c dry_run.c event_history.c event_tail.c failures.c follow.c help.c leftovers.c out.c
		port_facts.c progress.c recorded.c resolved.c service_names.c services.c source.c subcommands.c surroundings.c
		stopping.c tail_options.c target.c waiting.c
		ports_check.c ports_free.c ports_resolve.c resolve_running.c ports_list.c ports_scan.c ports_show.c ports_who.c protects.c
		verb_attach.c verb_check.c verb_cleanup.c verb_config.c verb_down.c verb_env.c verb_events.c verb_exec.c
		verb_graph.c verb_help.c verb_kill.c verb_logs.c verb_port.c verb_ports.c verb_registry.c
		verb_restart.c verb_run.c verb_start.c verb_status.c verb_stop.c verb_up.c verb_url.c
		verb_version.c verb_wait.c verb_why.c
		ports_monitor.c verb_doctor.c
		registry_report.c registry_verify.c report_show.c truth.c
		ask.c here.c ports_docs.c ports_history.c ports_policy.c ports_release.c ports_reserve.c ports_reset.c
		ports_suggest.c
		ports_move.c
		registry_add.c registry_archive.c registry_change.c env_write.c registry_export.c registry_import.c registry_list.c registry_set.c registry_show.c
		registry_backup.c registry_integrity.c registry_restore.c
		reconcile.c instance_word.c instances_describe.c instances_list.c instances_next.c instances_release.c inventory_show.c
		verb_instances.c
		idle_show.c registry_gc.c tidy.c
	ROOMS base model stackfile plan registry listeners ports claim survey upkeep ledger spawn logs control daemon doctor
	LIBS lib_jansson)

add_executable(stackup main.c)
target_link_libraries(stackup PRIVATE stackup_warnings)
stackup_use(stackup cli)
