//! Classifies errors of Redis by what they say about the server.

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Returns whether a server does not know the script: it was restarted, or its scripts were
/// flushed.
pub(super) fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// Returns whether `error` tells nothing about the server: it was not reached, or is still loading
/// its data.
pub(super) fn is_no_answer(error: &RedisError) -> bool {
    is_unreachable(error) || error.kind() == ErrorKind::Server(ServerErrorKind::BusyLoading)
}

/// Returns whether no server was reached, or no node of a cluster for the key.
pub(super) fn is_unreachable(error: &RedisError) -> bool {
    error.is_io_error() || error.kind() == ErrorKind::ClusterConnectionNotFound
}

/// Returns whether Redis rejects the login: the password is wrong, or has been changed. The driver
/// then gives up, and only another connection tries again.
pub(super) fn is_login_refusal(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed
        || matches!(error.code(), Some("WRONGPASS" | "NOAUTH"))
}

/// Returns whether a server does not have the database with the number in the URL.
pub(super) fn is_unknown_database(error: &RedisError) -> bool {
    let detail = error.detail().unwrap_or_default();
    detail.contains("DB index is out of range")
}

/// Returns whether the answer is that of a replica, which accepts no changes.
pub(super) fn is_replica(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
}

/// Returns whether the answer is one that only a cluster's node gives, to a client that treats it
/// as a single server.
pub(super) fn is_from_cluster(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Server(
            ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::CrossSlot
        )
    )
}
