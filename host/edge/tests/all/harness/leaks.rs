//! What no log may hold: every line that a node of these tests writes is
//! looked at.

use std::sync::{Mutex, PoisonError};

/// What was found so far, by nodes in this process.
static FOUND: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Lines that are kept of what was found: enough to see what is wrong.
const MOST: usize = 20;

/// Note a line that a node in this process has written.
pub fn note(line: &str) {
    let Some(what) = leak(line) else { return };
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if found.len() < MOST {
        found.push(format!("{what} in {line}"));
    }
}

/// Fail if any node in this process has logged what it may not: perhaps not
/// that of the test that fails, which is one.
pub fn assert_none() {
    let found = std::mem::take(&mut *FOUND.lock().unwrap_or_else(PoisonError::into_inner));
    assert!(found.is_empty(), "the log of a node holds {found:#?}");
}

/// What a line holds that no log may hold.
pub fn leak(line: &str) -> Option<&'static str> {
    let found = [
        ("a token", has_token(line)),
        ("a card number", has_card(line)),
        ("an e-mail address", has_address(line)),
    ];
    let mut found = found.into_iter().filter(|(_, is_there)| *is_there);
    found.next().map(|(what, _)| what)
}

/// A JSON Web Token: two parts of base64 that begin as JSON objects do.
fn has_token(line: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut words = line.split(|c| !is_part(c));
    words.any(|word| word.starts_with("eyJ") && word.contains(".eyJ"))
}

/// 13 to 19 digits whose sum is a card's, alone or in groups. What follows a
/// slash, a point or a letter is a part of a path, of a fraction or of a name.
fn has_card(line: &str) -> bool {
    line.contains("4242424242424242") || line.contains("4242 4242 4242 4242") || {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
        let mut words = line.split(|c| !is_part(c));
        words.any(|word| {
            (13..=19).contains(&word.len())
                && word.chars().all(|c| c.is_ascii_digit())
                && is_of_a_card(word)
        })
    }
}

/// Luhn's sum, and a beginning that card companies use.
fn is_of_a_card(digits: &str) -> bool {
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let digits: Vec<u32> = digits.chars().filter_map(|c| c.to_digit(10)).collect();
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            if place % 2 == 1 {
                doubled(*digit)
            } else {
                *digit
            }
        })
        .sum();
    // American Express, Visa with its 16 digits, Mastercard.
    let begins = match (digits.first(), digits.get(1)) {
        (Some(3), Some(4 | 7)) => digits.len() == 15,
        (Some(4), _) | (Some(5), Some(1..=5)) => digits.len() == 16,
        _ => false,
    };
    sum.is_multiple_of(10) && begins
}

/// `name@example.com`, but neither `product@0.2.0` nor `n***@example.com`.
fn has_address(line: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "@.+-_%*".contains(c);
    let mut words = line.split(|c| !is_part(c));
    words.any(|word| {
        let Some((name, domain)) = word.split_once('@') else {
            return false;
        };
        let top = domain.trim_end_matches('.').rsplit('.').next();
        let is_top =
            top.is_some_and(|top| top.len() > 1 && top.chars().all(|c| c.is_ascii_alphabetic()));
        domain.contains('.') && is_top && name.ends_with(|c: char| c.is_ascii_alphanumeric())
    })
}

#[test]
fn what_may_not_be_logged_is_found() {
    let token = "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2ln";
    assert_eq!(leak(token), Some("a token"));
    for card in [
        "card 4242424242424242",
        "\"4242 4242 4242 4242\"",
        "n=5555555555554444",
        "378282246310005",
    ] {
        assert_eq!(leak(card), Some("a card number"), "{card}");
    }
    for address in ["to=shopper-7@example.com ", "\"Ada <ada@example.com>\""] {
        assert_eq!(leak(address), Some("an e-mail address"), "{address}");
    }
    let fine = [
        "edge-release: product@0.2.0, by operator (ada@laptop)",
        "to=\"s***@example.com\" mysql://shop:***@127.0.0.1:3306/shop",
        "path=/shoppingcart/update/4242424242424240 duration_ms=0.4242424242424241",
        "eyJustAWord request_id=4111111111111111a",
    ];
    for line in fine {
        assert_eq!(leak(line), None, "{line}");
    }
}
