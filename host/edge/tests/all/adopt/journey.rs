//! A fork's database is taken over: the shop starts, serves, sells, and loses
//! nothing.

use serde_json::{Value, json};
use test_servers::MariaDb;

use super::check::adopt;
use super::fork::{COLUMNS, DJANGO, Fork, Original, UMLAUTS, WERKZEUG, everything, stores};
use crate::catalog::database::Database;
use crate::shop::{Shop, Shopper};

/// What a customer of a fork finds.
struct Journey {
    fork: Fork,
    /// A word of the name of a product with a price.
    word: &'static str,
    product: i64,
    /// How many products there are.
    products: u64,
    /// Whether Ada can log in with the password that she has.
    ada_logs_in: bool,
    /// Columns that customers change.
    changed: &'static [&'static str],
}

const JOURNEYS: [Journey; 4] = [
    Journey {
        fork: UMLAUTS,
        word: "fohn",
        product: 1,
        products: 3,
        ada_logs_in: false,
        changed: &[],
    },
    Journey {
        fork: COLUMNS,
        word: "panda",
        product: 1,
        products: 2,
        ada_logs_in: true,
        changed: &["product.stock"],
    },
    Journey {
        fork: WERKZEUG,
        word: "saturn",
        product: 1,
        products: 3,
        ada_logs_in: true,
        changed: &[],
    },
    Journey {
        fork: DJANGO,
        word: "guitarra",
        product: 1,
        products: 2,
        ada_logs_in: true,
        changed: &[],
    },
];

#[tokio::test]
async fn umlauts_on_mariadb() {
    JOURNEYS[0].take(MariaDb::shared()).await;
}

#[tokio::test]
async fn umlauts_on_mysql() {
    JOURNEYS[0].take(MariaDb::shared_mysql()).await;
}

#[tokio::test]
async fn columns_on_mariadb() {
    JOURNEYS[1].take(MariaDb::shared()).await;
}

#[tokio::test]
async fn columns_on_mysql() {
    JOURNEYS[1].take(MariaDb::shared_mysql()).await;
}

#[tokio::test]
async fn werkzeug_on_mariadb() {
    JOURNEYS[2].take(MariaDb::shared()).await;
}

#[tokio::test]
async fn django_on_mariadb() {
    JOURNEYS[3].take(MariaDb::shared()).await;
}

impl Journey {
    async fn take(&self, server: &MariaDb) {
        let database = self.fork.restore(server).await;
        let original = Original::read(&database).await;
        let stores = stores(database);
        let shop = Shop::open(stores.clone(), |_| {}).await;
        original.assert_kept(&stores.database, &[]).await;
        self.look_around(&shop.guest()).await;
        if self.ada_logs_in {
            let mut ada = shop.guest();
            ada.email = "ada@example.com".to_owned();
            ada.login().await;
            let orders = ada.success(&ada.get("/orders/inCustomer").await);
            assert!(!orders.as_array().expect("orders").is_empty(), "{orders}");
            self.buy(&ada).await;
        }
        let mut new = shop.guest();
        new.name = "Zoë \u{1f455}".to_owned();
        new.register().await;
        self.buy(&new).await;
        self.review(&new).await;
        original.assert_kept(&stores.database, self.changed).await;
        // The second start finds nothing to do.
        assert!(shop.node.stop().await);
        let before = definitions(&stores.database).await;
        let again = Shop::open(stores.clone(), |_| {}).await;
        self.look_around(&again.guest()).await;
        assert!(again.node.stop().await);
        assert_eq!(definitions(&stores.database).await, before);
    }

    async fn look_around(&self, guest: &Shopper<'_>) {
        let name = self.fork.name;
        for path in ["/departments", "/shipping/regions", "/tax"] {
            let list = guest.success(&guest.get(path).await);
            assert!(
                !list.as_array().expect("a list").is_empty(),
                "{name}: {path}"
            );
        }
        for path in [
            "/products",
            "/products/inCategory/1",
            "/products/inDepartment/1",
        ] {
            let page = guest.success(&guest.get(path).await);
            assert_ne!(page["count"], 0, "{name}: {path}: {page}");
        }
        let page = guest.success(&guest.get("/products").await);
        assert_eq!(page["count"], self.products, "{name}: {page}");
        let path = format!("/products/search?query_string={}", self.word);
        let found = guest.success(&guest.get(&path).await);
        assert_eq!(
            found["rows"][0]["product_id"], self.product,
            "{name}: {found}"
        );
        let path = format!("/products/{}/reviews", self.product);
        let reviews = guest.success(&guest.get(&path).await);
        assert!(!reviews.as_array().expect("reviews").is_empty(), "{name}");
    }

    async fn buy(&self, customer: &Shopper<'_>) {
        let order = customer.order_of(self.product).await;
        let charge = customer.success(&customer.charge(order, "tok_visa").await);
        assert_eq!(charge["paid"], true, "{}: {charge}", self.fork.name);
        let path = format!("/orders/shortDetail/{order}");
        let detail = customer.success(&customer.get(&path).await);
        assert_eq!(detail["status"], 1, "{}: {detail}", self.fork.name);
        assert!(
            detail["shipped_on"].is_null(),
            "{}: {detail}",
            self.fork.name
        );
    }

    async fn review(&self, customer: &Shopper<'_>) {
        let path = format!("/products/{}/reviews", self.product);
        let text = "\u{1f389} Schön!";
        let fields = json!({ "review": text, "rating": 5 });
        customer.success(&customer.post(&path, &fields).await);
        let reviews = customer.success(&customer.get(&path).await);
        let is_new = |review: &&Value| review["review"] == text;
        let new = reviews.as_array().expect("reviews").iter().find(is_new);
        let new = new.unwrap_or_else(|| panic!("{reviews}"));
        assert_eq!(new["name"], customer.name, "{new}");
    }
}

async fn definitions(database: &Database) -> String {
    let all = everything(database).await;
    let is_definition = |line: &&str| !line.starts_with('[') && !line.contains("AUTO_INCREMENT=");
    let lines: Vec<_> = all.lines().filter(is_definition).collect();
    lines.join("\n")
}

/// `edge adopt` leaves nothing to do for the first start.
#[tokio::test]
async fn adopting_runs_the_migrations() {
    let database = WERKZEUG.restore(MariaDb::shared()).await;
    let original = Original::read(&database).await;
    let (code, said, complained) = adopt(&database.url, &[]).await;
    assert_eq!(code, Some(0), "{said}{complained}");
    assert!(
        said.contains("The tables of 4 plugins are up to date"),
        "{said}"
    );
    original.assert_kept(&database, &[]).await;
    let (code, said, complained) = adopt(&database.url, &["--check"]).await;
    assert_eq!(code, Some(0), "{said}{complained}");
    assert_eq!(said.matches("up to date").count(), 4, "{said}");
    let hash = database
        .texts("SELECT password FROM customer WHERE customer_id = 2")
        .await;
    assert!(
        hash[0].starts_with("scrypt:") && hash[0].len() > 100,
        "{hash:?}"
    );
}
