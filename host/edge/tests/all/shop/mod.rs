//! The whole shop on one node, as its customers, its merchants and its
//! enemies see it, on every kind of store.

mod accounts;
mod authorization;
pub mod documents;
mod encoding;
mod facebook;
mod growth;
mod inherited;
mod journey;
mod limits;
mod money;
mod openapi;
mod refusals;
mod reused;
mod shopper;
mod spelling;
pub mod stripe;
mod swaps;
pub mod walk;
mod writes;

use std::sync::Arc;

use edge::bindings::accounts::exports::edge::platform::accounts::{Account, Error as AccountError};
use edge::config::{Secret, Settings};
use edge::node;
use edge::runtime::AccountTask;

pub use encoding::Encoding;
pub use shopper::{PASSWORD, Shopper};

use test_servers::{MariaDb, Redis};

use crate::catalog::database::{Database, Store};
use crate::harness::{PluginFolder, TestNode, data_folder, fixture, settings};

/// What all nodes of a shop know, and tests that sign tokens.
const SECRET: &str = "the secret of these tests that is long enough";
pub const TOKEN_KEYS: &str = "test:the key of these tests that is long enough";

/// Where a shop keeps everything: SQLite and the node's own key-value store,
/// or MariaDB and Redis.
pub struct Stores {
    /// The database of all plugins.
    pub database: Database,
    redis_url: Option<String>,
}

impl Stores {
    /// Empty ones.
    pub fn new(store: Store) -> Self {
        Self {
            database: Database::new(store),
            redis_url: (store == Store::MariaDb).then(|| Redis::shared().database()),
        }
    }

    /// Empty ones on MySQL and Redis.
    pub fn on_mysql() -> Self {
        let database = Database::of(MariaDb::shared_mysql());
        Self::at(database, Redis::shared().database())
    }

    /// A database server's database and a Redis of somebody's own.
    pub fn at(database: Database, redis_url: String) -> Self {
        Self {
            database,
            redis_url: Some(redis_url),
        }
    }

    /// Let a node use them, without the limit that one client would meet in
    /// no time.
    fn apply(&self, settings: &mut Settings) {
        settings.database_url.clone_from(&self.database.url);
        settings.redis_url.clone_from(&self.redis_url);
        settings.keys.secret = Some(Secret(SECRET.to_owned()));
        settings.keys.token_keys = Some(Secret(TOKEN_KEYS.to_owned()));
        settings.rate_limit = None;
        let config = &mut settings.plugin_config.0;
        config.insert("FACEBOOK_APP_ID".to_owned(), "app-of-the-shop".to_owned());
    }
}

/// Where the nodes and commands of a shop agree on what they share, given its
/// database.
pub fn control_url(database_url: &str) -> String {
    match database_url.strip_suffix("shop.sqlite?mode=rwc") {
        Some(folder) => format!("{folder}control.sqlite?mode=rwc"),
        None => database_url.to_owned(),
    }
}

/// Let a node share what the shop's nodes agree on.
pub fn share_control(settings: &mut Settings) {
    settings.control_url = control_url(&settings.database_url);
}

/// A node with the four plugins of the shop.
pub struct Shop {
    pub node: TestNode,
    pub stores: Arc<Stores>,
}

impl Shop {
    /// A new shop on each kind of stores.
    pub async fn both() -> [Self; 2] {
        Self::both_with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn both_with(change: impl Fn(&mut Settings)) -> [Self; 2] {
        let [one, other] = Store::ALL.map(|store| Arc::new(Stores::new(store)));
        let (one, other) = tokio::join!(Self::open(one, &change), Self::open(other, &change));
        [one, other]
    }

    /// A new shop on each kind of stores, and one on MySQL.
    pub async fn everywhere_with(change: impl Fn(&mut Settings)) -> [Self; 3] {
        let [one, other] = Self::both_with(&change).await;
        let third = Self::open(Arc::new(Stores::on_mysql()), &change).await;
        [one, other, third]
    }

    /// One more node of the shop with these stores.
    pub async fn open(stores: Arc<Stores>, change: impl FnOnce(&mut Settings)) -> Self {
        let change = |settings: &mut Settings| {
            stores.apply(settings);
            change(settings);
        };
        let node = TestNode::start(&plugins(), change).await;
        Self { node, stores }
    }

    /// The kind of its stores, for messages.
    pub fn store(&self) -> Store {
        self.stores.database.store
    }

    /// Somebody whom the shop does not know.
    pub fn guest(&self) -> Shopper<'_> {
        Shopper::new(self)
    }

    /// A new customer, logged in.
    pub async fn customer(&self) -> Shopper<'_> {
        let mut customer = self.guest();
        customer.register().await;
        customer
    }

    /// A new merchant, logged in.
    pub async fn merchant(&self) -> Shopper<'_> {
        let mut merchant = self.guest();
        self.add_account(&merchant, "merchant").await;
        merchant.login().await;
        merchant
    }

    /// Make an account as `edge user add` does, beside the node.
    async fn add_account(&self, shopper: &Shopper<'_>, role: &str) {
        let added = self.keep_account(shopper, role, AccountTask::Add).await;
        added.expect("an account");
    }

    /// Make or change an account as `edge user add` does, beside the node.
    async fn keep_account(
        &self,
        shopper: &Shopper<'_>,
        role: &str,
        task: AccountTask,
    ) -> Result<i64, AccountError> {
        let account = Account {
            name: shopper.name.clone(),
            email: shopper.email.clone(),
            password: PASSWORD.to_owned(),
            role: role.to_owned(),
        };
        let data = data_folder();
        let plugins = [fixture("../customer")];
        let settings = settings(data.path(), &plugins, |settings| {
            self.stores.apply(settings)
        });
        let loaded = node::load(&settings).await.expect("the plugin");
        let plugin = &loaded.releases()[0].plugin;
        plugin.keep_account(task, account).await.expect("a call")
    }
}

/// The shop's own four.
pub fn plugins() -> [PluginFolder; 4] {
    ["customer", "order", "payment", "product"].map(|name| fixture(&format!("../{name}")))
}
