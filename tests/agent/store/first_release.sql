BEGIN TRANSACTION;
CREATE TABLE audit_log (
	sequence INTEGER NOT NULL, 
	id VARCHAR(40) NOT NULL, 
	timestamp VARCHAR(27) NOT NULL, 
	request_type VARCHAR(32) NOT NULL, 
	tool_name VARCHAR(256) NOT NULL, 
	"query" TEXT NOT NULL, 
	query_hash VARCHAR(96), 
	policy_decision VARCHAR(16), 
	policy_details TEXT NOT NULL, 
	decision_id VARCHAR(36), 
	plane VARCHAR(16), 
	request_body TEXT, 
	response_body TEXT, 
	redacted_fields TEXT, 
	error_message TEXT, 
	tenant_id VARCHAR(128) NOT NULL, 
	client_id VARCHAR(256) NOT NULL, 
	session_id VARCHAR(256), 
	user_email VARCHAR(256), 
	client_software VARCHAR(256), 
	response_time_ms FLOAT, 
	PRIMARY KEY (sequence), 
	UNIQUE (id)
);
INSERT INTO "audit_log" VALUES(1,'audit_00000000000000000000000000000001','2026-01-31T12:00:01.000000Z','check_policy','claude_code.Bash','rm -rf /1 é','hmac-sha256:12345678:abababababababababababababababababababababababababababababababab','blocked','{"action":"block"}','00000000-0000-0000-0000-000000000001','request',NULL,NULL,NULL,NULL,'default','local','session-1','dev@example.com','plugin/1',1.25);
INSERT INTO "audit_log" VALUES(2,'audit_00000000000000000000000000000002','2026-01-31T12:00:02.000000Z','tool_call_audit','Bash','Bash {}',NULL,NULL,'{"status":"success"}',NULL,NULL,'{"command":"ls"}','{"out":"x"}',NULL,NULL,'default','local','session-1','dev@example.com','plugin/1',3.0);
INSERT INTO "audit_log" VALUES(3,'audit_00000000000000000000000000000003','2026-01-31T12:00:03.000000Z','check_policy','claude_code.Bash','rm -rf /3 é','hmac-sha256:12345678:abababababababababababababababababababababababababababababababab','blocked','{"action":"block"}','00000000-0000-0000-0000-000000000003','request',NULL,NULL,NULL,NULL,'default','local','session-1','dev@example.com','plugin/1',1.25);
INSERT INTO "audit_log" VALUES(4,'audit_00000000000000000000000000000004','2026-01-31T12:00:04.000000Z','tool_call_audit','Bash','Bash {}',NULL,NULL,'{"status":"success"}',NULL,NULL,'{"command":"ls"}','{"out":"x"}',NULL,NULL,'default','local','session-1','dev@example.com','plugin/1',3.0);
INSERT INTO "audit_log" VALUES(5,'audit_00000000000000000000000000000005','2026-01-31T12:00:05.000000Z','check_policy','claude_code.Bash','rm -rf /5 é','hmac-sha256:12345678:abababababababababababababababababababababababababababababababab','blocked','{"action":"block"}','00000000-0000-0000-0000-000000000005','request',NULL,NULL,NULL,NULL,'default','local','session-1','dev@example.com','plugin/1',1.25);
CREATE TABLE decisions (
	decision_id VARCHAR(36) NOT NULL, 
	timestamp VARCHAR(27) NOT NULL, 
	plane VARCHAR(16) NOT NULL, 
	decision VARCHAR(16) NOT NULL, 
	action VARCHAR(20) NOT NULL, 
	risk_level VARCHAR(8), 
	reason TEXT NOT NULL, 
	primary_policy VARCHAR(128), 
	policy_matches TEXT NOT NULL, 
	policies_evaluated INTEGER NOT NULL, 
	tool_signature VARCHAR(256) NOT NULL, 
	statement_hash VARCHAR(96) NOT NULL, 
	excerpt TEXT, 
	excerpt_offset INTEGER, 
	tenant_id VARCHAR(128) NOT NULL, 
	client_id VARCHAR(256) NOT NULL, 
	session_id VARCHAR(256), 
	user_email VARCHAR(256), 
	client_software VARCHAR(256), 
	duration_ms FLOAT NOT NULL, 
	PRIMARY KEY (decision_id)
);
INSERT INTO "decisions" VALUES('00000000-0000-0000-0000-000000000001','2026-01-31T12:00:01.000000Z','request','blocked','block','high','It removes files.','sys_dangerous_rm','[{"policy_id":"sys_dangerous_rm","policy_name":"Dangerous","category":"security-dangerous","action":"block","risk_level":"high","allow_override":true,"policy_description":"It removes files.","spans":[{"field":"statement","start":0,"end":8}]}]',123,'claude_code.Bash','hmac-sha256:12345678:abababababababababababababababababababababababababababababababab','rm -rf /1 é',0,'default','local','session-1','dev@example.com','plugin/1',1.25);
INSERT INTO "decisions" VALUES('00000000-0000-0000-0000-000000000003','2026-01-31T12:00:03.000000Z','request','blocked','block','high','It removes files.','sys_dangerous_rm','[{"policy_id":"sys_dangerous_rm","policy_name":"Dangerous","category":"security-dangerous","action":"block","risk_level":"high","allow_override":true,"policy_description":"It removes files.","spans":[{"field":"statement","start":0,"end":8}]}]',123,'claude_code.Bash','hmac-sha256:12345678:abababababababababababababababababababababababababababababababab','rm -rf /3 é',0,'default','local','session-1','dev@example.com','plugin/1',1.25);
INSERT INTO "decisions" VALUES('00000000-0000-0000-0000-000000000005','2026-01-31T12:00:05.000000Z','request','blocked','block','high','It removes files.','sys_dangerous_rm','[{"policy_id":"sys_dangerous_rm","policy_name":"Dangerous","category":"security-dangerous","action":"block","risk_level":"high","allow_override":true,"policy_description":"It removes files.","spans":[{"field":"statement","start":0,"end":8}]}]',123,'claude_code.Bash','hmac-sha256:12345678:abababababababababababababababababababababababababababababababab','rm -rf /5 é',0,'default','local','session-1','dev@example.com','plugin/1',1.25);
CREATE TABLE idempotency (
	client_id VARCHAR(256) NOT NULL, 
	scope VARCHAR(64) NOT NULL, 
	"key" VARCHAR(256) NOT NULL, 
	fingerprint VARCHAR(96) NOT NULL, 
	timestamp VARCHAR(27) NOT NULL, 
	response TEXT NOT NULL, 
	UNIQUE (client_id, scope, "key")
);
CREATE TABLE meta (
	"key" VARCHAR(64) NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('schema_version','1');
CREATE INDEX decisions_by_session ON decisions (session_id, primary_policy, timestamp);
CREATE INDEX audit_by_time ON audit_log (timestamp);
CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE INDEX idempotency_by_time ON idempotency (timestamp);
COMMIT;
