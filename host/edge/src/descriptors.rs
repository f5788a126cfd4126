//! Limit of open file descriptors, which bounds connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Denominator of the share of descriptors that is reserved for stores, outgoing calls and files
/// that are opened later: without them, a request on an accepted connection would only fail.
/// Descriptors that are open already are not for connections either.
const RESERVED_OF: u64 = 4;

/// Raises the soft limit of open files to the hard limit. Shells and init systems start with a low
/// one for programs that use `select`, which fails beyond it.
pub fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, limit = limit.current, "the limit of open files stays as it is");
    }
}

/// Returns the greatest number of concurrent client connections, which is `wanted` or what the
/// descriptors allow.
pub(crate) fn connections_within_limit(wanted: usize) -> usize {
    let Some(limit) = getrlimit(Resource::Nofile).current else {
        return wanted;
    };
    let room = room_for_connections(limit, open_now());
    if room < wanted {
        tracing::warn!(
            "the process may open {limit} files: {room} connections at once are accepted, not the \
             {wanted} of max_connections"
        );
    }
    wanted.min(room)
}

/// Returns the open descriptors of the process; 0 if the system does not tell.
fn open_now() -> u64 {
    let count = std::fs::read_dir("/proc/self/fd").map(Iterator::count);
    u64::try_from(count.unwrap_or(0)).unwrap_or(u64::MAX)
}

fn room_for_connections(limit: u64, open: u64) -> usize {
    let room = (limit - limit.div_ceil(RESERVED_OF)).saturating_sub(open);
    usize::try_from(room).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_descriptors_is_not_for_clients() {
        assert_eq!(room_for_connections(1024, 0), 768);
        assert_eq!(room_for_connections(20_001, 0), 15_000);
        assert_eq!(room_for_connections(0, 0), 1);
    }

    #[test]
    fn what_the_node_has_open_itself_is_not_for_clients() {
        assert_eq!(room_for_connections(64, 40), 8);
        assert_eq!(room_for_connections(64, 60), 1);
    }
}
