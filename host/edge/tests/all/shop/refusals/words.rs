//! What the refusals say.

use crate::catalog::shop::Refusal;

pub const NO_TOKEN: Refusal = Refusal::new(401, "AUT_01", "Authorization code is empty.");
pub const BAD_TOKEN: Refusal = Refusal::new(401, "AUT_02", "Access Unauthorized.");
pub const FORBIDDEN: Refusal = Refusal::new(403, "AUT_03", "Access Forbidden.");

pub const MISSING: Refusal = Refusal::new(400, "USR_02", "The field(s) are/is required.");
pub const BAD_ID: Refusal = Refusal::new(400, "DEP_01", "The ID is not a number.");
pub const BAD_PAGE: Refusal = Refusal::new(400, "PAG_03", "The page or limit is out of range.");
pub const BAD_ORDER: Refusal = Refusal::new(
    400,
    "PAG_01",
    "The order is not matched 'field,(DESC|ASC)'.",
)
.of("order");
pub const BAD_FIELD: Refusal =
    Refusal::new(400, "PAG_02", "The field of order is not allow sorting.").of("order");
pub const BAD_VALUE: Refusal = malformed("The field has a wrong value.");

pub const NO_DEPARTMENT: Refusal =
    Refusal::new(404, "DEP_02", "Don'exist department with this ID.");
pub const NO_CATEGORY: Refusal = Refusal::new(404, "CAT_01", "Don't exist category with this ID.");
pub const NO_ATTRIBUTE: Refusal =
    Refusal::new(404, "ATT_01", "Don't exist attribute with this ID.");
pub const NO_PRODUCT: Refusal = Refusal::new(404, "PRO_01", "Don't exist product with this ID.");
pub const BAD_RATING: Refusal =
    malformed("The field is not a whole number in its range.").of("rating");

pub const WRONG_PASSWORD: Refusal =
    Refusal::new(400, "USR_01", "Email or Password is invalid.").of("password");
pub const BAD_EMAIL: Refusal = Refusal::new(400, "USR_03", "The email is invalid.").of("email");
pub const EMAIL_TAKEN: Refusal =
    Refusal::new(400, "USR_04", "The email already exists.").of("email");
pub const UNKNOWN_EMAIL: Refusal =
    Refusal::new(400, "USR_05", "The email doesn't exist.").of("email");
pub const BAD_PHONE: Refusal = Refusal::new(400, "USR_06", "this is an invalid phone number.");
pub const BAD_CARD: Refusal =
    Refusal::new(400, "USR_08", "this is an invalid Credit Card.").of("credit_card");
pub const BAD_REGION: Refusal =
    Refusal::new(400, "USR_09", "The Shipping Region ID is not number").of("shipping_region_id");
pub const SHORT_PASSWORD: Refusal = Refusal::new(
    400,
    "USR_10",
    "The password must have at least 8 characters.",
)
.of("password");

pub const BAD_RESET_TOKEN: Refusal = Refusal::new(
    400,
    "USR_12",
    "The token is invalid or has expired. Please ask for another.",
)
.of("token");

pub const NO_CART: Refusal =
    Refusal::new(404, "SHP_01", "Don't exist cart with this ID.").of("cart_id");
pub const NO_ITEM: Refusal =
    Refusal::new(404, "SHP_02", "Don't exist item with this ID.").of("item_id");
pub const NO_SHIPPING: Refusal = Refusal::new(404, "SHP_03", "Don't exist shipping with this ID.");
pub const FULL: Refusal = Refusal::new(400, "SHP_04", "A cart has at most 100 items.");
pub const TOO_MANY: Refusal = Refusal::new(400, "SHP_05", "There can be at most 999 of an item.");
pub const BAD_QUANTITY: Refusal =
    malformed("The quantity is not a whole number from 0 to 999.").of("quantity");
pub const NO_TAX: Refusal = Refusal::new(404, "TAX_01", "Don't exist tax with this ID.");

pub const NO_ORDER: Refusal = Refusal::new(404, "ORD_01", "Don't exist order with this ID.");
pub const EMPTY_CART: Refusal = Refusal::new(400, "ORD_02", "The cart is empty.").of("cart_id");
pub const SOLD_OUT: Refusal = Refusal::new(409, "ORD_03", "The last shirt is out of stock.");
pub const GONE: Refusal = Refusal::new(
    409,
    "ORD_04",
    "A product is no longer sold, and was taken out of the cart.",
)
.of("cart_id");
pub const TOO_LARGE: Refusal = Refusal::new(400, "ORD_05", "The order is too large.").of("cart_id");
pub const NOT_TO_BE_SHIPPED: Refusal =
    Refusal::new(409, "ORD_06", "An order that is new cannot become shipped.").of("status");
pub const BAD_STATUS: Refusal =
    malformed("The status is not a whole number from 0 to 4.").of("status");
pub const BAD_KEY: Refusal =
    malformed("The Idempotency-Key is not 1 to 255 printable ASCII characters.")
        .of("Idempotency-Key");
pub const OTHER_BODY: Refusal = Refusal::new(
    422,
    "IDM_02",
    "This Idempotency-Key was used with another body.",
);

pub const DECLINED: Refusal = Refusal::new(402, "PAY_01", "Your card was declined.");
pub const MISMATCH: Refusal = Refusal::new(
    400,
    "PAY_02",
    "The amount or currency does not match the order.",
);
pub const PAID: Refusal = Refusal::new(409, "PAY_03", "The order is already paid.");
pub const CLOSED: Refusal = Refusal::new(409, "PAY_06", "The order can no longer be paid.");
pub const NOT_ACCEPTED: Refusal = Refusal::new(
    400,
    "PAY_07",
    "The payment provider does not accept this payment.",
)
.of("stripeToken");
pub const NO_WEBHOOKS: Refusal =
    malformed("Webhooks are refused: STRIPE_WEBHOOK_SECRET is not set.");

/// A field that is longer than it may be.
pub const fn too_long(field: &'static str, message: &'static str) -> Refusal {
    Refusal::new(400, "USR_07", message).of(field)
}

const fn malformed(message: &'static str) -> Refusal {
    Refusal::new(400, "HTTP_400", message)
}
