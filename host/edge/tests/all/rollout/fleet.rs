//! Three nodes in two regions, each a process of its own, on one MariaDB and
//! one Redis.

use std::net::SocketAddr;

use tempfile::TempDir;
use test_servers::MariaDb;

use crate::harness::{
    Operator, PluginFolder, Running, SECRET, TOKENS, Wire, data_folder, edge, eventually, get,
    variant,
};

pub fn hello(version: u32) -> PluginFolder {
    variant("hello", &format!("version = \"0.{version}.0\""))
}

/// A node, and where it keeps its own things.
pub struct Member {
    pub region: &'static str,
    pub process: Running,
    pub data: TempDir,
}

/// Nodes that share a database and Redis.
pub struct Fleet {
    pub database: String,
    pub redis: String,
    pub plugin: PluginFolder,
    pub members: Vec<Member>,
    /// Variables besides.
    more: Vec<(&'static str, &'static str)>,
}

impl Fleet {
    /// With `hello`.
    pub async fn start(redis: String) -> Self {
        Self::of(hello(0), redis, &[]).await
    }

    /// With `hello`, on a database of one's own.
    pub async fn on(database: String, redis: String) -> Self {
        Self::new(database, hello(0), redis, &[]).await
    }

    /// With another plugin, and more variables in every node's environment.
    pub async fn of(
        plugin: PluginFolder,
        redis: String,
        more: &[(&'static str, &'static str)],
    ) -> Self {
        Self::new(MariaDb::shared().database(), plugin, redis, more).await
    }

    async fn new(
        database: String,
        plugin: PluginFolder,
        redis: String,
        more: &[(&'static str, &'static str)],
    ) -> Self {
        let mut fleet = Self {
            database,
            redis,
            plugin,
            members: Vec::new(),
            more: more.to_vec(),
        };
        for region in ["eu-west", "us-east", "us-east"] {
            fleet.join(region).await;
        }
        fleet
    }

    pub async fn join(&mut self, region: &'static str) {
        let data = data_folder();
        let process = self.spawn(region, &data).await;
        self.members.push(Member {
            region,
            process,
            data,
        });
    }

    pub async fn spawn(&self, region: &str, data: &TempDir) -> Running {
        let mut command = edge(data.path());
        command
            .arg("serve")
            .env("EDGE_DATA_DIR", data.path())
            .env("EDGE_REGION", region)
            .env("EDGE_PLUGINS", self.plugin.path())
            .env("EDGE_ADMIN_TOKENS", TOKENS)
            .env("EDGE_SECRET", SECRET)
            .env("DATABASE_URL", &self.database)
            .env("REDIS_URL", &self.redis)
            .envs(self.more.iter().copied());
        let mut process = Running::start(&mut command);
        process.banner();
        // It is there once its port is open.
        drop(process.wire().await);
        process
    }

    pub fn operator(&self, member: usize) -> Operator {
        Operator::at(self.members[member].process.admin_address())
    }

    pub async fn restart(&mut self, member: usize) {
        let Member { region, data, .. } = &self.members[member];
        let process = self.spawn(region, data).await;
        self.members[member].process = process;
    }

    /// What the nodes of a region serve.
    pub async fn releases(&self, region: &str) -> Vec<String> {
        let mut releases = Vec::new();
        for member in self.members.iter().filter(|member| member.region == region) {
            releases.push(release(member.process.address()).await);
        }
        releases
    }

    pub async fn until_served(&self, version: u32) {
        let version = format!("hello@0.{version}.0");
        for region in ["eu-west", "us-east"] {
            eventually(&format!("{version} in {region}"), async || {
                let releases = self.releases(region).await;
                releases
                    .iter()
                    .all(|release| *release == version)
                    .then_some(())
            })
            .await;
        }
    }
}

pub async fn release(address: SocketAddr) -> String {
    let mut wire = Wire::connect(address).await;
    wire.send(get("/hello")).await;
    let reply = wire.reply().await;
    reply.header("edge-release").expect("a release").to_owned()
}
