//! The twin of the plugin `product`, for the routes that are measured: its
//! statements and its pure functions, called directly.

mod search;

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::Context;
use product::model::{Cents, Product, ProductSummary};
use product::products;
use serde::Serialize;
use sqlx::Result;
use url::form_urlencoded;

use super::counts::Counts;
use super::database::{Database, Parameter, Row};

pub const JSON: &str = "application/json; charset=utf-8";

/// Rows of a page and characters of a description, as in the plugin.
const LIMIT: i64 = 20;
const DESCRIPTION_LENGTH: usize = 200;

/// A catalog: its database, and the counts that are kept for a moment, as the
/// plugin keeps them, but for the whole process.
pub struct Shop {
    database: Database,
    counts: Mutex<Counts>,
}

#[derive(Serialize)]
struct Listing {
    count: i64,
    rows: Vec<ProductSummary>,
}

impl Listing {
    fn new(count: i64, rows: Vec<ProductSummary>) -> Self {
        let rows = rows
            .into_iter()
            .map(|row| row.shortened(DESCRIPTION_LENGTH))
            .collect();
        Self { count, rows }
    }
}

impl Shop {
    /// Open the catalog at `url`, on this many connections.
    pub async fn open(url: &str, connections: u32) -> Result<Self> {
        let database = Database::open(url, connections).await?;
        Ok(Self {
            database,
            counts: Mutex::default(),
        })
    }

    /// The JSON that answers a GET of this path and query.
    pub async fn answer(&self, path: &str, query: &str) -> anyhow::Result<Vec<u8>> {
        let json = match path.strip_prefix("/products") {
            Some("") => {
                let page = parameter(query, "page").context("no page")?.parse()?;
                serde_json::to_vec(&self.list(page).await?)
            }
            Some("/search") => {
                let text = parameter(query, "query_string").context("no query_string")?;
                serde_json::to_vec(&search::search(&self.database, &text).await?)
            }
            rest => {
                let id = rest
                    .and_then(|rest| rest.strip_prefix('/'))
                    .context("no such path")?;
                serde_json::to_vec(&self.one(id.parse()?).await?)
            }
        };
        Ok(json?)
    }

    async fn list(&self, page: i64) -> anyhow::Result<Listing> {
        let bounds = [LIMIT, (page - 1) * LIMIT].map(Parameter::Integer).into();
        let rows = self.database.rows(products::PAGE, bounds, summary).await?;
        Ok(Listing::new(self.count().await?, rows))
    }

    async fn count(&self) -> anyhow::Result<i64> {
        const KEY: (&str, Option<i64>) = (products::COUNT, None);
        let counts = || self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let start = Instant::now();
        if let Some(count) = counts().kept(KEY, start) {
            return Ok(count);
        }
        let rows = self
            .database
            .rows(products::COUNT, Vec::new(), |row| row.get(0))
            .await?;
        let count = rows.into_iter().next().context("no count")?;
        counts().keep(KEY, count, start, Instant::now());
        Ok(count)
    }

    async fn one(&self, id: i64) -> anyhow::Result<Product> {
        let parameters = vec![Parameter::Integer(id)];
        let found = self.database.rows(products::ONE, parameters, whole).await?;
        found.into_iter().next().context("no such product")
    }
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

/// Reads the columns of [`products::PAGE`], which are those of a search too.
fn summary(row: &Row) -> Result<ProductSummary> {
    Ok(ProductSummary {
        product_id: row.get(0)?,
        name: row.get(1)?,
        description: row.get(2)?,
        price: Some(amount(row, 3)?),
        discounted_price: amount(row, 4)?,
        thumbnail: row.get(5)?,
    })
}

/// Reads a price of the shop's own tables, which have no others.
fn amount(row: &Row, column: usize) -> Result<Cents> {
    let text: String = row.get(column)?;
    Cents::rounded(&text).ok_or_else(|| sqlx::Error::Decode(format!("no price: {text}").into()))
}

/// Reads the columns of [`products::ONE`].
fn whole(row: &Row) -> Result<Product> {
    Ok(Product {
        product_id: row.get(0)?,
        name: row.get(1)?,
        description: row.get(2)?,
        price: Some(amount(row, 3)?),
        discounted_price: amount(row, 4)?,
        image: row.get(5)?,
        image_2: row.get(6)?,
        thumbnail: row.get(7)?,
        display: row.get(8)?,
    })
}
