//! Notifications to all nodes over Redis that something has changed. A message may be lost, so
//! receivers also poll.

use std::time::Duration;

use futures_util::StreamExt;
use redis::RedisResult;

use crate::source::Source;

use super::redis::{Nodes, Redis, Timeouts, UrlError, url_error};

/// Time limits for Redis: no receiver relies on the messages, so no sender should wait long.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(1),
    response: Duration::from_secs(1),
    failures: 3,
};

/// A channel of Redis.
pub struct Wakeups {
    redis: Redis,
    /// Nodes for the receiving connection, which can do nothing else.
    nodes: Nodes,
    source: Source,
    channel: String,
}

impl Wakeups {
    /// Returns the channel of the nodes whose keys begin with `prefix`, in Redis at `urls`, which
    /// are as of [`Redis::open`].
    ///
    /// # Errors
    /// When a URL is malformed.
    pub fn open(urls: impl Into<Source>, prefix: &str) -> Result<Self, UrlError> {
        // In a cluster every node passes messages on to all others.
        let source = urls.into();
        let nodes = Nodes::parse(source.text())?;
        nodes.first().map_err(url_error)?;
        Ok(Self {
            redis: Redis::open(source.clone(), "Redis (wake-ups)", TIMEOUTS)?,
            nodes,
            source,
            channel: format!("{prefix}:wake"),
        })
    }

    /// Sends a message to all nodes, including this one.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn tell(&self, word: &str) -> RedisResult<()> {
        let mut command = redis::cmd("PUBLISH");
        command.arg(&self.channel).arg(word);
        self.redis.execute(&command).await
    }

    /// Calls `heard` with an empty message at first, and then with every message until the
    /// connection breaks.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn listen(&self, heard: impl Fn(&str)) -> RedisResult<()> {
        let nodes = match self.source.is_file() {
            false => self.nodes.clone(),
            true => self.nodes.with_login_in(&self.source)?,
        };
        let mut connection = nodes.first()?.get_async_pubsub().await?;
        connection.subscribe(&self.channel).await?;
        // The empty message stands for those that were sent before.
        heard("");
        let mut words = connection.into_on_message();
        while let Some(message) = words.next().await {
            // A message that is not text is of another version, and may mean anything.
            heard(&message.get_payload::<String>().unwrap_or_default());
        }
        Ok(())
    }
}
