//! Key-value store in Redis.

mod cursor;

use std::fmt::Display;
use std::sync::LazyLock;
use std::time::Duration;

use futures_util::future::try_join_all;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use redis::{Cmd, cmd};

use self::cursor::Cursor;
use super::key::{Key, Space};
use super::{Error, PAGE, Page, Result, Swap};
use crate::breaker::StoreHealth;
use crate::redis::{Redis, Script, Timeouts, UrlError};
use crate::source::Source;
use crate::sql::Connections;

const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(1),
    response: Duration::from_secs(2),
    failures: 5,
};

/// Most calls of `SCAN` for one page, so that a small bucket among many other keys does not delay a
/// request.
const SCANS: u32 = 16;

/// Keys that one `SCAN` examines.
const LOOKED_AT: u32 = 1000;

/// Characters that are escaped in a stored key. Braces are hash tags in a cluster, by which clients
/// could choose the node.
const ESCAPED: AsciiSet = CONTROLS.add(b'%').add(b'{').add(b'}');

/// Arguments: `KEYS[1]`, a flag whether a value is expected, that value, the new one, and its time
/// to live or an empty string. Returns whether the new value was written, and the value that
/// prevented it.
static SWAP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local current = redis.call('GET', KEYS[1])
local expected = ARGV[1] == '1' and ARGV[2]
if current ~= expected then return {0, current} end
if ARGV[4] == '' then
  redis.call('SET', KEYS[1], ARGV[3])
else
  redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
end
return {1, false}",
    )
});

/// Arguments: `KEYS[1]`, the number to add, and the time to live or an empty string. Returns the
/// sum as text, since Lua's numbers lose digits, or nil if it cannot add.
static INCREMENT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local sum = redis.pcall('INCRBY', KEYS[1], ARGV[1])
if type(sum) == 'table' and sum.err then
  if string.find(sum.err, 'not an integer', 1, true)
    or string.find(sum.err, 'overflow', 1, true) then return false end
  return sum
end
if ARGV[2] ~= '' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('GET', KEYS[1])",
    )
});

/// Buckets in one Redis.
#[derive(Clone)]
pub(super) struct RedisStore(Redis);

impl RedisStore {
    pub(super) fn open(urls: impl Into<Source>) -> std::result::Result<Self, UrlError> {
        Redis::open(urls, "Redis (buckets)", TIMEOUTS).map(Self)
    }

    pub(super) fn connections(&self) -> Connections {
        self.0.connections()
    }

    pub(super) fn health(&self) -> StoreHealth {
        self.0.health()
    }

    pub(super) fn refusal(&self) -> Option<String> {
        self.0.refusal()
    }

    pub(super) fn was_late(&self, why: &dyn Display) {
        self.0.failed(why);
    }

    pub(super) async fn ping(&self) -> Result<()> {
        Ok(self.0.ping().await?)
    }

    pub(super) async fn eviction(&self) -> Result<Option<String>> {
        Ok(self.0.eviction().await?)
    }

    pub(super) async fn get(&self, space: &Space, key: Key<'_>) -> Result<Option<Vec<u8>>> {
        Ok(self.0.query(cmd("GET").arg(stored(space, key))).await?)
    }

    pub(super) async fn set(
        &self,
        space: &Space,
        key: Key<'_>,
        value: &[u8],
        ttl: Option<i64>,
    ) -> Result<()> {
        Ok(self.0.execute(&set(space, key, value, ttl)).await?)
    }

    pub(super) async fn exists(&self, space: &Space, key: Key<'_>) -> Result<bool> {
        Ok(self.0.query(cmd("EXISTS").arg(stored(space, key))).await?)
    }

