//! Lua scripts, which Redis runs atomically.

use redis::{Cmd, ToRedisArgs};

/// A script that works on one key.
pub struct Script {
    text: &'static str,
    digest: String,
}

impl Script {
    /// Returns the script with this text.
    #[must_use]
    pub fn new(text: &'static str) -> Self {
        Self {
            text,
            digest: redis::Script::new(text).get_hash().to_owned(),
        }
    }

    /// Returns a call of the script for `key`, without arguments.
    pub fn on(&self, key: String) -> Invocation<'_> {
        Invocation {
            script: self,
            key,
            arguments: Vec::new(),
        }
    }
}

/// A call of a script.
pub struct Invocation<'a> {
    script: &'a Script,
    key: String,
    arguments: Vec<Vec<u8>>,
}

impl Invocation<'_> {
    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl ToRedisArgs) -> Self {
        self.arguments.extend(argument.to_redis_args());
        self
    }

    /// Returns the command for servers that know the script.
    pub(super) fn by_digest(&self) -> Cmd {
        self.command("EVALSHA", &self.script.digest)
    }

    /// Returns the command for servers that do not know the script, which know it afterwards. A
    /// separate command that loads it would go to all nodes of a cluster, and fail if one of them
    /// is down.
    pub(super) fn by_text(&self) -> Cmd {
        self.command("EVAL", self.script.text)
    }

    fn command(&self, name: &str, program: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(program).arg(1).arg(&self.key);
        command.arg(&*self.arguments);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_commands_have_the_key_and_the_arguments() {
        let script = Script::new("return 1");
        let call = script.on("k".to_owned()).arg(7).arg("x");
        let words = |command: Cmd| {
            let text = String::from_utf8(command.get_packed_command()).expect("text");
            let words = text.split("\r\n").filter(|word| !word.starts_with('$'));
            words.map(str::to_owned).collect::<Vec<_>>()
        };
        let by_text = words(call.by_text());
        assert_eq!(by_text, ["*6", "EVAL", "return 1", "1", "k", "7", "x", ""]);
        let by_digest = words(call.by_digest());
        assert_eq!(by_digest[1], "EVALSHA");
        assert_eq!(by_digest[2].len(), 40);
        assert_eq!(by_digest[3..], by_text[3..]);
    }
}
