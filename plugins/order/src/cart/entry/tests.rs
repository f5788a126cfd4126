use super::*;

const FIRST: i64 = 11;
const SECOND: i64 = 22;

fn cart_id(letter: &str) -> CartId {
    CartId::parse(&letter.repeat(20)).unwrap()
}

fn a() -> CartId {
    cart_id("a")
}

/// Returns an entry whose cart `a` has one piece of each of these.
fn entry(items: &[(i64, &str)]) -> CartEntry {
    let mut entry = CartEntry::default();
    for (product_id, attributes) in items {
        entry.add(&a(), *product_id, attributes, FIRST).unwrap();
    }
    entry
}

/// Returns product and quantity of each item of cart `a`.
fn items(entry: &CartEntry) -> Vec<(i64, u32)> {
    let cart = entry.cart(&a());
    let items = cart.map(|cart| cart.items.as_slice()).unwrap_or_default();
    let pairs = items.iter().map(|item| (item.product_id, item.quantity));
    pairs.collect()
}

fn ordered(entry: &CartEntry) -> Vec<Ordered> {
    let items = entry.cart(&a()).unwrap().active().cloned();
    let ordered = items.map(|item| Ordered {
        product_id: item.product_id,
        attributes: item.attributes,
        quantity: item.quantity,
    });
    ordered.collect()
}

#[test]
fn the_same_product_and_attributes_add_one() {
    let entry = entry(&[(1, "L, red"), (2, "L, red"), (1, "M, red"), (1, "L, red")]);
    assert_eq!(items(&entry), [(1, 2), (2, 1), (1, 1)]);
}

#[test]
fn a_line_has_at_most_999_pieces() {
    let mut entry = entry(&[(1, "L")]);
    entry.set_quantity(0, 999).unwrap();
    assert_eq!(entry.add(&a(), 1, "L", FIRST), Err(Refusal::TooMany));
    assert_eq!(entry.set_quantity(0, 1000), Err(Refusal::TooMany));
    assert_eq!(items(&entry), [(1, 999)]);
}

#[test]
fn a_cart_has_at_most_100_lines() {
    let mut entry = CartEntry::default();
    for product_id in 1..=100 {
        entry.add(&a(), product_id, "L", FIRST).unwrap();
    }
    entry.set_saved(5, true).unwrap();
    assert_eq!(entry.add(&a(), 101, "L", FIRST), Err(Refusal::Full));
    assert_eq!(entry.add(&a(), 1, "L", FIRST), Ok(()));
    assert_eq!(items(&entry).len(), 100);
}

#[test]
fn a_quantity_of_0_removes() {
    let mut entry = entry(&[(1, "L"), (2, "L")]);
    entry.set_quantity(0, 0).unwrap();
    assert_eq!(items(&entry), [(2, 1)]);
    assert_eq!(entry.set_quantity(0, 1), Err(Refusal::NoItem));
    entry.set_quantity(1, 0).unwrap();
    assert_eq!(entry.cart(&a()), None);
}

#[test]
fn a_number_that_was_given_up_is_the_last_to_be_taken_again() {
    let mut entry = entry(&[(1, "L")]);
    for product_id in 2..=i64::from(LINES) {
        entry.add(&a(), product_id, "L", FIRST).unwrap();
        let line = entry.cart(&a()).unwrap().items.last().unwrap().line;
        assert_eq!(i64::from(line), product_id - 1);
        entry.set_quantity(line, 0).unwrap();
    }
    entry.add(&a(), 1000, "L", FIRST).unwrap();
    // 0 is in use, and so 1 is the next.
    assert_eq!(entry.cart(&a()).unwrap().items.last().unwrap().line, 1);
}

