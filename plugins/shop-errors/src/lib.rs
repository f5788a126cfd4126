//! Error codes of the shop's API that all of its services share. Each service
//! has those of its own resources beside the code that returns them.

use edge_sdk::Codes;

/// Codes and messages, as the contract of the API fixes them, of the failures that
/// the SDK makes.
pub const CODES: Codes = Codes {
    missing: ("USR_02", "The field(s) are/is required."),
    too_long: ("USR_07", "this is too long {field}."),
    bad_id: ("DEP_01", "The ID is not a number."),
    bad_page: ("PAG_03", "The page or limit is out of range."),
    bad_order: ("PAG_01", "The order is not matched 'field,(DESC|ASC)'."),
    bad_order_field: ("PAG_02", "The field of order is not allow sorting."),
    no_token: ("AUT_01", "Authorization code is empty."),
    bad_token: ("AUT_02", "Access Unauthorized."),
    wrong_role: ("AUT_03", "Access Forbidden."),
};
