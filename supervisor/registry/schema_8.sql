-- Version 8. What happened to the ports of a service, in a project where much has happened.

CREATE INDEX conflicts_of_projects_service ON conflicts (project_id, service, timestamp);
CREATE INDEX audit_of_projects_service
	ON audit (project_id, substr(target, instr(target, '''') + 1, length(target) - instr(target, '''') - 1),
		timestamp)
	WHERE substr(target, 1, 4) = 'port';
