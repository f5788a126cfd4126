//! Who may change the catalog.

use edge_sdk::{Request, Result};

/// The role that changes the catalog.
const ROLE: &str = "merchant";

/// Refuses everybody but merchants.
///
/// # Errors
/// `AUT_01` without a token, `AUT_02` with a bad one, `AUT_03` for another role.
pub(super) fn require(request: &Request) -> Result<()> {
    request.principal_with_role(ROLE).map(|_| ())
}
