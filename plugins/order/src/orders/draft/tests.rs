use edge_sdk::money::Percentage;

use super::*;
use crate::cart::{CartEntry, CartId};
use crate::clients::catalog::Item;

fn cart(items: &[(i64, &str, u32)]) -> Cart {
    let id = CartId::parse(&"a".repeat(20)).unwrap();
    let mut entry = CartEntry::default();
    for (line, (product_id, attributes, quantity)) in (0..).zip(items) {
        entry.add(&id, *product_id, attributes, 77).unwrap();
        entry.set_quantity(line, *quantity).unwrap();
    }
    entry.cart(&id).unwrap().clone()
}

fn product(product_id: i64, price: u64, stock: Option<u32>) -> Item {
    Item {
        product_id,
        name: format!("Product {product_id}"),
        image: None,
        price,
        stock,
    }
}

fn catalog() -> Items {
    let known = [
        product(1, 1490, None),
        product(2, 333, Some(0)),
        product(3, 9_999_999_999, None),
    ];
    known.into_iter().collect()
}

fn draft(cart: &Cart, percentage: &str) -> Result<Draft, DraftError> {
    let shipping = Shipping {
        shipping_id: 5,
        shipping_type: "Mail".to_owned(),
        shipping_cost: Cents(495),
        shipping_region_id: 2,
    };
    let tax = Tax {
        tax_id: 6,
        tax_type: "Tax".to_owned(),
        tax_percentage: Percentage::rounded(percentage).unwrap(),
    };
    Draft::from_cart(9, cart, &catalog(), &shipping, &tax)
}

#[test]
fn an_order_is_the_sum_of_its_lines() {
    let draft = draft(&cart(&[(1, "L", 2), (1, "M", 1), (2, "L", 3)]), "8.25").unwrap();
    assert_eq!(draft.total_amount, Cents(3 * 1490 + 3 * 333));
    assert_eq!(draft.tax_amount, Cents(451)); // 54.69 * 8.25 % = 4.511925
    assert_eq!(draft.shipping_cost, Cents(495));
    assert_eq!((draft.customer_id, draft.generation), (9, 77));
    assert_eq!((draft.shipping_id, draft.tax_id), (5, 6));
    assert_eq!(draft.lines.len(), 3);
    assert_eq!(draft.lines[2].product_name, "Product 2");
}

#[test]
fn pieces_are_counted_where_the_stock_is() {
    let counted = |items: &[_]| draft(&cart(items), "0.00").unwrap().counted_pieces;
    assert_eq!(counted(&[(1, "L", 2)]), 0);
    assert_eq!(counted(&[(1, "L", 2), (2, "L", 3), (2, "M", 4)]), 7);
}

#[test]
fn products_that_are_gone_are_named() {
    let gone = draft(&cart(&[(7, "L", 1), (1, "L", 1), (8, "L", 1)]), "0.00");
    assert_eq!(gone, Err(DraftError::ProductsGone(vec![7, 8])));
    assert_eq!(
        Failure::from(DraftError::ProductsGone(vec![7])).status(),
        409
    );
}

#[test]
fn what_is_saved_is_not_ordered() {
    let mut cart = cart(&[(1, "L", 1), (2, "L", 1)]);
    cart.items[0].saved = true;
    assert_eq!(draft(&cart, "0.00").unwrap().total_amount, Cents(333));
    cart.items[1].saved = true;
    assert_eq!(draft(&cart, "0.00"), Err(DraftError::EmptyCart));
}

#[test]
fn an_amount_has_a_limit() {
    assert!(draft(&cart(&[(3, "L", 1)]), "100.00").is_ok());
    assert_eq!(
        draft(&cart(&[(3, "L", 1)]), "100.01"),
        Err(DraftError::AmountTooLarge)
    );
    assert_eq!(
        draft(&cart(&[(3, "L", 2)]), "0.00"),
        Err(DraftError::AmountTooLarge)
    );
}

#[test]
fn a_tax_may_have_more_than_two_decimals() {
    let draft = draft(&cart(&[(1, "L", 1)]), "8.875").unwrap();
    assert_eq!(draft.tax_amount, Cents(132)); // 14.90 * 8.875 % = 1.322375
}

#[test]
fn stock_is_taken_of_each_product_once_and_in_order() {
    let pairs = stock_lines([(9, 1), (2, 3), (9, 4), (2, u32::MAX)]);
    let pairs: Vec<_> = pairs
        .into_iter()
        .map(|line| (line.product_id, line.quantity))
        .collect();
    assert_eq!(pairs, [(2, u32::MAX), (9, 5)]);
}
