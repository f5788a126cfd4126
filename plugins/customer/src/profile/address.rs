//! `/customers/address`: where a customer's orders go.

use edge_sdk::{Request, Response, Result, sql};
use serde::Deserialize;

use crate::profile;
use crate::rules::{region, text};

/// Changes the address of a customer, by id. NULL leaves the second line as it
/// is, and the empty text takes it away.
pub const UPDATE: &str = "UPDATE customer SET address_1 = ?, address_2 = NULLIF(COALESCE(?, address_2), ''), \
     city = ?, region = ?, postal_code = ?, country = ?, shipping_region_id = ? WHERE customer_id = ?";

#[derive(Deserialize)]
struct Form {
    address_1: String,
    address_2: Option<String>,
    city: String,
    region: String,
    postal_code: String,
    country: String,
    shipping_region_id: String,
}

/// PUT `/customers/address` with `address_1`, `city`, `region`, `postal_code`,
/// `country` and `shipping_region_id`, and perhaps `address_2`.
///
/// # Errors
/// `AUT_01`, `AUT_02`, `USR_02`, `USR_07`, `USR_09`.
pub fn update(request: &Request) -> Result<Response> {
    let id = request.principal()?.id;
    let fields = request.fields()?;
    fields.required(&[
        "address_1",
        "city",
        "region",
        "postal_code",
        "country",
        "shipping_region_id",
    ])?;
    let form: Form = fields.parse()?;
    let line = |field, text: &str| text::line(field, text, text::MAX_ADDRESS_CHARS);
    let second = form.address_2.map(|text| line("address_2", &text));

    let changed = sql::query(UPDATE)
        .bind(line("address_1", &form.address_1)?)
        .bind(second.transpose()?)
        .bind(line("city", &form.city)?)
        .bind(line("region", &form.region)?)
        .bind(line("postal_code", &form.postal_code)?)
        .bind(line("country", &form.country)?)
        .bind(region::parse(&form.shipping_region_id)?)
        .bind(id)
        .execute()?;
    profile::after(changed, id)
}
