//! What the shop's own plugins count.

use super::Metrics;
use crate::shop::Shop;

#[tokio::test(flavor = "multi_thread")]
async fn orders_and_payments_are_counted_once_each() {
    for shop in Shop::both().await {
        let customer = shop.customer().await;
        let order = customer.order_of(2).await;
        customer
            .charge(order, "tok_chargeDeclined")
            .await
            .assert_status(402);
        customer.charge(order, "tok_visa").await.assert_status(200);
        customer.order_of(3).await;

        let metrics = Metrics::of(&shop.node).await;
        metrics.assert("shop_orders_placed_total", &["plugin=\"order\""], 2.0);
        let payments = "shop_payments_total";
        metrics.assert(
            payments,
            &["outcome=\"captured\"", "plugin=\"payment\""],
            1.0,
        );
        metrics.assert(payments, &["outcome=\"declined\""], 1.0);
        metrics.assert(payments, &["outcome=\"suspicious\""], 0.0);
        metrics.assert("shop_order_changes_total", &["status=\"paid\""], 1.0);
        metrics.assert("shop_refunds_total", &[], 0.0);
        metrics.assert_sound();
    }
}
