stackup_room(cli
	SOURCES ask.c cli.c command_line.c context.c families.c habits.c help.c out.c source.c subcommands.c target.c
		completion/offers.c completion/scripts.c completion/sources.c completion/words.c
		import/compose.c import/package.c import/procfile.c
		instances/describe.c instances/list.c instances/next.c instances/release.c instances/word.c
		ports/check.c ports/conflict_ask.c ports/conflict_report.c ports/docs.c ports/free.c ports/history.c
		ports/list.c ports/monitor.c ports/move.c ports/policy.c ports/port_facts.c ports/protects.c
		ports/release.c ports/reserve.c ports/reset.c ports/resolve.c ports/resolve_running.c ports/scan.c
		ports/show.c ports/suggest.c ports/who.c
		registry/add.c registry/archive.c registry/backup.c registry/change.c registry/export.c
		registry/gc.c registry/import.c registry/integrity.c registry/list.c registry/report.c
		registry/report_show.c registry/restore.c registry/set.c registry/show.c registry/truth.c
		registry/verify.c
		shared/adoption.c shared/await.c shared/converge.c shared/dry_run.c shared/env_write.c shared/event_history.c
		shared/event_tail.c shared/failures.c shared/farewell.c shared/follow.c shared/found.c shared/here.c shared/idle_show.c
		shared/inventory_show.c shared/known.c shared/leftovers.c shared/others.c shared/program.c shared/progress.c shared/reconcile.c
		shared/recorded.c
		shared/resolved.c shared/service_names.c shared/services.c shared/stopping.c shared/successor.c shared/surroundings.c
		shared/tail_options.c shared/tidy.c shared/waiting.c shared/write_asking.c
		verbs/attach.c verbs/check.c verbs/cleanup.c verbs/completion.c verbs/config.c verbs/doctor.c verbs/down.c verbs/env.c
		verbs/events.c verbs/exec.c verbs/export.c verbs/graph.c verbs/help.c verbs/import.c verbs/init.c verbs/instances.c verbs/kill.c verbs/logs.c
		verbs/port.c verbs/ports.c verbs/registry.c verbs/restart.c verbs/run.c verbs/scan.c verbs/start.c
		verbs/status.c verbs/stop.c verbs/up.c verbs/upgrade.c verbs/url.c verbs/version.c verbs/wait.c verbs/why.c
	ROOMS base model stackfile adopt plan export registry listeners orphans ports claim survey upkeep ledger scan spawn logs control daemon doctor
	LIBS lib_jansson)

add_executable(stackup main.c)
target_link_libraries(stackup PRIVATE stackup_warnings)
stackup_use(stackup cli)

foreach(shell IN ITEMS bash zsh fish)
	stackup_embed(room_cli completion_${shell} ${CMAKE_CURRENT_SOURCE_DIR}/cli/completion/stackup.${shell}
		HEADER cli/completion/scripts.h)
endforeach()
