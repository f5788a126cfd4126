//! A Stripe of the tests' own, on a loopback port: charges with test tokens,
//! searches, refunds, idempotency keys and signed events, in Stripe's shapes.
//! Its ledger is what really happened to the money, and its faults are what can
//! go wrong on the way to and from it.

mod api;
mod card;
mod event;
mod fault;
mod form;
mod keys;
mod ledger;
mod server;

pub use event::Event;
pub use fault::Fault;
pub use ledger::Charge;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::runtime::Runtime;

use api::Account;

/// The account's secret key: for test money, as events then say too.
pub const SECRET_KEY: &str = "sk_test_of_the_shop";

/// The secret that events are signed with.
pub const WEBHOOK_SECRET: &str = "whsec_of_the_shop";

/// A Stripe that serves.
pub struct Stripe {
    base: String,
    account: Arc<Mutex<Account>>,
    /// Its own, so that it answers however long a test's thread waits.
    runtime: Option<Runtime>,
}

impl Stripe {
    /// Start one with an empty ledger.
    pub fn start() -> Self {
        let account = Arc::default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let address = server::start(&runtime, Arc::clone(&account));
        Self {
            base: format!("http://{address}"),
            account,
            runtime: Some(runtime),
        }
    }

    /// What makes a shop use it.
    pub fn settings(&self) -> BTreeMap<String, String> {
        let settings = [
            ("STRIPE_API_BASE", self.base.as_str()),
            ("STRIPE_SECRET_KEY", SECRET_KEY),
            ("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET),
        ];
        settings
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    /// Where it is, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        let (_, port) = self.base.rsplit_once(':').expect("a port");
        port.parse().expect("a number")
    }

    /// Have the next charge of an order go wrong; of several faults, each has
    /// its turn.
    pub fn fail(&self, order_id: i64, fault: Fault) {
        self.account().faults.add(order_id, fault);
    }

    /// Every charge that was ever asked for, declined ones included.
    pub fn charges(&self) -> Vec<Charge> {
        self.account().ledger.charges.clone()
    }

    /// The charges of an order that its customer has paid and not got back.
    pub fn captured(&self, order_id: i64) -> Vec<Charge> {
        let mut charges = self.charges();
        charges.retain(|charge| charge.order_id() == Some(order_id) && charge.is_captured());
        charges
    }

    /// Give a charge back, as somebody may do at Stripe's dashboard.
    pub fn refund(&self, charge_id: &str) -> Charge {
        let mut account = self.account();
        let refunded = account.ledger.refund(charge_id).is_ok();
        assert!(refunded, "{charge_id} is not refunded");
        let charge = account.ledger.find(charge_id);
        charge.expect("it was refunded").clone()
    }

    /// Let a charge be as releases made it that knew no shops.
    pub fn forget_shop(&self, charge_id: &str) -> Charge {
        let mut account = self.account();
        let mut charges = account.ledger.charges.iter_mut();
        let charge = charges.find(|charge| charge.id == charge_id);
        let charge = charge.expect("there is such a charge");
        charge.metadata.remove("shop");
        charge.clone()
    }

    /// What Stripe tells about a charge, under a new id.
    pub fn event(&self, name: &str, charge: &Charge) -> Event {
        let number = self.account().ledger.next_number();
        Event::new(&format!("evt_{number}"), name, charge)
    }

    /// What was wrong with requests: the shop never sends such.
    pub fn complaints(&self) -> Vec<String> {
        self.account().complaints.clone()
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().expect("no request has panicked")
    }
}

impl Drop for Stripe {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
