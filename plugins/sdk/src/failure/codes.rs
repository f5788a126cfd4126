//! The failures that the SDK makes by itself, in the words of a service.

use super::Failure;

/// A code for programs, and a sentence for people.
pub type Wording = (&'static str, &'static str);

/// Codes and messages of the failures that the SDK makes by itself, such as that
/// of a page out of range.
///
/// They are neutral unless a service sets its own for its
/// [`Router`](crate::Router::codes):
///
/// ```
/// use edge_sdk::{Codes, Router, testing};
///
/// const CODES: Codes = Codes {
///     bad_id: ("BOK_02", "A book has a whole number."),
///     ..Codes::NEUTRAL
/// };
///
/// let router = Router::new().codes(&CODES).get("/books/{book_id}", |request| {
///     edge_sdk::Response::json(&request.id_param("book_id")?)
/// });
/// let failure = router.dispatch(testing::get("/books/x")).unwrap_err();
/// assert_eq!((failure.status, failure.code.as_str()), (400, "BOK_02"));
/// ```
///
/// A handler that refuses a request for one of these reasons uses the methods of
/// the same names, so that clients see one wording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codes {
    /// 400: fields or parameters are missing or blank.
    pub missing: Wording,
    /// 400: a text is too long. `{field}` in the message stands for the field's name.
    pub too_long: Wording,
    /// 400: a path parameter is not the ID of a row.
    pub bad_id: Wording,
    /// 400: the page or the limit of a list is not a number, or out of range.
    pub bad_page: Wording,
    /// 400: the order of a list is not of the form `field,ASC` or `field,DESC`.
    pub bad_order: Wording,
    /// 400: a list cannot be sorted by this field.
    pub bad_order_field: Wording,
    /// 401: the request has no token.
    pub no_token: Wording,
    /// 401: the request's token is not valid.
    pub bad_token: Wording,
    /// 403: the caller has another role.
    pub wrong_role: Wording,
}

impl Codes {
    /// The platform's own codes, `HTTP_` and the status.
    pub const NEUTRAL: Self = Self {
        missing: ("HTTP_400", "A required field is missing."),
        too_long: ("HTTP_400", "The field is too long."),
        bad_id: ("HTTP_400", "The ID is not a positive whole number."),
        bad_page: ("HTTP_400", "The page or limit is out of range."),
        bad_order: (
            "HTTP_400",
            "The order is not of the form field,ASC or field,DESC.",
        ),
        bad_order_field: ("HTTP_400", "The list cannot be sorted by this field."),
        no_token: ("HTTP_401", "A token is required."),
        bad_token: ("HTTP_401", "The token is not valid."),
        wrong_role: ("HTTP_403", "The caller does not have the required role."),
    };

    /// Returns the failure of fields that are missing or blank, naming them.
    #[must_use]
    pub fn missing(&self, names: &[&str]) -> Failure {
        failure(400, self.missing).field(names.join(","))
    }

    /// Returns the failure of a text that is too long, naming its field.
    #[must_use]
    pub fn too_long(&self, field: &str) -> Failure {
        let (_, message) = self.too_long;
        failure(400, self.too_long)
            .with_message(message.replace("{field}", field))
            .field(field)
    }

    /// Returns the failure of a path parameter that is not the ID of a row.
    #[must_use]
    pub const fn bad_id(&self) -> Failure {
        failure(400, self.bad_id)
    }

    /// Returns the failure of a page or a limit that is out of range.
    #[must_use]
    pub const fn bad_page(&self) -> Failure {
        failure(400, self.bad_page)
    }

    /// Returns the failure of an order of another form.
    #[must_use]
    pub const fn bad_order(&self) -> Failure {
        failure(400, self.bad_order)
    }

    /// Returns the failure of an order by a field that does not sort the list.
    #[must_use]
    pub const fn bad_order_field(&self) -> Failure {
        failure(400, self.bad_order_field)
    }

    /// Returns the failure of a request without a token.
    #[must_use]
    pub const fn no_token(&self) -> Failure {
        failure(401, self.no_token)
    }

    /// Returns the failure of a token that is not valid.
    #[must_use]
    pub const fn bad_token(&self) -> Failure {
        failure(401, self.bad_token)
    }

    /// Returns the failure of a caller with another role.
    #[must_use]
    pub const fn wrong_role(&self) -> Failure {
        failure(403, self.wrong_role)
    }
}

impl Default for &'static Codes {
    fn default() -> Self {
        &Codes::NEUTRAL
    }
}

const fn failure(status: u16, (code, message): Wording) -> Failure {
    Failure::new(status, code, message)
}

/// Codes of a service for tests: a different one for each failure.
#[cfg(test)]
pub(crate) const DISTINCT: Codes = Codes {
    missing: ("MISSING", "Say it all."),
    too_long: ("TOO_LONG", "Too much {field}."),
    bad_id: ("BAD_ID", "No ID."),
    bad_page: ("BAD_PAGE", "No page."),
    bad_order: ("BAD_ORDER", "No order."),
    bad_order_field: ("BAD_ORDER_FIELD", "No field to sort by."),
    no_token: ("NO_TOKEN", "No token."),
    bad_token: ("BAD_TOKEN", "No good token."),
    wrong_role: ("WRONG_ROLE", "Not you."),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_its_own_words() {
        let failure = DISTINCT.missing(&["title", "author"]);
        assert_eq!((failure.status(), failure.code()), (400, "MISSING"));
        assert_eq!(failure.message(), "Say it all.");
        assert_eq!(failure.faulty_field(), Some("title,author"));
        let failure = DISTINCT.too_long("title");
        assert_eq!((failure.status(), failure.code()), (400, "TOO_LONG"));
        assert_eq!(failure.message(), "Too much title.");
        assert_eq!(failure.faulty_field(), Some("title"));
    }

    #[test]
    fn a_neutral_code_is_the_status() {
        let codes = Codes::NEUTRAL;
        for failure in [
            codes.missing(&["a"]),
            codes.too_long("a"),
            codes.bad_id(),
            codes.bad_page(),
            codes.bad_order(),
            codes.bad_order_field(),
            codes.no_token(),
            codes.bad_token(),
            codes.wrong_role(),
        ] {
            assert_eq!(failure.code(), format!("HTTP_{}", failure.status()));
        }
    }
}
