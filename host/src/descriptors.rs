//! How many files the process may open, connections among them.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Of the descriptors that the process may open, one of so many is not for
/// connections of clients, but for stores, calls out and files: without them, a
/// connection that was accepted would only be told that there are none.
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
    let room = room_for_connections(limit);
    if room < wanted {
        tracing::warn!(
            "the process may open {limit} files: {room} connections at once are accepted, not the \
             {wanted} of max_connections"
        );
    }
    wanted.min(room)
}

fn room_for_connections(limit: u64) -> usize {
    let room = limit - limit.div_ceil(RESERVED_OF);
    usize::try_from(room).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_descriptors_is_not_for_clients() {
        assert_eq!(room_for_connections(1024), 768);
        assert_eq!(room_for_connections(20_001), 15_000);
        assert_eq!(room_for_connections(0), 1);
    }
}