#[test]
fn carts_of_one_handle_share_no_number() {
    let mut entry = entry(&[(1, "L")]);
    let b = cart_id("b");
    entry.add(&b, 1, "L", SECOND).unwrap();
    assert_eq!(entry.cart_of(0).unwrap().cart_id, a().as_str());
    assert_eq!(entry.cart_of(1).unwrap().cart_id, b.as_str());
    assert_eq!(entry.cart(&b).unwrap().generation, SECOND);
    assert!(entry.empty(&b));
    assert!(!entry.empty(&b));
    assert_eq!(items(&entry), [(1, 1)]);
    assert_eq!(entry.cart(&b), None);
    // However many carts there are, the numbers are limited.
    let lines = (1..i64::from(LINES)).map(|number| (number, cart_id(&(number / 100).to_string())));
    for (product_id, cart_id) in lines {
        entry.add(&cart_id, product_id + 1, "L", SECOND).unwrap();
    }
    assert_eq!(entry.add(&cart_id("z"), 1, "L", SECOND), Err(Refusal::Full));
    assert_eq!(entry.cart(&cart_id("z")), None);
}

#[test]
fn what_is_saved_stays_apart() {
    let mut entry = entry(&[(1, "L"), (2, "L")]);
    entry.set_saved(0, true).unwrap();
    entry.add(&a(), 1, "L", FIRST).unwrap();
    let cart = entry.cart(&a()).unwrap();
    assert_eq!(cart.saved().map(|item| item.line).collect::<Vec<_>>(), [0]);
    assert_eq!(
        cart.active().map(|item| item.line).collect::<Vec<_>>(),
        [1, 2]
    );
    entry.set_saved(0, false).unwrap();
    assert_eq!(entry.cart(&a()).unwrap().active().count(), 3);
    assert_eq!(entry.set_saved(9, true), Err(Refusal::NoItem));
}

#[test]
fn what_was_ordered_is_taken_out_and_the_rest_stays() {
    let mut entry = entry(&[(1, "L"), (1, "L"), (2, "L"), (3, "L")]);
    entry.set_saved(2, true).unwrap();
    let order = ordered(&entry);
    // Meanwhile, another client adds.
    entry.add(&a(), 1, "L", FIRST).unwrap();
    entry.add(&a(), 4, "L", FIRST).unwrap();
    assert!(entry.settle(&a(), FIRST, &order, SECOND));
    assert_eq!(items(&entry), [(1, 1), (3, 1), (4, 1)]);
    assert_eq!(entry.cart(&a()).unwrap().generation, SECOND);
}

#[test]
fn a_generation_is_settled_once() {
    let mut entry = entry(&[(1, "L")]);
    let order = ordered(&entry);
    entry.add(&a(), 1, "L", FIRST).unwrap();
    assert!(entry.settle(&a(), FIRST, &order, SECOND));
    assert!(!entry.settle(&a(), FIRST, &order, 33));
    assert_eq!(items(&entry), [(1, 1)]);
    assert!(!entry.settle(&cart_id("b"), FIRST, &order, 33));
}

#[test]
fn a_cart_that_begins_anew_has_another_generation() {
    let mut entry = entry(&[(1, "L")]);
    let order = ordered(&entry);
    assert!(entry.empty(&a()));
    entry.add(&a(), 1, "L", SECOND).unwrap();
    assert!(!entry.settle(&a(), FIRST, &order, 33));
    assert_eq!(items(&entry), [(1, 1)]);
}

#[test]
fn products_that_are_gone_are_dropped() {
    let mut entry = entry(&[(1, "L"), (1, "M"), (2, "L")]);
    entry.drop_products(&a(), &[1, 7]);
    assert_eq!(items(&entry), [(2, 1)]);
    entry.drop_products(&a(), &[2]);
    assert_eq!(entry.cart(&a()), None);
}

#[test]
fn an_entry_is_stored_as_compact_json() {
    let mut entry = entry(&[(1, "L")]);
    entry.add(&a(), 2, "\"é\"", FIRST).unwrap();
    entry.set_saved(1, true).unwrap();
    let text = serde_json::to_string(&entry).unwrap();
    assert_eq!(
        text,
        r#"{"next":2,"carts":[{"cart_id":"aaaaaaaaaaaaaaaaaaaa","generation":11,"items":[{"line":0,"product_id":1,"attributes":"L","quantity":1},{"line":1,"product_id":2,"attributes":"\"é\"","quantity":1,"saved":true}]}]}"#
    );
    assert_eq!(serde_json::from_str::<CartEntry>(&text).unwrap(), entry);
}
