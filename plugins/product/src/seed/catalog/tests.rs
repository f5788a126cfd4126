//! Properties of the written catalog that the rest of the plugin, and the front
//! ends, count on.

use std::collections::HashSet;

use super::{Catalog, Product, catalog};

const NAME: usize = 100;
const DESCRIPTION: usize = 1000;
const IMAGE: usize = 150;

fn written() -> Catalog {
    catalog().expect("the written catalog is valid")
}

fn products(catalog: &Catalog) -> Vec<&Product> {
    catalog
        .categories()
        .flat_map(|category| &category.products)
        .collect()
}

fn values<'a>(catalog: &'a Catalog, attribute: &str) -> &'a [String] {
    let found = catalog.attributes.iter().find(|one| one.name == attribute);
    &found.expect("the attribute exists").values
}

/// Cents of a price with exactly two digits after the point, or nothing.
fn cents(price: &str) -> Option<u32> {
    let (units, cents) = price.split_once('.')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (cents.len() == 2 && digits(units) && digits(cents))
        .then(|| Some(units.parse::<u32>().ok()? * 100 + cents.parse::<u32>().ok()?))
        .flatten()
}

fn assert_unique<'a>(names: impl Iterator<Item = &'a str>) {
    let mut seen = HashSet::new();
    for name in names {
        assert!(seen.insert(name), "{name} is there twice");
    }
}

fn assert_fits(text: &str, column: usize) {
    let characters = text.chars().count();
    assert!(
        (1..=column).contains(&characters),
        "{characters} characters: {text}"
    );
    assert_eq!(text.trim(), text, "blank at an end");
}

#[test]
fn it_has_the_size_of_a_real_shop() {
    let catalog = written();
    assert_eq!(catalog.departments.len(), 3);
    assert_eq!(catalog.categories().count(), 7);
    assert!(products(&catalog).len() >= 112);
    assert_eq!(catalog.attributes.len(), 2);
    assert_eq!(values(&catalog, "Size"), ["S", "M", "L", "XL", "XXL"]);
    assert_eq!(values(&catalog, "Color").len(), 9);
    assert!(catalog.reviews.len() >= 60);
}

#[test]
fn names_and_pictures_are_unique() {
    let catalog = written();
    let products = products(&catalog);
    assert_unique(catalog.departments.iter().map(|one| one.name.as_str()));
    assert_unique(catalog.categories().map(|one| one.name.as_str()));
    assert_unique(products.iter().map(|one| one.name.as_str()));
    assert_unique(products.iter().map(|one| one.description.as_str()));
    assert_unique(products.iter().flat_map(|one| {
        [
            one.image.as_str(),
            one.image_2.as_str(),
            one.thumbnail.as_str(),
        ]
    }));
    for attribute in &catalog.attributes {
        assert_unique(attribute.values.iter().map(String::as_str));
    }
}

#[test]
fn texts_fit_their_columns() {
    let catalog = written();
    for department in &catalog.departments {
        assert_fits(&department.name, NAME);
        assert_fits(&department.description, DESCRIPTION);
    }
    for category in catalog.categories() {
        assert_fits(&category.name, NAME);
        assert_fits(&category.description, DESCRIPTION);
    }
    for product in products(&catalog) {
        assert_fits(&product.name, NAME);
        assert_fits(&product.description, DESCRIPTION);
        for picture in [&product.image, &product.image_2, &product.thumbnail] {
            assert_fits(picture, IMAGE);
        }
    }
}

#[test]
fn descriptions_are_neither_scraps_nor_essays() {
    let catalog = written();
    let lengths = products(&catalog)
        .into_iter()
        .map(|one| one.description.chars().count());
    let lengths: Vec<usize> = lengths.collect();
    assert!(lengths.iter().all(|length| (150..=450).contains(length)));
    // A listing cuts at 200 by default, so both sides of that have to occur.
    assert!(lengths.iter().any(|length| *length <= 200));
    assert!(lengths.iter().any(|length| *length > 200));
}

#[test]
fn prices_are_decimals_and_a_third_are_discounted() {
    let catalog = written();
    let products = products(&catalog);
    let mut discounted = 0;
    for product in &products {
        let price = cents(&product.price).expect("a decimal");
        assert!((995..=3495).contains(&price), "{}", product.name);
        if let Some(lower) = &product.discounted_price {
            let lower = cents(lower).expect("a decimal");
            assert!((1..price).contains(&lower), "{}", product.name);
            discounted += 1;
        }
    }
    let share = discounted as f64 / products.len() as f64;
    assert!((0.25..0.42).contains(&share), "{share}");
}

#[test]
fn every_reference_leads_somewhere() {
    let catalog = written();
    let names: HashSet<&str> = products(&catalog)
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    for review in &catalog.reviews {
        assert!(
            names.contains(review.product.as_str()),
            "{}",
            review.product
        );
    }
    for home in catalog.categories() {
        for product in &home.products {
            assert_unique(product.also_in.iter().map(String::as_str));
            for other in &product.also_in {
                assert!(
                    catalog.categories().any(|one| one.name == *other),
                    "{other}"
                );
                assert_ne!(*other, home.name, "{} is at home there", product.name);
            }
        }
    }
    assert!(products(&catalog).iter().any(|one| !one.also_in.is_empty()));
}

#[test]
fn every_product_has_sizes_and_colours_of_the_shop() {
    let catalog = written();
    for product in products(&catalog) {
        for (chosen, attribute) in [(&product.sizes, "Size"), (&product.colours, "Color")] {
            assert!(!chosen.is_empty(), "{}: {attribute}", product.name);
            assert_unique(chosen.iter().map(String::as_str));
            for value in chosen {
                assert!(values(&catalog, attribute).contains(value), "{value}");
            }
        }
        assert!((0..=3).contains(&product.display), "{}", product.name);
    }
}

#[test]
fn reviews_are_rated_dated_and_signed() {
    let ratings: HashSet<i16> = written().reviews.iter().map(|one| one.rating).collect();
    assert_eq!(ratings, HashSet::from([1, 2, 3, 4, 5]));
    for review in written().reviews {
        assert_fits(&review.name, 50);
        assert_fits(&review.review, DESCRIPTION);
        let shape: String = review
            .created_on
            .chars()
            .map(|one| if one.is_ascii_digit() { '0' } else { one })
            .collect();
        assert_eq!(shape, "0000-00-00T00:00:00.000Z");
        assert!(("2024".."2027").contains(&review.created_on.as_str()));
    }
}

#[test]
fn it_holds_what_trips_up_careless_text_handling() {
    let catalog = written();
    let products = products(&catalog);
    assert!(products.iter().any(|one| one.name == "Arc d'Triomphe"));
    let described = |found: &dyn Fn(&str) -> bool| {
        products
            .iter()
            .filter(|one| found(&one.description))
            .count()
    };
    assert!(
        described(&|text| text.chars().any(|one| one > '\u{1F000}')) >= 2,
        "emoji"
    );
    for mark in [
        "\"",
        "'",
        "&",
        "%",
        "t-shirt",
        "ong-sleeve",
        "beautiful",
        "é",
        "ã",
        "ř",
    ] {
        let named = products
            .iter()
            .filter(|one| one.name.contains(mark))
            .count();
        assert!(named + described(&|text| text.contains(mark)) > 0, "{mark}");
    }
}
