-- Columns are named after the fields of the records. SQLite compares text byte
-- by byte unless told otherwise, as the contract has it. Times are text in UTC
-- ("2026-01-02 03:04:05.678901+00:00"), which sorts as the times do: without a
-- fraction it goes on with '+', and '+' is below '.', which is below the digits.
-- A condition of an index is repeated word for word in the queries of package
-- sqlstore: only then does SQLite use it.

-- The tree. search is the folded display name.
CREATE TABLE atlas_accounts (
	id TEXT NOT NULL PRIMARY KEY,
	username TEXT NOT NULL,
	username_key TEXT NOT NULL,
	display_name TEXT NOT NULL,
	role TEXT NOT NULL,
	parent_id TEXT NOT NULL,
	path TEXT NOT NULL,
	tenant TEXT NOT NULL,
	status TEXT NOT NULL,
	support INTEGER NOT NULL,
	created_at TEXT NOT NULL,
	updated_at TEXT NOT NULL,
	version INTEGER NOT NULL,
	search TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX atlas_accounts_username ON atlas_accounts (username_key);
CREATE INDEX atlas_accounts_path ON atlas_accounts (path, id);
CREATE INDEX atlas_accounts_parent ON atlas_accounts (parent_id, id);

-- Folders of devices.
CREATE TABLE atlas_folders (
	id TEXT NOT NULL PRIMARY KEY,
	owner_id TEXT NOT NULL,
	path TEXT NOT NULL,
	tenant TEXT NOT NULL,
	parent_id TEXT NOT NULL,
	name TEXT NOT NULL,
	version INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX atlas_folders_name ON atlas_folders (owner_id, parent_id, name);
CREATE INDEX atlas_folders_path ON atlas_folders (path, id);

-- Devices. last_seen is in no index, so that a heartbeat changes none.
CREATE TABLE atlas_devices (
	id TEXT NOT NULL PRIMARY KEY,
	owner_id TEXT NOT NULL,
	path TEXT NOT NULL,
	tenant TEXT NOT NULL,
	folder_id TEXT NOT NULL,
	name TEXT NOT NULL,
	support_id TEXT NOT NULL,
	public_key BLOB,
	key_id TEXT NOT NULL,
	manufacturer TEXT NOT NULL,
	model TEXT NOT NULL,
	os_version TEXT NOT NULL,
	sdk INTEGER NOT NULL,
	ab_is TEXT NOT NULL,
	agent_version TEXT NOT NULL,
	capabilities TEXT NOT NULL,
	agent_enabled INTEGER NOT NULL,
	agent_changed_by TEXT NOT NULL,
	agent_reason TEXT NOT NULL,
	agent_changed_at TEXT NOT NULL,
	code_id TEXT NOT NULL,
	plan_id TEXT NOT NULL,
	activated_at TEXT NOT NULL,
	activated_until TEXT NOT NULL,
	verified_at TEXT NOT NULL,
	last_seen TEXT NOT NULL,
	counter_ceiling INTEGER NOT NULL,
	enrolled_at TEXT NOT NULL,
	version INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX atlas_devices_key ON atlas_devices (key_id);
CREATE UNIQUE INDEX atlas_devices_support ON atlas_devices (support_id);
CREATE INDEX atlas_devices_path ON atlas_devices (path, id);
CREATE INDEX atlas_devices_owner ON atlas_devices (owner_id, id);
CREATE INDEX atlas_devices_folder ON atlas_devices (folder_id, id);
CREATE INDEX atlas_devices_code ON atlas_devices (code_id, id);

-- The last report of applications of each device.
CREATE TABLE atlas_inventories (
	id TEXT NOT NULL PRIMARY KEY,
	apps TEXT NOT NULL,
	reported_at TEXT NOT NULL
) STRICT;

-- Plans.
CREATE TABLE atlas_plans (
	id TEXT NOT NULL PRIMARY KEY,
	name TEXT NOT NULL,
	days INTEGER NOT NULL,
	devices INTEGER NOT NULL,
	price INTEGER NOT NULL,
	charge TEXT NOT NULL,
	grace_hours INTEGER NOT NULL,
	redeem_days INTEGER NOT NULL,
	created_by_id TEXT NOT NULL,
	created_at TEXT NOT NULL,
	version INTEGER NOT NULL
) STRICT;

-- Activation codes: a keyed hash to find one by, and a sealed copy.
CREATE TABLE atlas_codes (
	id TEXT NOT NULL PRIMARY KEY,
	batch_id TEXT NOT NULL,
	plan_id TEXT NOT NULL,
	owner_id TEXT NOT NULL,
	path TEXT NOT NULL,
	tenant TEXT NOT NULL,
	prefix TEXT NOT NULL,
	lookup BLOB,
	sealed BLOB,
	state TEXT NOT NULL,
	"before" TEXT NOT NULL,
	price INTEGER NOT NULL,
	hold_id TEXT NOT NULL,
	devices INTEGER NOT NULL,
	used INTEGER NOT NULL,
	note TEXT NOT NULL,
	issued_by TEXT NOT NULL,
	issued_at TEXT NOT NULL,
	redeem_by TEXT NOT NULL,
	first_used TEXT NOT NULL,
	version INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX atlas_codes_lookup ON atlas_codes (lookup);
CREATE INDEX atlas_codes_path ON atlas_codes (path, id);
CREATE INDEX atlas_codes_owner ON atlas_codes (owner_id, id);
CREATE INDEX atlas_codes_batch ON atlas_codes (batch_id, id);
CREATE INDEX atlas_codes_lapsing ON atlas_codes (redeem_by, id) WHERE used < devices AND state IN ('issued', 'reserved', 'active', 'suspended');

-- Where each account stands.
CREATE TABLE atlas_balances (
	id TEXT NOT NULL PRIMARY KEY,
	posted INTEGER NOT NULL,
	held INTEGER NOT NULL CHECK (held >= 0),
	seq INTEGER NOT NULL CHECK (seq >= 0),
	version INTEGER NOT NULL
) STRICT;

-- Postings, which never change. Each has its number on both accounts.
CREATE TABLE atlas_entries (
	id TEXT NOT NULL PRIMARY KEY,
	kind TEXT NOT NULL,
	from_id TEXT NOT NULL,
	to_id TEXT NOT NULL,
	amount INTEGER NOT NULL CHECK (amount >= 0),
	from_seq INTEGER NOT NULL,
	to_seq INTEGER NOT NULL,
	from_balance INTEGER NOT NULL,
	to_balance INTEGER NOT NULL,
	ref_id TEXT NOT NULL,
	memo TEXT NOT NULL,
	by_id TEXT NOT NULL,
	at TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX atlas_entries_from ON atlas_entries (from_id, from_seq);
CREATE UNIQUE INDEX atlas_entries_to ON atlas_entries (to_id, to_seq);
CREATE INDEX atlas_entries_refunds ON atlas_entries (ref_id) WHERE kind = 'refund';

-- Credits set aside.
CREATE TABLE atlas_holds (
	id TEXT NOT NULL PRIMARY KEY,
	account_id TEXT NOT NULL,
	amount INTEGER NOT NULL,
	captured INTEGER NOT NULL,
	released INTEGER NOT NULL,
	expires_at TEXT NOT NULL,
	ref_id TEXT NOT NULL,
	memo TEXT NOT NULL,
	by_id TEXT NOT NULL,
	at TEXT NOT NULL,
	version INTEGER NOT NULL
) STRICT;
CREATE INDEX atlas_holds_expiring ON atlas_holds (expires_at, id) WHERE amount - captured - released > 0;

-- Uploaded APKs.
CREATE TABLE atlas_packages (
	id TEXT NOT NULL PRIMARY KEY,
	owner_id TEXT NOT NULL,
	path TEXT NOT NULL,
	tenant TEXT NOT NULL,
	uploaded_by TEXT NOT NULL,
	uploaded_at TEXT NOT NULL,
	file_name TEXT NOT NULL,
	size INTEGER NOT NULL,
	sha256 TEXT NOT NULL,
	package TEXT NOT NULL,
	version_code INTEGER NOT NULL,
	version_name TEXT NOT NULL,
	label TEXT NOT NULL,
	min_sdk INTEGER NOT NULL,
	target_sdk INTEGER NOT NULL,
	ab_is TEXT NOT NULL,
	permissions TEXT NOT NULL,
	verified INTEGER NOT NULL,
	schemes TEXT NOT NULL,
	signers TEXT NOT NULL,
	report BLOB,
	claimed TEXT NOT NULL,
	state TEXT NOT NULL,
	reason TEXT NOT NULL,
	judged_at TEXT NOT NULL,
	version INTEGER NOT NULL
) STRICT;
CREATE INDEX atlas_packages_path ON atlas_packages (path, id);
CREATE INDEX atlas_packages_name ON atlas_packages (tenant, package, id);
CREATE INDEX atlas_packages_sha256 ON atlas_packages (sha256, id);
CREATE INDEX atlas_packages_state ON atlas_packages (state, id);

-- What scanners said.
CREATE TABLE atlas_scans (
	id TEXT NOT NULL PRIMARY KEY,
	package_id TEXT NOT NULL,
	path TEXT NOT NULL,
	tenant TEXT NOT NULL,
	scanner TEXT NOT NULL,
	engine TEXT NOT NULL,
	signed_at TEXT NOT NULL,
	verdict TEXT NOT NULL,
	findings BLOB,
	at TEXT NOT NULL
) STRICT;
CREATE INDEX atlas_scans_package ON atlas_scans (package_id, id);
CREATE INDEX atlas_scans_path ON atlas_scans (path);

-- Which devices may have which package.
CREATE TABLE atlas_assignments (
	id TEXT NOT NULL PRIMARY KEY,
	package_id TEXT NOT NULL,
	path TEXT NOT NULL,
	tenant TEXT NOT NULL,
	folder_id TEXT NOT NULL,
	device_id TEXT NOT NULL,
	by_id TEXT NOT NULL,
	at TEXT NOT NULL
) STRICT;
CREATE INDEX atlas_assignments_package ON atlas_assignments (package_id, id);
CREATE INDEX atlas_assignments_path ON atlas_assignments (path, package_id);

-- Commands of devices.
CREATE TABLE atlas_commands (
	id TEXT NOT NULL PRIMARY KEY,
	campaign_id TEXT NOT NULL,
	device_id TEXT NOT NULL,
	path TEXT NOT NULL,
	tenant TEXT NOT NULL,
	kind TEXT NOT NULL,
	params BLOB,
	ref_id TEXT NOT NULL,
	priority INTEGER NOT NULL,
	not_before TEXT NOT NULL,
	expires_at TEXT NOT NULL,
	dedup_key TEXT NOT NULL,
	state TEXT NOT NULL,
	attempt INTEGER NOT NULL,
	attempts INTEGER NOT NULL,
	lease_until TEXT NOT NULL,
	by_id TEXT NOT NULL,
	created_at TEXT NOT NULL,
	sent_at TEXT NOT NULL,
	finished_at TEXT NOT NULL,
	detail TEXT NOT NULL,
	version INTEGER NOT NULL
) STRICT;
CREATE INDEX atlas_commands_open ON atlas_commands (device_id, priority DESC, id) WHERE state IN ('queued', 'delivered', 'acknowledged');
CREATE UNIQUE INDEX atlas_commands_dedup ON atlas_commands (device_id, dedup_key) WHERE dedup_key <> '' AND state IN ('queued', 'delivered', 'acknowledged');
CREATE INDEX atlas_commands_late ON atlas_commands (expires_at, id) WHERE state IN ('queued', 'delivered', 'acknowledged');
CREATE UNIQUE INDEX atlas_commands_campaign ON atlas_commands (campaign_id, device_id) WHERE campaign_id <> '';
CREATE INDEX atlas_commands_ref ON atlas_commands (ref_id, id) WHERE ref_id <> '';
CREATE INDEX atlas_commands_device ON atlas_commands (device_id, id);
CREATE INDEX atlas_commands_path ON atlas_commands (path, id);

-- One command to many devices.
CREATE TABLE atlas_campaigns (
	id TEXT NOT NULL PRIMARY KEY,
	path TEXT NOT NULL,
	tenant TEXT NOT NULL,
	folder_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	params BLOB,
	ref_id TEXT NOT NULL,
	priority INTEGER NOT NULL,
	not_before TEXT NOT NULL,
	expires_at TEXT NOT NULL,
	attempts INTEGER NOT NULL,
	listed INTEGER NOT NULL,
	cancelled INTEGER NOT NULL,
	by_id TEXT NOT NULL,
	created_at TEXT NOT NULL,
	version INTEGER NOT NULL
) STRICT;
CREATE INDEX atlas_campaigns_path ON atlas_campaigns (path, id);

-- Passwords, hashed.
CREATE TABLE atlas_credentials (
	id TEXT NOT NULL PRIMARY KEY,
	hash TEXT NOT NULL,
	changed_at TEXT NOT NULL,
	version INTEGER NOT NULL
) STRICT;

-- Sessions, by the hash of their token.
CREATE TABLE atlas_sessions (
	id TEXT NOT NULL PRIMARY KEY,
	account_id TEXT NOT NULL,
	token_hash BLOB,
	created_at TEXT NOT NULL,
	last_seen_at TEXT NOT NULL,
	expires_at TEXT NOT NULL,
	idle_until TEXT NOT NULL,
	origin TEXT NOT NULL,
	user_agent TEXT NOT NULL,
	version INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX atlas_sessions_token ON atlas_sessions (token_hash);
CREATE INDEX atlas_sessions_account ON atlas_sessions (account_id, id);

-- API keys.
CREATE TABLE atlas_api_keys (
	id TEXT NOT NULL PRIMARY KEY,
	account_id TEXT NOT NULL,
	name TEXT NOT NULL,
	hash BLOB,
	scopes TEXT NOT NULL,
	expires_at TEXT NOT NULL,
	created_at TEXT NOT NULL,
	last_used_at TEXT NOT NULL,
	revoked_at TEXT NOT NULL,
	version INTEGER NOT NULL
) STRICT;
CREATE INDEX atlas_api_keys_account ON atlas_api_keys (account_id, id);

-- Failed attempts.
CREATE TABLE atlas_attempts (
	id TEXT NOT NULL PRIMARY KEY,
	failures INTEGER NOT NULL,
	"first" TEXT NOT NULL,
	"last" TEXT NOT NULL,
	"until" TEXT NOT NULL,
	version INTEGER NOT NULL
) STRICT;
CREATE INDEX atlas_attempts_last ON atlas_attempts ("last", id);

-- What went wrong or looks wrong.
CREATE TABLE atlas_security_events (
	id TEXT NOT NULL PRIMARY KEY,
	at TEXT NOT NULL,
	class TEXT NOT NULL,
	severity TEXT NOT NULL,
	actor_id TEXT NOT NULL,
	device_id TEXT NOT NULL,
	origin TEXT NOT NULL,
	action TEXT NOT NULL,
	target_id TEXT NOT NULL,
	path TEXT NOT NULL,
	tenant TEXT NOT NULL,
	reason TEXT NOT NULL
) STRICT;
CREATE INDEX atlas_security_events_path ON atlas_security_events (path, id);

-- Who did what. index is the place in the log, or -1.
CREATE TABLE atlas_audit_events (
	id TEXT NOT NULL PRIMARY KEY,
	at TEXT NOT NULL,
	actor_id TEXT NOT NULL,
	impersonator TEXT NOT NULL,
	device_id TEXT NOT NULL,
	action TEXT NOT NULL,
	target_id TEXT NOT NULL,
	path TEXT NOT NULL,
	tenant TEXT NOT NULL,
	leaf BLOB,
	"index" INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX atlas_audit_events_place ON atlas_audit_events ("index") WHERE "index" >= 0;
CREATE INDEX atlas_audit_events_unsealed ON atlas_audit_events (id) WHERE "index" < 0;
CREATE INDEX atlas_audit_events_path ON atlas_audit_events (path, id);

-- The hashes of the audit log's tree.
CREATE TABLE atlas_audit_hashes (
	"index" INTEGER NOT NULL PRIMARY KEY,
	hash BLOB
) STRICT;

-- The signed checkpoints of the audit log.
CREATE TABLE atlas_audit_checkpoints (
	size INTEGER NOT NULL PRIMARY KEY,
	note TEXT NOT NULL,
	at TEXT NOT NULL
) STRICT;

-- First results of idempotent use cases.
CREATE TABLE atlas_requests (
	id TEXT NOT NULL PRIMARY KEY,
	input BLOB,
	result BLOB,
	at TEXT NOT NULL
) STRICT;
CREATE INDEX atlas_requests_at ON atlas_requests (at, id);
