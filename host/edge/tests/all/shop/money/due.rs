//! What an order is paid with: the price of its goods, or the grand total with
//! shipping and tax.

use super::{Checkout, Stores, plugins, retries};
use crate::catalog::database::Store;
use crate::shop::stripe::{Fault, Stripe};

const PRODUCT: i64 = 1;

#[tokio::test]
async fn an_order_is_paid_with_its_total_or_its_grand_total() {
    for checkout in Checkout::both().await {
        let (shop, stripe) = (&checkout.shop, &checkout.stripe);
        let customer = shop.customer().await;
        let [bare, whole] = [
            customer.order_of(PRODUCT).await,
            customer.order_of(PRODUCT).await,
        ];
        let (total, grand) = (
            customer.total(whole).await,
            customer.grand_total(whole).await,
        );
        assert!(grand > total, "shipping and tax cost something");
        for wrong in [0, total - 1, total + 1, grand - 1, grand + 1, total + grand] {
            let reply = customer.charge_amount(whole, "tok_visa", wrong).await;
            assert_eq!(retries::code(&reply), "PAY_02", "{wrong}: {reply:?}");
        }
        assert_eq!(stripe.charges().len(), 0, "nothing was charged");
        for (order, amount) in [(bare, total), (whole, grand)] {
            let reply = customer.charge_amount(order, "tok_visa", amount).await;
            assert_eq!(reply.json()["amount"], amount);
        }
        let again = customer.charge_amount(whole, "tok_visa", total).await;
        assert_eq!(retries::code(&again), "PAY_03", "{again:?}");

        let books = checkout.settled_books().await;
        assert_eq!(books.order(bare).paid, Some(total));
        assert_eq!(books.order(whole).paid, Some(grand));
        let merchant = shop.merchant().await;
        let seen = merchant.get(&format!("/admin/orders/{whole}")).await;
        let seen = merchant.success(&seen);
        assert_eq!(seen["paid_amount"], seen["grand_total"]);
    }
}

#[tokio::test]
async fn a_shop_may_take_the_grand_total_alone() {
    let (stores, stripe) = (Stores::new(Store::Sqlite), Stripe::start());
    let grand_only = |settings: &mut edge::config::Settings| {
        let config = &mut settings.plugin_config.0;
        config.insert("PAYMENT_DUE".to_owned(), "grand".to_owned());
    };
    let checkout = Checkout::open(stores, stripe, &plugins(), grand_only).await;
    let customer = checkout.shop.customer().await;
    let order = customer.order_of(PRODUCT).await;
    let reply = customer.charge(order, "tok_visa").await;
    assert_eq!(retries::code(&reply), "PAY_02", "{reply:?}");
    let grand = customer.grand_total(order).await;
    let reply = customer.charge_amount(order, "tok_visa", grand).await;
    reply.assert_status(200);
    checkout.settled_books().await;
}

/// An attempt that may have charged one amount is not taken for one over the
/// other.
#[tokio::test]
async fn an_open_attempt_is_not_finished_for_another_amount() {
    let (stores, stripe) = (Stores::new(Store::Sqlite), Stripe::start());
    let checkout = Checkout::open(stores, stripe, &plugins(), |_| {}).await;
    let customer = checkout.shop.customer().await;
    let order = customer.order_of(PRODUCT).await;
    let (total, grand) = (
        customer.total(order).await,
        customer.grand_total(order).await,
    );
    checkout.stripe.fail(order, Fault::Conflict);
    let unknown = customer.charge_amount(order, "tok_visa", grand).await;
    assert_eq!(retries::code(&unknown), "PAY_04", "{unknown:?}");
    let other = customer.charge_amount(order, "tok_visa", total).await;
    assert_eq!(retries::code(&other), "PAY_04", "{other:?}");
    assert_eq!(checkout.stripe.charges().len(), 0);
    let same = customer.charge_amount(order, "tok_visa", grand).await;
    assert_eq!(same.json()["amount"], grand, "{same:?}");
    checkout.settled_books().await;
}
