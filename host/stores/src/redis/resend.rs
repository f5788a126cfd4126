//! Rules for resending a command.
//!
//! A broken connection does not tell whether the server has run the command: a change that is sent
//! again may be made twice, so that an item counts twice in a cart. So a change is sent again only
//! after an answer which says that it was not run.

use redis::{ErrorKind, RedisError, RetryMethod, ServerErrorKind};

/// Effect of a command on the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// A read, which can be sent any number of times.
    Read,
    /// A change.
    Change,
}

impl Effect {
    /// Returns whether the command may be sent again to a cluster after `error`.
    pub(super) fn allows_resending(self, error: &RedisError) -> bool {
        match self {
            Self::Read => !matches!(error.retry_method(), RetryMethod::NoRetry),
            Self::Change => was_not_run(error),
        }
    }
}

/// Returns whether `error` is a node's answer that it did not run the command.
///
/// A refused connection is no such answer: the driver also reports it for commands that are in
/// flight on other connections, when it fails to read the slots again. Nor is `LOADING`, which a
/// node also answers to the driver's own `PING`. The errors here are only given to commands with
/// keys.
fn was_not_run(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Server(
            ServerErrorKind::Moved
                | ServerErrorKind::Ask
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::ReadOnly
        )
    )
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn answer(text: &str) -> RedisError {
        let value = redis::parse_redis_value(format!("-{text}\r\n").as_bytes());
        value.expect("an answer").extract_error().expect_err(text)
    }

    #[test]
    fn a_change_is_sent_again_only_if_it_was_not_run() {
        for text in [
            "MOVED 1 127.0.0.1:7000",
            "ASK 1 127.0.0.1:7000",
            "TRYAGAIN Multiple keys request during rehashing of slot",
            "CLUSTERDOWN Hash slot not served",
            "READONLY You can't write against a read only replica.",
        ] {
            assert!(Effect::Change.allows_resending(&answer(text)), "{text}");
            assert!(Effect::Read.allows_resending(&answer(text)), "{text}");
        }
        for kind in [
            io::ErrorKind::ConnectionReset,
            io::ErrorKind::ConnectionRefused,
            io::ErrorKind::BrokenPipe,
            io::ErrorKind::UnexpectedEof,
            io::ErrorKind::TimedOut,
        ] {
            let error = RedisError::from(io::Error::from(kind));
            assert!(!Effect::Change.allows_resending(&error), "{kind}");
            assert!(Effect::Read.allows_resending(&error), "{kind}");
        }
        let loading = answer("LOADING Redis is loading the dataset in memory");
        assert!(!Effect::Change.allows_resending(&loading));
        let lost = RedisError::from((ErrorKind::ClusterConnectionNotFound, "none"));
        assert!(!Effect::Change.allows_resending(&lost));
    }

    #[test]
    fn a_mistake_is_not_repeated() {
        for text in ["ERR syntax error", "NOPERM no permissions", "WRONGTYPE x"] {
            assert!(!Effect::Read.allows_resending(&answer(text)), "{text}");
            assert!(!Effect::Change.allows_resending(&answer(text)), "{text}");
        }
    }
}