    /// Returns the values of `keys`. In a cluster each key is requested by itself, all
    /// concurrently: the driver's own command to several nodes leaves out nodes that are down,
    /// whose values would count as absent.
    pub(super) async fn get_many(
        &self,
        space: &Space,
        keys: &[Key<'_>],
    ) -> Result<Vec<Option<Vec<u8>>>> {
        if self.0.has_many_nodes().await? {
            return try_join_all(keys.iter().map(|key| self.get(space, *key))).await;
        }
        let mut command = cmd("MGET");
        for key in keys {
            command.arg(stored(space, *key));
        }
        Ok(self.0.query(&command).await?)
    }

    /// Writes all entries concurrently over the one connection, since `MSET` cannot set a time to
    /// live.
    pub(super) async fn set_many(
        &self,
        space: &Space,
        entries: &[(Key<'_>, &[u8])],
        ttl: Option<i64>,
    ) -> Result<()> {
        let writing = entries
            .iter()
            .map(|(key, value)| self.set(space, *key, value, ttl));
        try_join_all(writing).await?;
        Ok(())
    }

    pub(super) async fn delete_many(&self, space: &Space, keys: &[Key<'_>]) -> Result<()> {
        if self.0.has_many_nodes().await? {
            try_join_all(keys.iter().map(|key| self.delete(space, *key))).await?;
            return Ok(());
        }
        let mut command = cmd("DEL");
        for key in keys {
            command.arg(stored(space, *key));
        }
        Ok(self.0.execute(&command).await?)
    }

    async fn delete(&self, space: &Space, key: Key<'_>) -> Result<()> {
        Ok(self.0.execute(cmd("DEL").arg(stored(space, key))).await?)
    }

    pub(super) async fn increment(
        &self,
        space: &Space,
        key: Key<'_>,
        delta: i64,
        ttl: Option<i64>,
    ) -> Result<i64> {
        let script = INCREMENT.on(stored(space, key));
        let script = script.arg(delta).arg(or_empty(ttl));
        let sum: Option<String> = self.0.run_script(&script).await?;
        sum.and_then(|sum| sum.parse().ok())
            .ok_or(Error::NotANumber)
    }

    pub(super) async fn swap(
        &self,
        space: &Space,
        key: Key<'_>,
        old: Option<&[u8]>,
        new: &[u8],
        ttl: Option<i64>,
    ) -> Result<Swap> {
        let script = SWAP
            .on(stored(space, key))
            .arg(u8::from(old.is_some()))
            .arg(old.unwrap_or_default())
            .arg(new)
            .arg(or_empty(ttl));
        let (done, newer): (bool, Option<Vec<u8>>) = self.0.run_script(&script).await?;
        Ok(if done { Swap::Done } else { Swap::Lost(newer) })
    }

    pub(super) async fn list_keys(&self, space: &Space, cursor: Option<&str>) -> Result<Page> {
        let primaries = self.0.primaries().await?;
        let mut position = match cursor {
            None => Cursor::first(&primaries),
            Some(text) => Some(Cursor::parse(text).ok_or(Error::InvalidCursor)?),
        };
        let mut keys = Vec::new();
        for _ in 0..SCANS {
            let Some(here) = position else { break };
            let (next, found) = self.scan(space, here).await?;
            keys.extend(found);
            position = here.after(next, &primaries);
            if keys.len() >= PAGE as usize {
                break;
            }
        }
        Ok(Page {
            keys,
            cursor: position.map(|position| position.to_string()),
        })
    }

    /// Runs one step of a `SCAN` on the node that the cursor names.
    async fn scan(&self, space: &Space, at: Cursor) -> Result<(u64, Vec<String>)> {
        let beginning = format!("{}:", space.as_str());
        let mut scan = cmd("SCAN");
        scan.arg(at.position)
            .arg("MATCH")
            .arg(format!("{beginning}*"))
            .arg("COUNT")
            .arg(LOOKED_AT);
        let (next, found): (u64, Vec<Vec<u8>>) = self.0.query_at(at.slot, &scan).await?;
        let keys = found
            .iter()
            .filter_map(|stored| plain(&beginning, stored))
            .collect();
        Ok((next, keys))
    }
}

fn set(space: &Space, key: Key<'_>, value: &[u8], ttl: Option<i64>) -> Cmd {
    let mut command = cmd("SET");
    command.arg(stored(space, key)).arg(value);
    if let Some(ttl) = ttl {
        command.arg("PX").arg(ttl);
    }
    command
}

/// Returns the key as it is stored in Redis.
fn stored(space: &Space, key: Key<'_>) -> String {
    let key = utf8_percent_encode(key.as_str(), &ESCAPED);
    format!("{}:{key}", space.as_str())
}

/// Returns the plugin's key of a stored one; `None` if this host has not written it.
fn plain(beginning: &str, stored: &[u8]) -> Option<String> {
    let escaped = std::str::from_utf8(stored).ok()?.strip_prefix(beginning)?;
    let text = percent_decode_str(escaped).decode_utf8().ok()?;
    Some(text.into_owned())
}

fn or_empty(ttl: Option<i64>) -> String {
    ttl.map_or_else(String::new, |ttl| ttl.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_key_is_read_back_and_chooses_no_node() {
        let space = Space::new("edge", "order", "carts").expect("plain");
        for text in ["a", "a b", "a:b", "{x}", "%7B", "*?[a]", "\r\n\0", "ключ🛒"] {
            let stored = stored(&space, Key::new(text).expect("a key"));
            assert!(!stored.contains(['{', '}', '\n']), "{stored}");
            let back = plain("edge:order:carts:", stored.as_bytes());
            assert_eq!(back.as_deref(), Some(text));
        }
        assert_eq!(plain("edge:order:carts:", b"edge:order:other:a"), None);
        assert_eq!(plain("a:", b"a:\xff"), None);
    }
}
