//! How many files the process may open, connections among them.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Of the descriptors that the process may open, one of so many is not for
/// connections of clients, but for stores, calls out and files that are opened
/// yet: without them, a connection that was accepted would only be told that
/// there are none. Nor are those that are open already.
const RESERVED_OF: u64 = 4;

/// Lets the process open as many files as its user may: the limit that shells
/// and init systems begin with is for programs that wait by `select`, which
/// fails beyond it.
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

/// Returns how many connections of clients there may be at once, of those that
/// are `wanted`.
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

/// Returns how many files the process has open; none where the system does not
/// tell.
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
