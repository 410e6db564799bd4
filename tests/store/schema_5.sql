-- A file of schema 5 as it was written then: two trials with who ran them, and one in the queue.
PRAGMA application_id=1416785011;
BEGIN TRANSACTION;
CREATE TABLE instruction (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	study INTEGER NOT NULL, 
	at DOUBLE NOT NULL, 
	who TEXT NOT NULL, 
	act TEXT NOT NULL, 
	words TEXT NOT NULL, 
	trial BIGINT
);
CREATE TABLE lease (
	study INTEGER NOT NULL, 
	token TEXT NOT NULL, 
	boot TEXT NOT NULL, 
	namespace TEXT NOT NULL, 
	pid BIGINT NOT NULL, 
	process_start TEXT NOT NULL, 
	started DOUBLE NOT NULL, 
	beat DOUBLE NOT NULL, 
	beats BIGINT NOT NULL, 
	lease_seconds DOUBLE NOT NULL, 
	describes TEXT NOT NULL, 
	PRIMARY KEY (study, token)
)
 WITHOUT ROWID

;
CREATE TABLE ledger (
	line INTEGER NOT NULL, 
	content_json TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	PRIMARY KEY (line)
);
CREATE TABLE report (
	study INTEGER NOT NULL, 
	trial BIGINT NOT NULL, 
	step DOUBLE NOT NULL, 
	value DOUBLE, 
	metrics_json TEXT, 
	PRIMARY KEY (study, trial, step)
)
 WITHOUT ROWID

;
CREATE TABLE revision (
	study INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	at DOUBLE NOT NULL, 
	reason TEXT NOT NULL, 
	plan_json TEXT NOT NULL, 
	space_json TEXT NOT NULL, 
	PRIMARY KEY (study, number)
);
INSERT INTO "revision" VALUES(1,0,1.0,'declared','{"name": "old", "objectives": [["loss", "minimize"], ["accuracy", "maximize"]], "budget": {"trials": 9, "seconds": null, "compute_seconds": null, "cost": null, "full_runs": null, "per_second": null, "per_token": null, "stages": null}, "limits": {"seconds": null, "memory_bytes": null, "cost": null}, "seed": 3, "strategy": "auto", "scheduler": "auto", "source": "", "test": null, "finalists": null, "replicates": null, "test_seeds": 5, "prefer": "better", "matters": null, "warm_start": [], "fidelity": null, "stopping": "auto", "validation": null}','{"parameters": [["lr", {"kind": "float", "low": 1e-05, "high": 0.1, "log": true}], ["act", {"kind": "categorical", "choices": ["relu", "tanh"]}]]}');
CREATE TABLE stage (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	study INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	outcome_json TEXT NOT NULL
);
CREATE TABLE study (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name TEXT NOT NULL, 
	created_at DOUBLE NOT NULL, 
	revision INTEGER NOT NULL, 
	trials BIGINT NOT NULL, 
	changes BIGINT NOT NULL, 
	closed BIGINT NOT NULL, 
	compute_seconds DOUBLE NOT NULL, 
	cost DOUBLE NOT NULL, 
	UNIQUE (name)
);
INSERT INTO "study" VALUES(1,'old',1.0,0,3,5,2,2.0,0.0);
CREATE TABLE trial (
	study INTEGER NOT NULL, 
	number BIGINT NOT NULL, 
	state TEXT NOT NULL, 
	stage TEXT NOT NULL, 
	params_json TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	strategy TEXT NOT NULL, 
	seed BIGINT NOT NULL, 
	attempt INTEGER NOT NULL, 
	repeats BIGINT, 
	metrics_json TEXT, 
	loss DOUBLE, 
	cost DOUBLE, 
	seconds DOUBLE, 
	opened_at DOUBLE, 
	closed_at DOUBLE, 
	failure_json TEXT, 
	earlier_json TEXT, 
	stop_reason TEXT NOT NULL, 
	notes_json TEXT, 
	revision INTEGER NOT NULL, 
	owner TEXT, 
	reported INTEGER NOT NULL, 
	changed BIGINT NOT NULL, 
	constraints_json TEXT, 
	violated INTEGER DEFAULT '0' NOT NULL, 
	fidelity DOUBLE, 
	length BIGINT, 
	course_json TEXT, 
	inherits BIGINT, 
	used DOUBLE DEFAULT '0' NOT NULL, 
	runs_json TEXT, 
	PRIMARY KEY (study, number)
)
 WITHOUT ROWID

;
INSERT INTO "trial" VALUES(1,0,'complete','search','{"lr":0.0}','number 0','counting',125903283,0,NULL,'{"loss":[0.6],"accuracy":[0.5]}',0.6,NULL,1.0,2.0,3.0,NULL,NULL,'',NULL,0,'me',-1,2,NULL,0,NULL,NULL,NULL,NULL,0.0,'[["ann@host:1/1",2.0,3.0]]');
INSERT INTO "trial" VALUES(1,1,'complete','search','{"lr":1.0}','number 1','counting',649102057,0,NULL,'{"loss":[0.25],"accuracy":[0.5]}',0.25,NULL,1.0,4.0,5.0,NULL,NULL,'',NULL,0,'me',-1,4,NULL,0,NULL,NULL,NULL,NULL,0.0,'[["ann@host:1/1",4.0,5.0]]');
INSERT INTO "trial" VALUES(1,2,'waiting','search','{"lr":2.0}','number 2','counting',1360346753,0,NULL,NULL,NULL,NULL,NULL,6.0,NULL,NULL,NULL,'',NULL,0,NULL,-1,5,NULL,0,NULL,NULL,NULL,NULL,0.0,NULL);
CREATE TABLE trialist (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "trialist" VALUES('schema','5');
INSERT INTO "trialist" VALUES('ledger','');
CREATE INDEX ix_instruction_study ON instruction (study);
CREATE INDEX lease_token ON lease (token);
CREATE INDEX ix_stage_study ON stage (study);
CREATE INDEX trial_changed ON trial (study, changed);
CREATE INDEX trial_loss ON trial (study, violated, loss, number) WHERE loss IS NOT NULL;
CREATE INDEX trial_open ON trial (study, state, number, owner, closed_at) WHERE closed_at IS NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('study',1);
COMMIT;
