-- Columns are named after the fields of the records. All text compares byte
-- by byte, as the contract has it, whatever the database's own collation is:
-- that is also what makes a subtree one range of paths. A condition of an
-- index is repeated word for word in the queries of package sqlstore.

-- The tree. search is the folded display name.
CREATE TABLE atlas_accounts (
	id text COLLATE "C" NOT NULL PRIMARY KEY,
	username text COLLATE "C" NOT NULL,
	username_key text COLLATE "C" NOT NULL,
	display_name text COLLATE "C" NOT NULL,
	role text COLLATE "C" NOT NULL,
	parent_id text COLLATE "C" NOT NULL,
	path text COLLATE "C" NOT NULL,
	tenant text COLLATE "C" NOT NULL,
	status text COLLATE "C" NOT NULL,
	support bigint NOT NULL,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	version bigint NOT NULL,
	search text COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX atlas_accounts_username ON atlas_accounts (username_key);
CREATE INDEX atlas_accounts_path ON atlas_accounts (path, id);
CREATE INDEX atlas_accounts_parent ON atlas_accounts (parent_id, id);

-- Folders of devices.
CREATE TABLE atlas_folders (
	id text COLLATE "C" NOT NULL PRIMARY KEY,
	owner_id text COLLATE "C" NOT NULL,
	path text COLLATE "C" NOT NULL,
	tenant text COLLATE "C" NOT NULL,
	parent_id text COLLATE "C" NOT NULL,
	name text COLLATE "C" NOT NULL,
	version bigint NOT NULL
);
CREATE UNIQUE INDEX atlas_folders_name ON atlas_folders (owner_id, parent_id, name);
CREATE INDEX atlas_folders_path ON atlas_folders (path, id);

-- Devices. last_seen is in no index, so that a heartbeat changes none.
CREATE TABLE atlas_devices (
	id text COLLATE "C" NOT NULL PRIMARY KEY,
	owner_id text COLLATE "C" NOT NULL,
	path text COLLATE "C" NOT NULL,
	tenant text COLLATE "C" NOT NULL,
	folder_id text COLLATE "C" NOT NULL,
	name text COLLATE "C" NOT NULL,
	support_id text COLLATE "C" NOT NULL,
	public_key bytea,
	key_id text COLLATE "C" NOT NULL,
	manufacturer text COLLATE "C" NOT NULL,
	model text COLLATE "C" NOT NULL,
	os_version text COLLATE "C" NOT NULL,
	sdk bigint NOT NULL,
	ab_is jsonb NOT NULL,
	agent_version text COLLATE "C" NOT NULL,
	capabilities jsonb NOT NULL,
	agent_enabled boolean NOT NULL,
	agent_changed_by text COLLATE "C" NOT NULL,
	agent_reason text COLLATE "C" NOT NULL,
	agent_changed_at timestamptz NOT NULL,
	code_id text COLLATE "C" NOT NULL,
	plan_id text COLLATE "C" NOT NULL,
	activated_at timestamptz NOT NULL,
	activated_until timestamptz NOT NULL,
	verified_at timestamptz NOT NULL,
	last_seen timestamptz NOT NULL,
	counter_ceiling bigint NOT NULL,
	enrolled_at timestamptz NOT NULL,
	version bigint NOT NULL
);
CREATE UNIQUE INDEX atlas_devices_key ON atlas_devices (key_id);
CREATE UNIQUE INDEX atlas_devices_support ON atlas_devices (support_id);
CREATE INDEX atlas_devices_path ON atlas_devices (path, id);
CREATE INDEX atlas_devices_owner ON atlas_devices (owner_id, id);
CREATE INDEX atlas_devices_folder ON atlas_devices (folder_id, id);
CREATE INDEX atlas_devices_code ON atlas_devices (code_id, id);

-- The last report of applications of each device.
CREATE TABLE atlas_inventories (
	id text COLLATE "C" NOT NULL PRIMARY KEY,
	apps jsonb NOT NULL,
	reported_at timestamptz NOT NULL
);

-- Plans.
CREATE TABLE atlas_plans (
	id text COLLATE "C" NOT NULL PRIMARY KEY,
	name text COLLATE "C" NOT NULL,
	days bigint NOT NULL,
	devices bigint NOT NULL,
	price bigint NOT NULL,
	charge text COLLATE "C" NOT NULL,
	grace_hours bigint NOT NULL,
	redeem_days bigint NOT NULL,
	created_by_id text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL,
	version bigint NOT NULL
);

-- Activation codes: a keyed hash to find one by, and a sealed copy.
CREATE TABLE atlas_codes (
	id text COLLATE "C" NOT NULL PRIMARY KEY,
	batch_id text COLLATE "C" NOT NULL,
	plan_id text COLLATE "C" NOT NULL,
	owner_id text COLLATE "C" NOT NULL,
	path text COLLATE "C" NOT NULL,
	tenant text COLLATE "C" NOT NULL,
	prefix text COLLATE "C" NOT NULL,
	lookup bytea,
	sealed bytea,
	state text COLLATE "C" NOT NULL,
	"before" text COLLATE "C" NOT NULL,
	price bigint NOT NULL,
	hold_id text COLLATE "C" NOT NULL,
	devices bigint NOT NULL,
	used bigint NOT NULL,
	note text COLLATE "C" NOT NULL,
	issued_by text COLLATE "C" NOT NULL,
	issued_at timestamptz NOT NULL,
	redeem_by timestamptz NOT NULL,
	first_used timestamptz NOT NULL,
	version bigint NOT NULL
);
CREATE UNIQUE INDEX atlas_codes_lookup ON atlas_codes (lookup);
CREATE INDEX atlas_codes_path ON atlas_codes (path, id);
CREATE INDEX atlas_codes_owner ON atlas_codes (owner_id, id);
CREATE INDEX atlas_codes_batch ON atlas_codes (batch_id, id);
CREATE INDEX atlas_codes_lapsing ON atlas_codes (redeem_by, id) WHERE used < devices AND state IN ('issued', 'reserved', 'active', 'suspended');

-- Where each account stands.
CREATE TABLE atlas_balances (
	id text COLLATE "C" NOT NULL PRIMARY KEY,
	posted bigint NOT NULL,
	held bigint NOT NULL CHECK (held >= 0),
	seq bigint NOT NULL CHECK (seq >= 0),
	version bigint NOT NULL
);

-- Postings, which never change. Each has its number on both accounts.
CREATE TABLE atlas_entries (
	id text COLLATE "C" NOT NULL PRIMARY KEY,
	kind text COLLATE "C" NOT NULL,
	from_id text COLLATE "C" NOT NULL,
	to_id text COLLATE "C" NOT NULL,
	amount bigint NOT NULL CHECK (amount >= 0),
	from_seq bigint NOT NULL,
	to_seq bigint NOT NULL,
	from_balance bigint NOT NULL,
	to_balance bigint NOT NULL,
	ref_id text COLLATE "C" NOT NULL,
	memo text COLLATE "C" NOT NULL,
	by_id text COLLATE "C" NOT NULL,
	at timestamptz NOT NULL
);
CREATE UNIQUE INDEX atlas_entries_from ON atlas_entries (from_id, from_seq);
CREATE UNIQUE INDEX atlas_entries_to ON atlas_entries (to_id, to_seq);
CREATE INDEX atlas_entries_refunds ON atlas_entries (ref_id) WHERE kind = 'refund';

-- Credits set aside.
CREATE TABLE atlas_holds (
	id text COLLATE "C" NOT NULL PRIMARY KEY,
	account_id text COLLATE "C" NOT NULL,
	amount bigint NOT NULL,
	captured bigint NOT NULL,
	released bigint NOT NULL,
	expires_at timestamptz NOT NULL,
	ref_id text COLLATE "C" NOT NULL,
	memo text COLLATE "C" NOT NULL,
	by_id text COLLATE "C" NOT NULL,
	at timestamptz NOT NULL,
	version bigint NOT NULL
);
CREATE INDEX atlas_holds_expiring ON atlas_holds (expires_at, id) WHERE amount - captured - released > 0;

-- Uploaded APKs.
CREATE TABLE atlas_packages (
	id text COLLATE "C" NOT NULL PRIMARY KEY,
	owner_id text COLLATE "C" NOT NULL,
	path text COLLATE "C" NOT NULL,
	tenant text COLLATE "C" NOT NULL,
	uploaded_by text COLLATE "C" NOT NULL,
	uploaded_at timestamptz NOT NULL,
	file_name text COLLATE "C" NOT NULL,
	size bigint NOT NULL,
	sha256 text COLLATE "C" NOT NULL,
	package text COLLATE "C" NOT NULL,
	version_code bigint NOT NULL,
	version_name text COLLATE "C" NOT NULL,
	label text COLLATE "C" NOT NULL,
	min_sdk bigint NOT NULL,
	target_sdk bigint NOT NULL,
	ab_is jsonb NOT NULL,
	permissions jsonb NOT NULL,
	verified boolean NOT NULL,
	schemes jsonb NOT NULL,
	signers jsonb NOT NULL,
	report bytea,
	claimed text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	reason text COLLATE "C" NOT NULL,
	judged_at timestamptz NOT NULL,
	version bigint NOT NULL
);
CREATE INDEX atlas_packages_path ON atlas_packages (path, id);
CREATE INDEX atlas_packages_name ON atlas_packages (tenant, package, id);
CREATE INDEX atlas_packages_sha256 ON atlas_packages (sha256, id);
CREATE INDEX atlas_packages_state ON atlas_packages (state, id);

-- What scanners said.
CREATE TABLE atlas_scans (
	id text COLLATE "C" NOT NULL PRIMARY KEY,
	package_id text COLLATE "C" NOT NULL,
	path text COLLATE "C" NOT NULL,
	tenant text COLLATE "C" NOT NULL,
	scanner text COLLATE "C" NOT NULL,
	engine text COLLATE "C" NOT NULL,
	signed_at timestamptz NOT NULL,
	verdict text COLLATE "C" NOT NULL,
	findings bytea,
	at timestamptz NOT NULL
);
CREATE INDEX atlas_scans_package ON atlas_scans (package_id, id);
CREATE INDEX atlas_scans_path ON atlas_scans (path);

-- Which devices may have which package.
CREATE TABLE atlas_assignments (
	id text COLLATE "C" NOT NULL PRIMARY KEY,
	package_id text COLLATE "C" NOT NULL,
	path text COLLATE "C" NOT NULL,
	tenant text COLLATE "C" NOT NULL,
	folder_id text COLLATE "C" NOT NULL,
	device_id text COLLATE "C" NOT NULL,
	by_id text COLLATE "C" NOT NULL,
	at timestamptz NOT NULL
);
CREATE INDEX atlas_assignments_package ON atlas_assignments (package_id, id);
CREATE INDEX atlas_assignments_path ON atlas_assignments (path, package_id);

-- Commands of devices.
CREATE TABLE atlas_commands (
	id text COLLATE "C" NOT NULL PRIMARY KEY,
	campaign_id text COLLATE "C" NOT NULL,
	device_id text COLLATE "C" NOT NULL,
	path text COLLATE "C" NOT NULL,
	tenant text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL,
	params bytea,
	ref_id text COLLATE "C" NOT NULL,
	priority bigint NOT NULL,
	not_before timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	dedup_key text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	attempt bigint NOT NULL,
	attempts bigint NOT NULL,
	lease_until timestamptz NOT NULL,
	by_id text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL,
	sent_at timestamptz NOT NULL,
	finished_at timestamptz NOT NULL,
	detail text COLLATE "C" NOT NULL,
	version bigint NOT NULL
);
CREATE INDEX atlas_commands_open ON atlas_commands (device_id, priority DESC, id) WHERE state IN ('queued', 'delivered', 'acknowledged');
CREATE UNIQUE INDEX atlas_commands_dedup ON atlas_commands (device_id, dedup_key) WHERE dedup_key <> '' AND state IN ('queued', 'delivered', 'acknowledged');
CREATE INDEX atlas_commands_late ON atlas_commands (expires_at, id) WHERE state IN ('queued', 'delivered', 'acknowledged');
CREATE UNIQUE INDEX atlas_commands_campaign ON atlas_commands (campaign_id, device_id) WHERE campaign_id <> '';
CREATE INDEX atlas_commands_ref ON atlas_commands (ref_id, id) WHERE ref_id <> '';
CREATE INDEX atlas_commands_device ON atlas_commands (device_id, id);
CREATE INDEX atlas_commands_path ON atlas_commands (path, id);

-- One command to many devices.
CREATE TABLE atlas_campaigns (
	id text COLLATE "C" NOT NULL PRIMARY KEY,
	path text COLLATE "C" NOT NULL,
	tenant text COLLATE "C" NOT NULL,
	folder_id text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL,
	params bytea,
	ref_id text COLLATE "C" NOT NULL,
	priority bigint NOT NULL,
	not_before timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	attempts bigint NOT NULL,
	listed boolean NOT NULL,
	cancelled boolean NOT NULL,
	by_id text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL,
	version bigint NOT NULL
);
CREATE INDEX atlas_campaigns_path ON atlas_campaigns (path, id);

-- Passwords, hashed.
CREATE TABLE atlas_credentials (
	id text COLLATE "C" NOT NULL PRIMARY KEY,
	hash text COLLATE "C" NOT NULL,
	changed_at timestamptz NOT NULL,
	version bigint NOT NULL
);

-- Sessions, by the hash of their token.
CREATE TABLE atlas_sessions (
	id text COLLATE "C" NOT NULL PRIMARY KEY,
	account_id text COLLATE "C" NOT NULL,
	token_hash bytea,
	created_at timestamptz NOT NULL,
	last_seen_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	idle_until timestamptz NOT NULL,
	origin text COLLATE "C" NOT NULL,
	user_agent text COLLATE "C" NOT NULL,
	version bigint NOT NULL
);
CREATE UNIQUE INDEX atlas_sessions_token ON atlas_sessions (token_hash);
CREATE INDEX atlas_sessions_account ON atlas_sessions (account_id, id);

-- API keys.
CREATE TABLE atlas_api_keys (
	id text COLLATE "C" NOT NULL PRIMARY KEY,
	account_id text COLLATE "C" NOT NULL,
	name text COLLATE "C" NOT NULL,
	hash bytea,
	scopes jsonb NOT NULL,
	expires_at timestamptz NOT NULL,
	created_at timestamptz NOT NULL,
	last_used_at timestamptz NOT NULL,
	revoked_at timestamptz NOT NULL,
	version bigint NOT NULL
);
CREATE INDEX atlas_api_keys_account ON atlas_api_keys (account_id, id);

-- Failed attempts.
CREATE TABLE atlas_attempts (
	id text COLLATE "C" NOT NULL PRIMARY KEY,
	failures bigint NOT NULL,
	"first" timestamptz NOT NULL,
	"last" timestamptz NOT NULL,
	"until" timestamptz NOT NULL,
	version bigint NOT NULL
);
CREATE INDEX atlas_attempts_last ON atlas_attempts ("last", id);

-- What went wrong or looks wrong.
CREATE TABLE atlas_security_events (
	id text COLLATE "C" NOT NULL PRIMARY KEY,
	at timestamptz NOT NULL,
	class text COLLATE "C" NOT NULL,
	severity text COLLATE "C" NOT NULL,
	actor_id text COLLATE "C" NOT NULL,
	device_id text COLLATE "C" NOT NULL,
	origin text COLLATE "C" NOT NULL,
	action text COLLATE "C" NOT NULL,
	target_id text COLLATE "C" NOT NULL,
	path text COLLATE "C" NOT NULL,
	tenant text COLLATE "C" NOT NULL,
	reason text COLLATE "C" NOT NULL
);
CREATE INDEX atlas_security_events_path ON atlas_security_events (path, id);

-- Who did what. index is the place in the log, or -1.
CREATE TABLE atlas_audit_events (
	id text COLLATE "C" NOT NULL PRIMARY KEY,
	at timestamptz NOT NULL,
	actor_id text COLLATE "C" NOT NULL,
	impersonator text COLLATE "C" NOT NULL,
	device_id text COLLATE "C" NOT NULL,
	action text COLLATE "C" NOT NULL,
	target_id text COLLATE "C" NOT NULL,
	path text COLLATE "C" NOT NULL,
	tenant text COLLATE "C" NOT NULL,
	leaf bytea,
	"index" bigint NOT NULL
);
CREATE UNIQUE INDEX atlas_audit_events_place ON atlas_audit_events ("index") WHERE "index" >= 0;
CREATE INDEX atlas_audit_events_unsealed ON atlas_audit_events (id) WHERE "index" < 0;
CREATE INDEX atlas_audit_events_path ON atlas_audit_events (path, id);

-- The hashes of the audit log's tree.
CREATE TABLE atlas_audit_hashes (
	"index" bigint NOT NULL PRIMARY KEY,
	hash bytea
);

-- The signed checkpoints of the audit log.
CREATE TABLE atlas_audit_checkpoints (
	size bigint NOT NULL PRIMARY KEY,
	note text COLLATE "C" NOT NULL,
	at timestamptz NOT NULL
);

-- First results of idempotent use cases.
CREATE TABLE atlas_requests (
	id text COLLATE "C" NOT NULL PRIMARY KEY,
	input bytea,
	result bytea,
	at timestamptz NOT NULL
);
CREATE INDEX atlas_requests_at ON atlas_requests (at, id);
