//! One request, as a handler sees it. The modules `body` and `paging` add the
//! methods that read a body, a page or an order.

use std::cell::OnceCell;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::{given, path::Params, urlencoded::pairs};
use crate::bindings::edge::platform::request as host;
use crate::capabilities::context;
use crate::{Codes, Failure, Result, text, values::number::natural, wit};

const BAD_PARAMETER: Failure = Failure::malformed("The parameter is not UTF-8.");
const UNFIT_PARAMETER: Failure = Failure::malformed("The parameter has a wrong value.");

/// One HTTP request.
///
/// Methods that read a request return a mistake of the client as a [`Failure`],
/// to be passed on with `?`. Header fields, the caller and the client are asked
/// for at the host: a reply that may be [kept](https://www.rfc-editor.org/rfc/rfc9111)
/// for others depends on what its handler asked for, and on nothing else.
#[derive(Clone, Debug)]
pub struct Request {
    incoming: Incoming,
    caller: OnceCell<wit::Caller>,
    params: Params,
    codes: &'static Codes,
}

/// A request as it comes in, before a router has found its handler.
#[derive(Clone, Debug)]
pub struct Incoming {
    request: wit::Request,
    facts: Facts,
}

/// Where the facts of a request come from that are asked for.
#[derive(Clone, Debug)]
enum Facts {
    Host,
    /// A test.
    Given(Box<given::Request>),
}

impl Incoming {
    pub(crate) fn path(&self) -> &str {
        &self.request.path
    }

    pub(crate) fn method(&self) -> &str {
        &self.request.method
    }
}

/// Makes a request of the host, as the component's export gets it.
impl From<wit::Request> for Incoming {
    fn from(request: wit::Request) -> Self {
        let facts = Facts::Host;
        Self { request, facts }
    }
}

/// Makes a request of a test.
impl From<given::Request> for Incoming {
    fn from(given: given::Request) -> Self {
        let request = wit::Request {
            method: given.method.clone(),
            path: given.path.clone(),
            query: given.query.clone(),
            body: given.body.clone(),
        };
        let facts = Facts::Given(Box::new(given));
        Self { request, facts }
    }
}

impl Facts {
    fn headers(&self, name: &str) -> Vec<String> {
        match self {
            Self::Host => host::headers(name),
            Self::Given(given) => {
                let named = given.headers.iter();
                let named = named.filter(|(known, _)| known.eq_ignore_ascii_case(name));
                named.map(|(_, value)| value.clone()).collect()
            }
        }
    }

    fn all_headers(&self) -> Vec<(String, String)> {
        match self {
            Self::Host => host::all_headers(),
            Self::Given(given) => given.headers.clone(),
        }
    }

    fn client(&self) -> String {
        match self {
            Self::Host => host::client_address(),
            Self::Given(given) => given.client.clone(),
        }
    }

    fn caller(&self) -> wit::Caller {
        match self {
            Self::Host => context::caller(),
            Self::Given(given) => given.caller.clone(),
        }
    }

    fn id(&self) -> String {
        match self {
            Self::Host => context::request_id(),
            Self::Given(given) => given.id.clone(),
        }
    }

    fn time_left(&self) -> Duration {
        match self {
            Self::Host => context::time_left(),
            Self::Given(given) => given.time_left,
        }
    }
}

impl Request {
    /// Returns a request with the path parameters and the codes of the router.
    pub(crate) fn new(incoming: Incoming, params: Params, codes: &'static Codes) -> Self {
        Self {
            incoming,
            caller: OnceCell::new(),
            params,
            codes,
        }
    }

    /// Returns the request with these codes, as a router with them passes it to a
    /// handler: for tests without a router.
    #[must_use]
    pub fn with_codes(self, codes: &'static Codes) -> Self {
        Self { codes, ..self }
    }

