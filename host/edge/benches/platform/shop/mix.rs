//! TPC-W's Shopping mix (specification 1.8, clause 5.2), and for each of its
//! fourteen web interactions the route of ours that does its work.
//!
//! | interaction | share | our route |
//! |---|---:|---|
//! | Home | 16.00 % | `GET /products` |
//! | New Products | 5.00 % | `GET /products/inDepartment/{id}` |
//! | Best Sellers | 5.00 % | `GET /products/inCategory/{id}` |
//! | Product Detail | 17.00 % | `GET /products/{id}` |
//! | Search Request | 20.00 % | `GET /departments`, what a search form offers |
//! | Search Results | 17.00 % | `GET /products/search`, two words |
//! | Shopping Cart | 11.60 % | `POST /shoppingcart/add`, which answers the cart |
//! | Customer Registration | 3.00 % | `POST /customers` |
//! | Buy Request | 2.60 % | `POST /customers/login`, a known customer's |
//! | Buy Confirm | 1.20 % | `POST /orders` |
//! | Order Inquiry | 0.75 % | `GET /orders/inCustomer` |
//! | Order Display | 0.66 % | `GET /orders/{id}` |
//! | Admin Request | 0.10 % | `GET /admin/products/{id}` |
//! | Admin Confirm | 0.09 % | `PUT /admin/products/{id}` |
//!
//! The first six are TPC-W's browsing, 80 %; the others its ordering, 20 %.

use anyhow::Context;
use rand::distr::Distribution;
use rand::distr::weighted::WeightedIndex;
use rand::rngs::StdRng;

/// What somebody does at the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Home,
    NewProducts,
    BestSellers,
    ProductDetail,
    SearchRequest,
    SearchResults,
    ShoppingCart,
    CustomerRegistration,
    BuyRequest,
    BuyConfirm,
    OrderInquiry,
    OrderDisplay,
    AdminRequest,
    AdminConfirm,
    /// No interaction of TPC-W's, whose orders are paid when they are placed.
    Payment,
}

/// One of the things that are done, and how often.
pub struct Interaction {
    pub what: What,
    /// TPC-W's name of it, where there is one.
    pub name: &'static str,
    /// Of ten thousand requests, how many are of this kind.
    pub share: u32,
    /// Our route.
    pub route: &'static str,
}

#[rustfmt::skip]
pub const SHOPPING: [Interaction; 14] = [
    of(What::Home, "Home", 1600, "GET /products"),
    of(What::NewProducts, "New Products", 500, "GET /products/inDepartment/{id}"),
    of(What::BestSellers, "Best Sellers", 500, "GET /products/inCategory/{id}"),
    of(What::ProductDetail, "Product Detail", 1700, "GET /products/{id}"),
    of(What::SearchRequest, "Search Request", 2000, "GET /departments"),
    of(What::SearchResults, "Search Results", 1700, "GET /products/search"),
    of(What::ShoppingCart, "Shopping Cart", 1160, "POST /shoppingcart/add"),
    of(What::CustomerRegistration, "Customer Registration", 300, "POST /customers"),
    of(What::BuyRequest, "Buy Request", 260, "POST /customers/login"),
    of(What::BuyConfirm, "Buy Confirm", 120, "POST /orders"),
    of(What::OrderInquiry, "Order Inquiry", 75, "GET /orders/inCustomer"),
    of(What::OrderDisplay, "Order Display", 66, "GET /orders/{id}"),
    of(What::AdminRequest, "Admin Request", 10, "GET /admin/products/{id}"),
    of(What::AdminConfirm, "Admin Confirm", 9, "PUT /admin/products/{id}"),
];

/// One interaction.
pub const fn of(what: What, name: &'static str, share: u32, route: &'static str) -> Interaction {
    Interaction {
        what,
        name,
        share,
        route,
    }
}

/// Draws interactions by their shares.
pub struct Mix {
    interactions: &'static [Interaction],
    shares: WeightedIndex<u32>,
}

impl Mix {
    pub fn new(interactions: &'static [Interaction]) -> anyhow::Result<Self> {
        let shares = interactions.iter().map(|interaction| interaction.share);
        let shares = WeightedIndex::new(shares).context("the shares")?;
        Ok(Self {
            interactions,
            shares,
        })
    }

    /// The next interaction, and its place among all.
    pub fn draw(&self, random: &mut StdRng) -> (usize, What) {
        let place = self.shares.sample(random);
        let drawn = self.interactions.get(place);
        (
            place,
            drawn.map_or(What::Home, |interaction| interaction.what),
        )
    }
}
