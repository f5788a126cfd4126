//! Who charges the cards: Stripe, or a sandbox that keeps to the same rules.
//! The rest of the service does not know which.

pub(crate) mod outcome;
pub(crate) mod receipt;
pub(crate) mod reply;
pub mod sandbox;
pub(crate) mod stripe;

use edge_sdk::config;

use crate::model::Attempt;
use crate::shop;
use outcome::{Outcome, RefundOutcome};
use receipt::Receipt;
use reply::Unanswered;
use stripe::Stripe;

/// Where Stripe is, unless `STRIPE_API_BASE` says otherwise.
const STRIPE: &str = "https://api.stripe.com";

/// A provider of charges.
#[derive(Debug)]
pub enum Provider {
    /// Stripe, by its secret key.
    Stripe(Stripe),
    /// Stripe's test tokens, and no money.
    Sandbox,
}

impl Provider {
    /// Returns the provider that the operator has set up.
    ///
    /// # Errors
    /// When the settings cannot be read.
    pub fn configured() -> Result<Self, config::Error> {
        let Some(key) = config::get("STRIPE_SECRET_KEY")?.filter(|key| !key.is_empty()) else {
            return Ok(Self::Sandbox);
        };
        let base = config::get("STRIPE_API_BASE")?.filter(|base| !base.is_empty());
        let base = base.unwrap_or_else(|| STRIPE.to_owned());
        Ok(Self::Stripe(Stripe::new(key, &base)))
    }

    /// Returns the provider that the attempt was made with.
    ///
    /// # Errors
    /// When the operator has set up another one since, or the attempt is that
    /// of another shop, whose database this one's is a copy of.
    pub fn for_attempt(attempt: &Attempt) -> Result<Self, Unanswered> {
        let provider = Self::configured().map_err(|error| Unanswered(error.to_string()))?;
        let now = match attempt.shop_id {
            Some(_) => provider.recorded_name(),
            None => provider.name(),
        };
        if now != attempt.provider {
            let then = &attempt.provider;
            return Err(Unanswered(format!("the provider is {now}, and was {then}")));
        }
        if let Some(shop_id) = &attempt.shop_id
            && *shop_id != shop::id()?
        {
            return Err(Unanswered("another shop made the attempt".to_owned()));
        }
        Ok(provider)
    }

    /// Returns the name of the provider, which attempts from before shops had
    /// identities have.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Stripe(_) => "stripe",
            Self::Sandbox => "sandbox",
        }
    }

    /// Returns the name that attempts with a shop's identity have. Earlier
    /// releases of this service do not know the name, and so leave such
    /// attempts alone: they would ask with another idempotency key, and charge
    /// twice.
    #[must_use]
    pub fn recorded_name(&self) -> &'static str {
        match self {
            Self::Stripe(_) => "stripe+shop",
            Self::Sandbox => "sandbox+shop",
        }
    }

    /// Returns whether real money is charged.
    #[must_use]
    pub fn is_live(&self) -> bool {
        match self {
            Self::Stripe(stripe) => stripe.is_live(),
            Self::Sandbox => false,
        }
    }

    /// Charges the attempt's card. Asking again, while the provider remembers
    /// the key, charges nothing more and answers the same.
    #[must_use]
    pub fn charge(&self, attempt: &Attempt) -> Outcome {
        let Some(token) = attempt.token.as_deref() else {
            return Outcome::Unknown("the attempt has no token any more".to_owned());
        };
        let reply = match self {
            Self::Stripe(stripe) => stripe.charge(attempt, token),
            Self::Sandbox => sandbox::charge(attempt, token),
        };
        match reply {
            Ok(reply) => Outcome::from_reply(attempt, &reply),
            Err(error) => Outcome::Unknown(error.to_string()),
        }
    }

    /// Looks for a charge that the attempt made.
    ///
    /// # Errors
    /// When the provider does not say.
    pub fn find(&self, attempt: &Attempt) -> Result<Option<Receipt>, Unanswered> {
        match self {
            Self::Stripe(stripe) => stripe.find(attempt),
            Self::Sandbox => sandbox::find(attempt),
        }
    }

    /// Refunds the attempt's charge, all of it. Asking again refunds nothing more.
    #[must_use]
    pub fn refund(&self, attempt: &Attempt, charge_id: &str) -> RefundOutcome {
        let reply = match self {
            Self::Stripe(stripe) => stripe.refund(attempt, charge_id),
            Self::Sandbox => sandbox::refund(attempt, charge_id),
        };
        match reply {
            Ok(reply) => RefundOutcome::from_reply(&reply),
            Err(error) => RefundOutcome::Unknown(error.to_string()),
        }
    }
}
