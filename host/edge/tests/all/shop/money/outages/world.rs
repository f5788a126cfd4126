//! A shop whose stores, and whose Stripe, can be made to fail.

use std::time::Duration;

use edge::config::Settings;
use test_servers::{MariaDb, Redis};

use super::super::{Checkout, ORDER, PAYMENT};
use crate::catalog::database::Database;
use crate::harness::{Mode, PluginFolder, Proxy, variant};
use crate::shop::Stores;
use crate::shop::stripe::Stripe;

/// How long the shop's node lets a call to a store take.
pub const STORE_TIMEOUT: Duration = Duration::from_millis(500);

/// How much later answers come where a store or Stripe is slow: too late for
/// all who wait.
const SLOW: Duration = Duration::from_secs(5);

/// Bounds of requests, and limits that these customers do not meet.
const CUSTOMER: &str = r#"
[limits]
deadline = "3s"

[[rate-limit]]
name = "login-email"
methods = ["POST"]
path = "/customers/login"
by = "field:email"
quota = 10000
window = "1m"

[[rate-limit]]
name = "login-account"
by = "field:email"
quota = 10000
window = "1m"

[[rate-limit]]
name = "registration"
by = "address"
quota = 10000
window = "1m"
"#;
const BOUNDED: &str = "[limits]\ndeadline = '3s'\n";
const CHARGES: &str = r#"
[limits]
deadline = "4s"

[[rate-limit]]
name = "charge"
methods = ["POST"]
path = "/stripe/charge"
by = "principal"
quota = 10000
window = "1m"

[[rate-limit]]
name = "declined-cards"
by = "principal"
quota = 10000
window = "1h"
"#;

/// Longer than any of its requests may take, on a busy machine.
pub const LONGEST: Duration = Duration::from_secs(6);

/// What fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    MySql,
    Redis,
    Stripe,
}

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nobody listens.
    Refused,
    /// Connections are cut off.
    Reset,
    /// Nothing arrives, and connections of that time lead nowhere ever after.
    BlackHole,
    /// Answers come too late.
    Slow,
    /// Answers break off in the middle.
    Cut,
    /// The process does nothing.
    Hangs,
    /// The process was killed, and comes back with what it has on disk.
    Killed,
    /// It takes no changes.
    ReadOnly,
    /// It has no memory for changes.
    OutOfMemory,
}

/// A server, and the way to it.
pub struct Target {
    machine: Machine,
    proxy: Proxy,
}

enum Machine {
    MariaDb(MariaDb),
    Redis(Redis),
    Stripe,
}

/// The shop, and all that can fail.
pub struct World {
    pub checkout: Checkout,
    pub mysql: Target,
    pub redis: Target,
    pub stripe: Target,
}

impl World {
    pub async fn new() -> Self {
        let mariadb = MariaDb::start().expect("a server of one's own");
        let redis = Redis::start_durable().expect("a server of one's own");
        let stripe = Stripe::start();
        let database = Database::of(&mariadb);
        // The administrator may change what others may not.
        mariadb.add_user("shop", "", "");
        let mysql = Proxy::before(mariadb.port()).await;
        let keyvalue = Proxy::before(redis.port()).await;
        let way_to_stripe = Proxy::before(stripe.port()).await;
        let (_, name) = database.url.rsplit_once('/').expect("a name");
        let database_url = format!("mysql://shop@{}/{name}", mysql.address());
        let stores = Stores::at(database, format!("redis://{}", keyvalue.address()));
        let change = |settings: &mut Settings| {
            settings.database_url = database_url;
            settings.store_timeout = STORE_TIMEOUT;
            settings.queue_timeout = STORE_TIMEOUT;
            let base = format!("http://{}", way_to_stripe.address());
            let config = &mut settings.plugin_config.0;
            config.insert("STRIPE_API_BASE".into(), base);
        };
        let checkout = Checkout::open(stores, stripe, &plugins(), change).await;
        Self {
            checkout,
            mysql: Target::new(Machine::MariaDb(mariadb), mysql),
            redis: Target::new(Machine::Redis(redis), keyvalue),
            stripe: Target::new(Machine::Stripe, way_to_stripe),
        }
    }
}

fn plugins() -> [PluginFolder; 4] {
    let short = |schedule: &str| schedule.replace("every", "deadline = \"3s\"\nevery");
    [
        variant("../customer", CUSTOMER),
        variant("../order", &(BOUNDED.to_owned() + &short(ORDER))),
        variant("../payment", &(CHARGES.to_owned() + &short(PAYMENT))),
        variant("../product", BOUNDED),
    ]
}

impl Target {
    fn new(machine: Machine, proxy: Proxy) -> Self {
        Self { machine, proxy }
    }

    /// Let it fail.
    pub async fn begin(&mut self, state: State) {
        match (state, &mut self.machine) {
            (State::Refused, _) => self.proxy.set(Mode::Refuse).await,
            (State::Reset, _) => self.proxy.set(Mode::Reset).await,
            (State::BlackHole, _) => self.proxy.set(Mode::BlackHole).await,
            (State::Slow, _) => self.proxy.set(Mode::Delay(SLOW)).await,
            (State::Cut, _) => self.proxy.set(Mode::Cut).await,
            (State::Hangs, Machine::MariaDb(server)) => server.pause().expect("it runs"),
            (State::Hangs, Machine::Redis(server)) => server.pause().expect("it runs"),
            (State::Killed, Machine::MariaDb(server)) => server.stop().expect("it runs"),
            (State::Killed, Machine::Redis(server)) => server.stop().expect("it runs"),
            (State::ReadOnly, Machine::MariaDb(server)) => {
                server.run("SET GLOBAL read_only = 1");
            }
            (State::ReadOnly, Machine::Redis(server)) => {
                // Nobody is there; what it has, it shows all the same.
                assert_eq!(server.run("REPLICAOF 127.0.0.1 1"), "+");
            }
            (State::OutOfMemory, Machine::Redis(server)) => {
                assert_eq!(server.run("CONFIG SET maxmemory 1"), "+");
            }
            (state, _) => panic!("{state:?} is nothing that happens to it"),
        }
    }

    /// Let it do well again.
    pub async fn end(&mut self, state: State) {
        match (state, &mut self.machine) {
            (State::Hangs, Machine::MariaDb(server)) => server.resume().expect("it runs"),
            (State::Hangs, Machine::Redis(server)) => server.resume().expect("it runs"),
            (State::Killed, Machine::MariaDb(server)) => server.restart().expect("it starts"),
            (State::Killed, Machine::Redis(server)) => server.restart().expect("it starts"),
            (State::ReadOnly, Machine::MariaDb(server)) => {
                server.run("SET GLOBAL read_only = 0");
            }
            (State::ReadOnly, Machine::Redis(server)) => {
                assert_eq!(server.run("REPLICAOF NO ONE"), "+");
            }
            (State::OutOfMemory, Machine::Redis(server)) => {
                assert_eq!(server.run("CONFIG SET maxmemory 0"), "+");
            }
            _ => self.proxy.set(Mode::Pass).await,
        }
    }
}
