//! The refusals of this service. Those that all services share are in `shop_errors`.

use edge_sdk::Failure;
use shop_errors::CODES;

/// Refusal of a token whose customer is gone, or that Facebook does not accept.
pub const UNAUTHORIZED: Failure = CODES.bad_token();

/// Refusal of a password that is not the account's.
pub const WRONG_PASSWORD: Failure = Failure::new(400, "USR_01", "Email or Password is invalid.");

/// Refusal of a text that is no e-mail address.
pub const BAD_EMAIL: Failure = Failure::new(400, "USR_03", "The email is invalid.");

/// Refusal of an e-mail address that somebody else has.
pub const EMAIL_TAKEN: Failure = Failure::new(400, "USR_04", "The email already exists.");

/// Refusal of an e-mail address that nobody has.
pub const UNKNOWN_EMAIL: Failure = Failure::new(400, "USR_05", "The email doesn't exist.");

/// Refusal of a text that is no phone number.
pub const BAD_PHONE: Failure = Failure::new(400, "USR_06", "this is an invalid phone number.");

/// Refusal of a text that is no number of a credit card.
pub const BAD_CARD: Failure = Failure::new(400, "USR_08", "this is an invalid Credit Card.");

/// Refusal of a text that is no id of a shipping region.
pub const BAD_REGION: Failure = Failure::new(400, "USR_09", "The Shipping Region ID is not number");

/// Refusal of a password that is too short.
pub const SHORT_PASSWORD: Failure = Failure::new(
    400,
    "USR_10",
    "The password must have at least 8 characters.",
);

/// Refusal where the stored hash cannot verify any password.
pub const UNVERIFIABLE_PASSWORD: Failure = Failure::new(
    400,
    "USR_11",
    "The password can no longer be checked. Please reset it.",
);

/// Refusal of a reset token that is malformed, used or expired.
pub const BAD_RESET_TOKEN: Failure = Failure::new(
    400,
    "USR_12",
    "The token is invalid or has expired. Please ask for another.",
);

/// Refusal of a text with characters that steer terminals, mails or the
/// direction of reading.
pub const BAD_TEXT: Failure = Failure::malformed("The field must be one line of plain text.");
