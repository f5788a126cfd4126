//! The refusals of this service. Those of missing and long fields, and of tokens, are the SDK's.

use edge_sdk::Failure;

/// The token holds, but its customer is gone; or Facebook does not accept its token.
pub const UNAUTHORIZED: Failure = Failure::new(401, "AUT_02", "Access Unauthorized.");

/// The password is not the account's.
pub const WRONG_PASSWORD: Failure = Failure::new(400, "USR_01", "Email or Password is invalid.");

/// This is no e-mail address.
pub const BAD_EMAIL: Failure = Failure::new(400, "USR_03", "The email is invalid.");

/// Somebody else has this e-mail address.
pub const EMAIL_TAKEN: Failure = Failure::new(400, "USR_04", "The email already exists.");

/// Nobody has this e-mail address.
pub const UNKNOWN_EMAIL: Failure = Failure::new(400, "USR_05", "The email doesn't exist.");

/// This is no phone number.
pub const BAD_PHONE: Failure = Failure::new(400, "USR_06", "this is an invalid phone number.");

/// This is no number of a credit card.
pub const BAD_CARD: Failure = Failure::new(400, "USR_08", "this is an invalid Credit Card.");

/// This is no id of a shipping region.
pub const BAD_REGION: Failure = Failure::new(400, "USR_09", "The Shipping Region ID is not number");

/// The password is shorter than it may be.
pub const SHORT_PASSWORD: Failure = Failure::new(
    400,
    "USR_10",
    "The password must have at least 8 characters.",
);

/// The hash of the password is one that nothing can be verified by.
pub const UNVERIFIABLE_PASSWORD: Failure = Failure::new(
    400,
    "USR_11",
    "The password can no longer be checked. Please reset it.",
);

/// The token of a reset is none, was used, or its time is up.
pub const BAD_RESET_TOKEN: Failure = Failure::new(
    400,
    "USR_12",
    "The token is invalid or has expired. Please ask for another.",
);

/// The text holds characters that steer terminals, mails or the direction of reading.
pub const BAD_TEXT: Failure = Failure::malformed("The field must be one line of plain text.");
