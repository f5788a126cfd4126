//! Schema of the control database, in SQL that SQLite and MySQL share.

/// Name and `CREATE TABLE` statement of each table.
pub(super) const TABLES: [(&str, &str); 18] = [
    // One row per bundle, written once all of its parts or blobs are stored.
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
    // Parts of bundles that are stored whole, each smaller than the largest packet that a server
    // accepts.
    (
        "edge_bundle_part",
        "CREATE TABLE IF NOT EXISTS edge_bundle_part ( \
        digest VARCHAR(80) NOT NULL, \
        part BIGINT NOT NULL, \
        content LONGBLOB NOT NULL, \
        PRIMARY KEY (digest, part))",
    ),
    // The blobs whose concatenation is the archive of a bundle, in order. A bundle without rows
    // here has parts in `edge_bundle_part`.
    (
        "edge_bundle_blob",
        "CREATE TABLE IF NOT EXISTS edge_bundle_blob ( \
        bundle VARCHAR(80) NOT NULL, \
        position BIGINT NOT NULL, \
        blob_digest VARCHAR(80) NOT NULL, \
        PRIMARY KEY (bundle, position))",
    ),
    // The upload that holds the content of a blob, which is complete once a row names it.
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
    // The primary key lets one of two concurrent writers succeed.
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
    // `open_plugin` is the plugin while the rollout is in progress, and NULL afterwards, so that
    // each plugin has at most one.
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
    // The steps and the check of a rollout; `paused_at` is 0 while it is not paused.
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
    // The reason why a node cannot query the external check of a canary, for as long as it cannot.
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
    // Time when a node was last seen whose version lacks a capability.
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
    // State of a rollout in each of its regions, by the revision of the log with which it began
    // there. Rows of revision 0 are written when the rollout begins.
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
    // The fingerprint of the key that the nodes sign with; never a secret.
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
    // Time since which a region has been without nodes, and of the last observation.
    (
        "edge_region",
        "CREATE TABLE IF NOT EXISTS edge_region ( \
        region VARCHAR(40) NOT NULL PRIMARY KEY, \
        empty_since BIGINT NOT NULL, \
        observed_at BIGINT NOT NULL)",
    ),
    // `open_target` is the plugin and its database while the run is in progress, and NULL
    // afterwards, so that each plugin has at most one in each database.
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

/// Name, table and columns of the indexes for lists that are read page by page, for releases in the
/// log, and for the bundles of a blob.
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
