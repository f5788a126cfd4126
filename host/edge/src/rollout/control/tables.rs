//! The tables of the control database, in words that SQLite and MySQL share.

/// Each table and the statement that makes it.
pub(super) const TABLES: [(&str, &str); 18] = [
    // A row says that all parts are there.
    (
        "edge_bundle",
        "CREATE TABLE IF NOT EXISTS edge_bundle ( \
        digest VARCHAR(80) NOT NULL PRIMARY KEY, \
        plugin VARCHAR(40) NOT NULL, \
        version VARCHAR(100) NOT NULL, \
        parts BIGINT NOT NULL, \
        signature TEXT NOT NULL, \
        author VARCHAR(200) NOT NULL, \
        added_at BIGINT NOT NULL)",
    ),
    // Parts are smaller than what a server takes in one packet.
    (
        "edge_bundle_part",
        "CREATE TABLE IF NOT EXISTS edge_bundle_part ( \
        digest VARCHAR(80) NOT NULL, \
        part BIGINT NOT NULL, \
        content LONGBLOB NOT NULL, \
        PRIMARY KEY (digest, part))",
    ),
    // The blobs that make the archive of a bundle, one after the other. A
    // bundle that has none here has parts in `edge_bundle_part`.
    (
        "edge_bundle_blob",
        "CREATE TABLE IF NOT EXISTS edge_bundle_blob ( \
        bundle VARCHAR(80) NOT NULL, \
        position BIGINT NOT NULL, \
        blob_digest VARCHAR(80) NOT NULL, \
        PRIMARY KEY (bundle, position))",
    ),
    // The upload that a row names is complete.
    (
        "edge_blob",
        "CREATE TABLE IF NOT EXISTS edge_blob ( \
        digest VARCHAR(80) NOT NULL PRIMARY KEY, \
        upload VARCHAR(40) NOT NULL UNIQUE, \
        parts BIGINT NOT NULL, \
        used_at BIGINT NOT NULL)",
    ),
    (
        "edge_blob_part",
        "CREATE TABLE IF NOT EXISTS edge_blob_part ( \
        upload VARCHAR(40) NOT NULL, \
        part BIGINT NOT NULL, \
        written_at BIGINT NOT NULL, \
        content LONGBLOB NOT NULL, \
        PRIMARY KEY (upload, part))",
    ),
    // The key is what makes one of two writers win.
    (
        "edge_release_log",
        "CREATE TABLE IF NOT EXISTS edge_release_log ( \
        region VARCHAR(40) NOT NULL, \
        plugin VARCHAR(40) NOT NULL, \
        revision BIGINT NOT NULL, \
        active VARCHAR(80), \
        canary VARCHAR(80), \
        canary_percent BIGINT NOT NULL, \
        rollout VARCHAR(40) NOT NULL, \
        author VARCHAR(200) NOT NULL, \
        reason TEXT NOT NULL, \
        written_at BIGINT NOT NULL, \
        PRIMARY KEY (region, plugin, revision))",
    ),
    // The last revision of each region and plugin in the log.
    (
        "edge_release_head",
        "CREATE TABLE IF NOT EXISTS edge_release_head ( \
        region VARCHAR(40) NOT NULL, \
        plugin VARCHAR(40) NOT NULL, \
        revision BIGINT NOT NULL, \
        PRIMARY KEY (region, plugin))",
    ),
    // `open_plugin` is the plugin while the rollout goes on, and NULL after
    // it: one at a time for each plugin.
    (
        "edge_rollout",
        "CREATE TABLE IF NOT EXISTS edge_rollout ( \
        id VARCHAR(40) NOT NULL PRIMARY KEY, \
        plugin VARCHAR(40) NOT NULL, \
        open_plugin VARCHAR(40) UNIQUE, \
        digest VARCHAR(80), \
        regions TEXT NOT NULL, \
        canary_percent BIGINT NOT NULL, \
        pause_ms BIGINT NOT NULL, \
        phase VARCHAR(20) NOT NULL, \
        reason TEXT NOT NULL, \
        author VARCHAR(200) NOT NULL, \
        started_at BIGINT NOT NULL, \
        changed_at BIGINT NOT NULL)",
    ),
    // How a rollout goes on by itself; `paused_at` is 0 while nobody holds it.
    (
        "edge_rollout_plan",
        "CREATE TABLE IF NOT EXISTS edge_rollout_plan ( \
        rollout VARCHAR(40) NOT NULL PRIMARY KEY, \
        plan TEXT NOT NULL, \
        stepped_at BIGINT NOT NULL, \
        compared BIGINT NOT NULL, \
        asked_at BIGINT NOT NULL, \
        answered_at BIGINT NOT NULL, \
        answer VARCHAR(20) NOT NULL, \
        answer_reason TEXT NOT NULL, \
        paused_at BIGINT NOT NULL, \
        paused_by VARCHAR(200) NOT NULL)",
    ),
    // Why a node cannot ask the outside check of a canary, for as long as it
    // cannot.
    (
        "edge_rollout_check",
        "CREATE TABLE IF NOT EXISTS edge_rollout_check ( \
        rollout VARCHAR(40) NOT NULL, \
        node VARCHAR(40) NOT NULL, \
        reason TEXT NOT NULL, \
        noted_at BIGINT NOT NULL, \
        PRIMARY KEY (rollout, node))",
    ),
    (
        "edge_node",
        "CREATE TABLE IF NOT EXISTS edge_node ( \
        node VARCHAR(40) NOT NULL PRIMARY KEY, \
        region VARCHAR(40) NOT NULL, \
        report LONGTEXT NOT NULL, \
        seen_at BIGINT NOT NULL)",
    ),
    // When a node was last seen whose version lacks a capability.
    (
        "edge_older_version",
        "CREATE TABLE IF NOT EXISTS edge_older_version ( \
        lacks VARCHAR(40) NOT NULL PRIMARY KEY, \
        seen_at BIGINT NOT NULL)",
    ),
    (
        "edge_audit",
        "CREATE TABLE IF NOT EXISTS edge_audit ( \
        id VARCHAR(40) NOT NULL PRIMARY KEY, \
        author VARCHAR(200) NOT NULL, \
        action VARCHAR(40) NOT NULL, \
        plugin VARCHAR(40) NOT NULL, \
        detail TEXT NOT NULL, \
        written_at BIGINT NOT NULL)",
    ),
    // What a rollout knows of each region that it goes through, by the log's
    // revision that began it there; revision 0 is from before any.
    (
        "edge_rollout_region",
        "CREATE TABLE IF NOT EXISTS edge_rollout_region ( \
        rollout VARCHAR(40) NOT NULL, \
        region VARCHAR(40) NOT NULL, \
        revision BIGINT NOT NULL, \
        nodes TEXT NOT NULL, \
        max_unavailable BIGINT NOT NULL, \
        healthy_ms BIGINT NOT NULL, \
        observed_at BIGINT NOT NULL, \
        state VARCHAR(20) NOT NULL, \
        PRIMARY KEY (rollout, region, revision))",
    ),
    // The fingerprint of what the nodes sign with; never a secret.
    (
        "edge_secret",
        "CREATE TABLE IF NOT EXISTS edge_secret ( \
        name VARCHAR(40) NOT NULL PRIMARY KEY, \
        fingerprint VARCHAR(80) NOT NULL, \
        changed_at BIGINT NOT NULL)",
    ),
    (
        "edge_leader",
        "CREATE TABLE IF NOT EXISTS edge_leader ( \
        name VARCHAR(40) NOT NULL PRIMARY KEY, \
        holder VARCHAR(40) NOT NULL, \
        held_until BIGINT NOT NULL)",
    ),
    // Since when a region was seen without nodes, and when that was looked at
    // last.
    (
        "edge_region",
        "CREATE TABLE IF NOT EXISTS edge_region ( \
        region VARCHAR(40) NOT NULL PRIMARY KEY, \
        empty_since BIGINT NOT NULL, \
        observed_at BIGINT NOT NULL)",
    ),
    // `open_target` is the plugin and its database while the run goes on, and
    // NULL after it: one at a time for each plugin in each database.
    (
        "edge_migration_run",
        "CREATE TABLE IF NOT EXISTS edge_migration_run ( \
        id VARCHAR(40) NOT NULL PRIMARY KEY, \
        open_target VARCHAR(120) UNIQUE, \
        plugin VARCHAR(40) NOT NULL, \
        version VARCHAR(100) NOT NULL, \
        digest VARCHAR(80) NOT NULL, \
        node VARCHAR(40) NOT NULL, \
        region VARCHAR(40) NOT NULL, \
        database_url VARCHAR(500) NOT NULL, \
        author VARCHAR(200) NOT NULL, \
        state VARCHAR(20) NOT NULL, \
        statement BIGINT NOT NULL, \
        statements BIGINT NOT NULL, \
        doing TEXT NOT NULL, \
        reason TEXT NOT NULL, \
        started_at BIGINT NOT NULL, \
        changed_at BIGINT NOT NULL)",
    ),
];

/// Returns the names of all tables.
pub(super) fn names() -> [&'static str; 18] {
    TABLES.map(|(name, _)| name)
}

/// Indexes by which lists are read page by page, and releases are looked for in
/// the log: name, table and columns.
pub(super) const INDEXES: [(&str, &str, &str); 7] = [
    ("edge_audit_written", "edge_audit", "written_at, id"),
    ("edge_bundle_added", "edge_bundle", "plugin, added_at"),
    (
        "edge_release_log_written",
        "edge_release_log",
        "plugin, written_at, revision, region",
    ),
    (
        "edge_release_log_active",
        "edge_release_log",
        "plugin, active",
    ),
    ("edge_bundle_blob_blob", "edge_bundle_blob", "blob_digest"),
    ("edge_rollout_started", "edge_rollout", "plugin, started_at"),
    (
        "edge_migration_run_started",
        "edge_migration_run",
        "started_at",
    ),
];
