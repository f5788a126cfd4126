//! Every way in which customers, carts, orders and payments are refused, word
//! by word: each by a request that brings it about.

mod carts;
mod catalog;
mod customers;
mod orders;
mod payments;
pub mod words;

use std::collections::BTreeSet;

use http::Method;
use serde_json::Value;

use super::{Shop, Shopper};
use crate::catalog::shop::Refusal;
use crate::harness::Reply;

/// Every code of the contract.
const CODES: [&str; 35] = [
    "ATT_01", "AUT_01", "AUT_02", "AUT_03", "CAT_01", "DEP_01", "DEP_02", "ORD_01", "ORD_02",
    "PAG_01", "PAG_02", "PAG_03", "PAY_01", "PAY_02", "PAY_03", "PRO_01", "SHP_01", "SHP_02",
    "SHP_03", "TAX_01", "USR_01", "USR_02", "USR_03", "USR_04", "USR_05", "USR_06", "USR_07",
    "USR_08", "USR_09", // And those of our own making.
    "IDM_02", "ORD_03", "ORD_04", "ORD_05", "ORD_06", "USR_10",
];

/// A request that is refused.
pub struct Case {
    pub method: Method,
    pub path: String,
    headers: Vec<(&'static str, String)>,
    fields: Value,
    refusal: Refusal,
}

impl Case {
    fn new(method: Method, path: impl Into<String>, fields: Value, refusal: Refusal) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
            fields,
            refusal,
        }
    }

    fn get(path: impl Into<String>, refusal: Refusal) -> Self {
        Self::new(Method::GET, path, Value::Null, refusal)
    }

    fn delete(path: impl Into<String>, refusal: Refusal) -> Self {
        Self::new(Method::DELETE, path, Value::Null, refusal)
    }

    fn post(path: impl Into<String>, fields: Value, refusal: Refusal) -> Self {
        Self::new(Method::POST, path, fields, refusal)
    }

    fn put(path: impl Into<String>, fields: Value, refusal: Refusal) -> Self {
        Self::new(Method::PUT, path, fields, refusal)
    }

    /// The same with one more header.
    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Send it, in the name of this shopper.
    pub async fn ask(&self, shopper: &Shopper<'_>) -> Reply {
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        shopper
            .ask_with(self.method.clone(), &self.path, &headers, &self.fields)
            .await
    }
}

/// Requests, and who sends them, in this order.
pub type Group<'a> = (Shopper<'a>, Vec<Case>);

/// Every request, with the shop made ready for it.
pub async fn groups(shop: &Shop) -> Vec<Group<'_>> {
    vec![
        catalog::reading(shop),
        catalog::reviewing(shop).await,
        catalog::tokens(shop).await,
        customers::entering(shop).await,
        customers::changing(shop).await,
        carts::cases(shop).await,
        orders::reading(shop).await,
        orders::placing(shop).await,
        orders::keys(shop).await,
        orders::managing(shop).await,
        payments::charging(shop).await,
        payments::managing(shop).await,
    ]
}

#[tokio::test]
async fn every_refusal_is_as_the_contract_has_it() {
    for shop in Shop::both().await {
        let mut codes = BTreeSet::new();
        for (shopper, cases) in groups(&shop).await {
            for case in cases {
                let reply = case.ask(&shopper).await;
                let (store, method, path) = (shop.store(), &case.method, &case.path);
                let said = format!("{store:?}: {method} {path} {}", case.fields);
                case.refusal.assert(&reply, &said);
                codes.insert(case.refusal.code);
            }
        }
        let missing: Vec<_> = CODES.iter().filter(|code| !codes.contains(*code)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