    /// Returns the codes and messages of the failures that are made while the
    /// request is read.
    #[must_use]
    pub fn codes(&self) -> &'static Codes {
        self.codes
    }

    /// Returns the id that names this request in every log line and error reply.
    #[must_use]
    pub fn id(&self) -> String {
        self.incoming.facts.id()
    }

    /// Returns the method, in upper case.
    #[must_use]
    pub fn method(&self) -> &str {
        self.incoming.method()
    }

    /// Returns the path as sent, still percent-encoded, without mount and query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.incoming.path()
    }

    /// Returns the first header field of this name, in any case of letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.header_values(name).into_iter().next()
    }

    /// Returns the values of all header fields of this name, in any case of
    /// letters, in their order.
    #[must_use]
    pub fn header_values(&self, name: &str) -> Vec<String> {
        self.incoming.facts.headers(name)
    }

    /// Returns all header fields, in their order: name in lower case, value. The
    /// reply depends on all of them then, and is never kept for others.
    #[must_use]
    pub fn headers(&self) -> Vec<(String, String)> {
        self.incoming.facts.all_headers()
    }

    /// Returns the IP address of the client, as text.
    #[must_use]
    pub fn client_ip(&self) -> String {
        self.incoming.facts.client()
    }

    /// Former name of [`client_ip`](Self::client_ip).
    #[deprecated(note = "renamed to `client_ip`")]
    #[must_use]
    pub fn client(&self) -> String {
        self.client_ip()
    }

    /// Returns the client as rate limits count it: an IPv4 address, or the /64
    /// network of an IPv6 address, in which one client has 2^64 addresses.
    #[must_use]
    pub fn client_network(&self) -> String {
        let client = self.client_ip();
        let Ok(address) = client.parse::<IpAddr>() else {
            return client;
        };
        match address.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let network = u128::from(address) >> 64 << 64;
                format!("{}/64", Ipv6Addr::from(network))
            }
        }
    }

    /// Returns the caller as the host has verified it: anonymous, rejected or
    /// verified.
    #[must_use]
    pub fn caller(&self) -> &wit::Caller {
        self.caller.get_or_init(|| self.incoming.facts.caller())
    }

    /// Returns the verified caller, for a handler that serves no others.
    ///
    /// # Errors
    /// 401 without a token ([`Codes::no_token`]), and with one that does not hold
    /// ([`Codes::bad_token`]).
    pub fn principal(&self) -> Result<&wit::Principal> {
        match self.caller() {
            wit::Caller::Anonymous => Err(self.codes.no_token()),
            wit::Caller::Rejected => Err(self.codes.bad_token()),
            wit::Caller::Verified(principal) => Ok(principal),
        }
    }

    /// Returns the verified caller, for a handler that serves this role alone.
    ///
    /// # Errors
    /// As [`principal`](Self::principal); 403 for another role
    /// ([`Codes::wrong_role`]).
    pub fn principal_with_role(&self, role: &str) -> Result<&wit::Principal> {
        let principal = self.principal()?;
        if principal.role == role {
            Ok(principal)
        } else {
            Err(self.codes.wrong_role())
        }
    }

    /// Returns the time that is left until the host ends the request.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.incoming.facts.time_left()
    }

    /// Former name of [`time_left`](Self::time_left).
    #[deprecated(note = "renamed to `time_left`")]
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.time_left()
    }

    /// Returns the whole body; empty when there was none.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.incoming.request.body
    }

    /// Returns the query string, as sent: the text after `?`.
    #[must_use]
    pub fn query_string(&self) -> Option<&str> {
        self.incoming.request.query.as_deref()
    }

    /// Returns the decoded path parameter of this name; empty if the route has none.
    ///
    /// # Errors
    /// 400 `HTTP_400` if its percent-encoding does not make UTF-8.
    pub fn param(&self, name: &str) -> Result<&str> {
        self.params.get(name)
    }

    /// Reads the path parameter of this name as the ID of a row: 1 to [`i64::MAX`].
    ///
    /// # Errors
    /// 400 ([`Codes::bad_id`]) if it is anything else; only ASCII digits are read.
    pub fn id_param(&self, name: &str) -> Result<i64> {
        let digits = self.param(name).ok();
        let id = digits
            .and_then(natural)
            .and_then(|id| i64::try_from(id).ok());
        id.filter(|&id| id > 0)
            .ok_or_else(|| self.codes.bad_id().field(name))
    }

    /// Returns the first query parameter of this name, decoded (`+` is a space).
    /// `?name` and `?name=` are the empty text.
    ///
    /// # Errors
    /// 400 `HTTP_400` if its percent-encoding does not make UTF-8.
    pub fn query(&self, name: &str) -> Result<Option<String>> {
        for pair in pairs(
            self.incoming
                .request
                .query
                .as_deref()
                .unwrap_or_default()
                .as_bytes(),
        ) {
            match pair {
                Ok((known, value)) if known == name => return Ok(Some(value.into_owned())),
                Err(error) if error.0 == name => return Err(BAD_PARAMETER.field(name)),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Reads the query parameter of this name as a whole number, by
    /// [`text::natural`]; none if it is missing or blank.
    ///
    /// # Errors
    /// 400 `HTTP_400` for anything else.
    pub fn query_natural(&self, name: &str) -> Result<Option<u64>> {
        self.query_as(name, text::natural)
    }

    /// Reads the query parameter of this name as a boolean, by [`text::switch`];
    /// none if it is missing or blank.
    ///
    /// # Errors
    /// 400 `HTTP_400` for anything else.
    pub fn query_switch(&self, name: &str) -> Result<Option<bool>> {
        self.query_as(name, text::switch)
    }

    fn query_as<T>(&self, name: &str, read: fn(&str) -> Option<T>) -> Result<Option<T>> {
        let text = self.query(name)?.filter(|text| !text.trim().is_empty());
        text.map(|text| read(&text).ok_or_else(|| UNFIT_PARAMETER.field(name)))
            .transpose()
    }
}

/// Makes a request without path parameters and with neutral codes, for tests
/// that need no others.
impl From<given::Request> for Request {
    fn from(given: given::Request) -> Self {
        Self::new(given.into(), Params::default(), &Codes::NEUTRAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::DISTINCT;
    use crate::testing;

    fn with_id(value: &str) -> Request {
        let params = Params::decode([("id", value)].into_iter());
        Request::new(testing::get("/things/1").into(), params, &DISTINCT)
    }

    #[test]
    fn ids_are_positive_integers() {
        for (text, id) in [
            ("1", 1),
            ("01", 1),
            ("2147483648", 2_147_483_648),
            ("9223372036854775807", i64::MAX),
        ] {
            assert_eq!(with_id(text).id_param("id"), Ok(id));
        }
    }

    #[test]
    fn anything_else_is_not_an_id() {
        let bad = [
            "0",
            "00",
            "-1",
            "1.5",
            "1e3",
            "1e309",
            "NaN",
            "9223372036854775808",
            "+1",
            "%201",
            "1%20",
            "0x10",
            "%D9%A1",
            "1_000",
            "%22%22",
            "null",
            "true",
            "[]",
            "{}",
            "abc",
            "%00",
            "1%00",
            "1;DROP",
            "550e8400-e29b-41d4-a716-446655440000",
        ];
        for text in bad {
            let failure = with_id(text).id_param("id").unwrap_err();
            assert_eq!(
                (failure.status(), failure.code()),
                (400, "BAD_ID"),
                "{text}"
            );
            assert_eq!(failure.message(), "No ID.");
            assert_eq!(failure.faulty_field(), Some("id"));
        }
    }

    #[test]
    fn a_parameter_the_route_lacks_is_no_id() {
        assert!(with_id("1").id_param("other").is_err());
        assert_eq!(with_id("1").param("other"), Ok(""));
    }

    #[test]
    fn query_parameters_are_decoded() {
        let request = Request::from(testing::get("/s?q=a+b%26c&empty=&bare&q=second"));
        assert_eq!(request.query("q"), Ok(Some("a b&c".to_owned())));
        assert_eq!(request.query("empty"), Ok(Some(String::new())));
        assert_eq!(request.query("bare"), Ok(Some(String::new())));
        assert_eq!(request.query("Q"), Ok(None));
        assert_eq!(Request::from(testing::get("/s")).query("q"), Ok(None));
    }

    #[test]
    fn a_query_parameter_that_is_not_utf8_is_refused_by_name() {
        let request = Request::from(testing::get("/s?bad=%ff&good=1"));
        let failure = request.query("bad").unwrap_err();
        assert_eq!((failure.status(), failure.code()), (400, "HTTP_400"));
        assert_eq!(failure.faulty_field(), Some("bad"));
        assert_eq!(request.query("good"), Ok(Some("1".to_owned())));
    }

    #[test]
    fn headers_are_found_in_any_case() {
        let given = testing::with_header(testing::get("/"), "USER-KEY", "Bearer x");
        let request = Request::from(testing::with_header(given, "user-key", "second"));
        assert_eq!(request.header("User-Key"), Some("Bearer x".to_owned()));
        assert_eq!(request.header("authorization"), None);
        assert_eq!(request.header_values("user-key"), ["Bearer x", "second"]);
        assert_eq!(request.headers().len(), 2);
    }

    #[test]
    fn only_the_verified_are_let_through() {
        let code = |result: Result<&wit::Principal>| {
            result.map(|principal| principal.id).map_err(|failure| {
                let status = failure.status();
                (status, failure.code().to_owned())
            })
        };
        let request = |given: testing::Request| Request::from(given).with_codes(&DISTINCT);
        let nobody = request(testing::get("/"));
        assert_eq!(code(nobody.principal()), Err((401, "NO_TOKEN".to_owned())));
        let forged = request(testing::with_bad_token(testing::get("/")));
        assert_eq!(code(forged.principal()), Err((401, "BAD_TOKEN".to_owned())));
        let customer = request(testing::as_principal(testing::get("/"), 7, "customer"));
        assert_eq!(code(customer.principal()), Ok(7));
        let merchant = customer.principal_with_role("merchant");
        assert_eq!(code(merchant), Err((403, "WRONG_ROLE".to_owned())));
        assert_eq!(code(customer.principal_with_role("customer")), Ok(7));
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let network = |client: &str| {
            let given = testing::Request {
                client: client.to_owned(),
                ..testing::get("/")
            };
            Request::from(given).client_network()
        };
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(network("2001:db8:1:2::1"), "2001:db8:1:2::/64");
        assert_eq!(network("somebody"), "somebody");
    }

    #[test]
    fn the_rest_is_as_the_host_sent_it() {
        let given = testing::Request {
            time_left: Duration::from_millis(1500),
            ..testing::get("/a%20b?c=d")
        };
        let request = Request::from(given);
        assert_eq!(request.method(), "GET");
        assert_eq!(request.path(), "/a%20b");
        assert_eq!(request.query_string(), Some("c=d"));
        assert_eq!(request.client_ip(), "192.0.2.1");
        assert_eq!(request.time_left(), Duration::from_millis(1500));
        assert_eq!(request.id(), "test");
        assert!(request.body().is_empty());
    }
}
