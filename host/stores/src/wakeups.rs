//! A word to all nodes that something has changed. It may be lost: whoever
//! waits for one looks by itself from time to time.

use std::time::Duration;

use futures_util::StreamExt;
use redis::RedisResult;

use crate::source::Source;

use super::redis::{Nodes, Redis, Timeouts, UrlError, url_error};

/// Nobody waits for the word, so nobody should wait for Redis.
const PATIENCE: Timeouts = Timeouts {
    connect: Duration::from_secs(1),
    response: Duration::from_secs(1),
    failures: 3,
};

/// A channel of Redis.
pub struct Wakeups {
    redis: Redis,
    /// Whoever listens needs a connection for that alone.
    nodes: Nodes,
    source: Source,
    channel: String,
}

impl Wakeups {
    /// The channel of the nodes whose keys begin with `prefix`, in Redis at
    /// `urls`: as of [`Redis::open`].
    ///
    /// # Errors
    /// When a URL is malformed.
    pub fn open(urls: impl Into<Source>, prefix: &str) -> Result<Self, UrlError> {
        // In a cluster every node passes words on to all others.
        let source = urls.into();
        let nodes = Nodes::parse(source.text())?;
        nodes.first().map_err(url_error)?;
        Ok(Self {
            redis: Redis::open(source.clone(), "Redis (wake-ups)", PATIENCE)?,
            nodes,
            source,
            channel: format!("{prefix}:wake"),
        })
    }

    /// Tell all nodes a word, this one included.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn tell(&self, word: &str) -> RedisResult<()> {
        let mut command = redis::cmd("PUBLISH");
        command.arg(&self.channel).arg(word);
        self.redis.execute(&command).await
    }

    /// Call `heard` with every word, until the connection breaks, and with an
    /// empty one at first.
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
        // What was said while nobody listened.
        heard("");
        let mut words = connection.into_on_message();
        while let Some(message) = words.next().await {
            // What is no text is of another version, and may mean anything.
            heard(&message.get_payload::<String>().unwrap_or_default());
        }
        Ok(())
    }
}
