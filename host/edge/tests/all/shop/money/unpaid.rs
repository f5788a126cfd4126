//! Orders that nobody pays.

use std::time::Duration;

use tokio::sync::oneshot;

use super::{Checkout, ledger_audit, retries};
use crate::harness::eventually;
use crate::shop::stripe::Fault;

/// A product of the catalog.
const PRODUCT: i64 = 1;

/// Longer than these shops wait for payment.
const LATE: Duration = Duration::from_secs(600);

#[tokio::test]
async fn unpaid_orders_are_cancelled_and_their_stock_is_put_back() {
    for checkout in Checkout::both().await {
        let (shop, stripe) = (&checkout.shop, &checkout.stripe);
        let database = checkout.database();
        checkout.stock(PRODUCT, 3).await;
        let customer = shop.customer().await;
        let [unpaid, paid, in_payment] = [
            customer.order_of(PRODUCT).await,
            customer.order_of(PRODUCT).await,
            customer.order_of(PRODUCT).await,
        ];
        assert_eq!(ledger_audit::stock(database, PRODUCT).await, 0);
        customer.charge(paid, "tok_visa").await.assert_status(200);
        let (answer, held) = oneshot::channel();
        stripe.fail(in_payment, Fault::Held(held));
        let cancelling = async {
            eventually("a charge", async || stripe.captured(in_payment).pop()).await;
            for order in [unpaid, paid, in_payment] {
                ledger_audit::age(database, "orders", order, LATE).await;
            }
            eventually("the stock is put back", async || {
                (ledger_audit::stock(database, PRODUCT).await == 1).then_some(())
            })
            .await;
            answer.send(()).expect("Stripe waits");
        };
        let (reply, ()) = tokio::join!(customer.charge(in_payment, "tok_visa"), cancelling);
        retries::assert_charged(&reply);

        let books = checkout.settled_books().await;
        let statuses = [unpaid, paid, in_payment].map(|order| books.order(order).status);
        assert_eq!(statuses, [2, 1, 1]);
        books.check_stock(database, PRODUCT, 3).await;
        let late = customer.charge(unpaid, "tok_visa").await;
        assert_eq!(retries::code(&late), "PAY_06", "{late:?}");
        assert_eq!(stripe.captured(unpaid), []);
    }
}
