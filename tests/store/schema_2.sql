-- A file of schema 2 as it was written then: four trials, the last one still in the queue.
PRAGMA application_id=1416785011;
BEGIN TRANSACTION;
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
	step BIGINT NOT NULL, 
	value DOUBLE, 
	metrics_json TEXT, 
	PRIMARY KEY (study, trial, step)
)
 WITHOUT ROWID

;
INSERT INTO "report" VALUES(1,0,1,1.0,'{"acc":0.5}');
INSERT INTO "report" VALUES(1,0,2,NULL,NULL);
INSERT INTO "report" VALUES(1,0,10,0.75,NULL);
INSERT INTO "report" VALUES(1,1,1,1.5,NULL);
INSERT INTO "report" VALUES(1,2,1,2.5,NULL);
INSERT INTO "report" VALUES(1,3,1,2.0,NULL);
CREATE TABLE revision (
	study INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	at DOUBLE NOT NULL, 
	reason TEXT NOT NULL, 
	plan_json TEXT NOT NULL, 
	space_json TEXT NOT NULL, 
	PRIMARY KEY (study, number)
);
INSERT INTO "revision" VALUES(1,0,1.0,'declared','{"name": "old", "objectives": [["loss", "minimize"]], "budget": {"trials": 6, "seconds": null, "compute_seconds": null, "cost": null}, "limits": {"seconds": null, "memory_bytes": null}, "seed": 0, "strategy": "random", "scheduler": "auto", "stopping": "auto", "source": "", "test": null, "finalists": null, "replicates": null, "test_seeds": 5, "warm_start": []}','{"parameters": [["x", {"kind": "float", "low": 0.0, "high": 1.0, "default": 0.5}]]}');
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
INSERT INTO "study" VALUES(1,'old',1.0,0,4,10,3,4.0,0.25);
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
	PRIMARY KEY (study, number)
)
 WITHOUT ROWID

;
INSERT INTO "trial" VALUES(1,0,'complete','baseline','{"x":0.0}','number 0','counting',1147938212,0,NULL,'{"loss":[0.5,0.75]}',0.625,0.25,1.5,2.0,4.0,NULL,NULL,'',NULL,0,'me',0,6,NULL,0);
INSERT INTO "trial" VALUES(1,1,'complete','search','{"x":0.125}','number 1','counting',491532202,0,NULL,'{"loss":[0.25]}',0.25,NULL,1.5,2.0,4.0,NULL,NULL,'',NULL,0,'me',0,7,'{"ms":2.0}',1);
INSERT INTO "trial" VALUES(1,2,'stopped','search','{"x":0.25}','number 2','counting',105664274,0,NULL,'{"loss":[2.5]}',2.5,NULL,0.5,2.0,4.0,NULL,NULL,'rank 3 of 3 at step 1',NULL,0,'me',0,9,NULL,0);
INSERT INTO "trial" VALUES(1,3,'waiting','search','{"x":0.375}','number 3','counting',1075938450,1,NULL,NULL,NULL,NULL,0.5,2.0,NULL,NULL,'[{"cause": "killed", "message": "killed by signal 9", "traceback": "", "usage": null}]','',NULL,0,'me',0,10,NULL,0);
CREATE TABLE trialist (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "trialist" VALUES('schema','2');
INSERT INTO "trialist" VALUES('ledger','');
CREATE INDEX lease_token ON lease (token);
CREATE INDEX ix_stage_study ON stage (study);
CREATE INDEX trial_changed ON trial (study, changed);
CREATE INDEX trial_loss ON trial (study, violated, loss, number) WHERE loss IS NOT NULL;
CREATE INDEX trial_open ON trial (study, state, number, owner, closed_at) WHERE closed_at IS NULL;
INSERT INTO "sqlite_sequence" VALUES('study',1);
COMMIT;
