//! From method and path to the handler that answers.

use std::fmt;

use super::path::Params;
use super::request::Incoming;
use crate::{Codes, Failure, Request, Response, Result, wit};

/// Answers one kind of request: a plain function, synchronous.
pub type Handler = fn(&Request) -> Result<Response>;

const WRONG_METHOD: Failure = Failure::new(405, "HTTP_405", "The method is not allowed here.");
const NOT_FOUND: Failure = Failure::new(404, "HTTP_404", "Endpoint not found.");

/// The routes of a plugin.
///
/// A path is made of literals and parameters: `/books/{book_id}/pages`. Where
/// both match, the literal wins. `/books/` is another path than `/books`; a
/// node asks for the path as the plugin's OpenAPI document spells it, whatever
/// the case of literals in a request, and without a final slash.
///
/// HEAD is answered by the handler of GET, OPTIONS by the list of methods.
/// Another method of a known path is refused with 405 and `allow`, an unknown
/// path with 404.
#[derive(Clone, Default)]
pub struct Router {
    /// From a path to its place in `routes`.
    places: matchit::Router<usize>,
    routes: Vec<Route>,
    codes: &'static Codes,
}

/// One path and the handlers of its methods.
#[derive(Clone)]
struct Route {
    path: String,
    handlers: Vec<(&'static str, Handler)>,
}

impl Router {
    /// Returns a router without routes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the codes and messages of the failures that the SDK makes for these
    /// routes; without them, they are [`Codes::NEUTRAL`].
    #[must_use]
    pub fn codes(self, codes: &'static Codes) -> Self {
        Self { codes, ..self }
    }

    /// Answers GET, and so HEAD, of this path.
    ///
    /// # Panics
    /// If the path is malformed, clashes with another, or has a handler of
    /// this method already: a mistake in the plugin's own code.
    #[must_use]
    pub fn get(self, path: &str, handler: Handler) -> Self {
        self.route("GET", path, handler)
    }

    /// Answers POST of this path.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    #[must_use]
    pub fn post(self, path: &str, handler: Handler) -> Self {
        self.route("POST", path, handler)
    }

    /// Answers PUT of this path.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    #[must_use]
    pub fn put(self, path: &str, handler: Handler) -> Self {
        self.route("PUT", path, handler)
    }

    /// Answers DELETE of this path.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    #[must_use]
    pub fn delete(self, path: &str, handler: Handler) -> Self {
        self.route("DELETE", path, handler)
    }

    /// Returns every method and path that has a handler, in the order of registration.
    pub fn routes(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.routes.iter().flat_map(|route| {
            let methods = route.handlers.iter().map(|(method, _)| *method);
            methods.map(|method| (method, route.path.as_str()))
        })
    }

    /// Answers one request, as the component's export does.
    ///
    /// # Errors
    /// The handler's failure, or the router's own 405 and 400 (a path
    /// parameter whose percent-encoding is broken or does not make UTF-8).
    pub fn dispatch(&self, request: impl Into<Incoming>) -> wit::Answer {
        let response = self.answer(request.into())?;
        Ok(response.into())
    }

    fn answer(&self, request: Incoming) -> Result<Response> {
        let Ok(found) = self.places.at(request.path()) else {
            return Err(NOT_FOUND);
        };
        let Some(route) = self.routes.get(*found.value) else {
            return Err(NOT_FOUND);
        };
        match route.handler(request.method()) {
            Some(handler) => {
                let params = Params::decode(found.params.iter());
                handler(&Request::new(request, params, self.codes))
            }
            None if request.method() == "OPTIONS" => {
                Ok(Response::bare(200, Vec::new()).header("allow", route.allow()))
            }
            None => Err(WRONG_METHOD.header("allow", route.allow())),
        }
    }

    fn route(mut self, method: &'static str, path: &str, handler: Handler) -> Self {
        let known = self.routes.iter_mut().find(|route| route.path == path);
        match known {
            Some(route) => route.add(method, handler),
            None => self.add(path, (method, handler)),
        }
        self
    }

    #[allow(
        clippy::panic,
        reason = "a plugin whose routes are wrong must not start"
    )]
    fn add(&mut self, path: &str, handler: (&'static str, Handler)) {
        if let Err(error) = self.places.insert(path, self.routes.len()) {
            panic!("the route {path} cannot be added: {error}");
        }
        self.routes.push(Route {
            path: path.to_owned(),
            handlers: vec![handler],
        });
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.routes()).finish()
    }
}

impl Route {
    fn add(&mut self, method: &'static str, handler: Handler) {
        let path = &self.path;
        assert!(
            self.handlers.iter().all(|(known, _)| *known != method),
            "the route {method} {path} is there already"
        );
        self.handlers.push((method, handler));
    }

    fn handler(&self, method: &str) -> Option<Handler> {
        let method = if method == "HEAD" { "GET" } else { method };
        let (_, handler) = self.handlers.iter().find(|(known, _)| *known == method)?;
        Some(*handler)
    }

    /// Returns the value of the `allow` header.
    fn allow(&self) -> String {
        let mut methods: Vec<_> = self.handlers.iter().map(|(method, _)| *method).collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        methods.push("OPTIONS");
        methods.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::DISTINCT;
    use crate::testing::{self, get, request};

    fn list(_: &Request) -> Result<Response> {
        Ok(Response::new(200, "text/plain", "list"))
    }

    fn make(_: &Request) -> Result<Response> {
        Ok(Response::new(200, "text/plain", "make"))
    }

    fn one(request: &Request) -> Result<Response> {
        Ok(Response::new(200, "text/plain", request.param("id")?))
    }

    fn part(request: &Request) -> Result<Response> {
        Ok(Response::new(200, "text/plain", request.param("thing_id")?))
    }

    fn refuse(_: &Request) -> Result<Response> {
        Err(Failure::new(404, "PRO_01", "No."))
    }

    fn router() -> Router {
        Router::new()
            .get("/things", list)
            .post("/things", make)
            .get("/things/search", list)
            .get("/things/{id}", one)
            .put("/things/{id}", refuse)
            .get("/things/{thing_id}/parts", part)
            .delete("/things/{thing_id}/parts", refuse)
    }

    fn text(request: testing::Request) -> String {
        String::from_utf8(router().dispatch(request).unwrap().body).unwrap()
    }

    fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
        let (_, value) = headers.iter().find(|(known, _)| known == name)?;
        Some(value)
    }

    #[test]
    fn method_and_path_choose_the_handler() {
        assert_eq!(text(get("/things?page=2")), "list");
        assert_eq!(text(request("POST", "/things")), "make");
        assert_eq!(text(get("/things/7")), "7");
        assert_eq!(text(get("/things/7/parts")), "7");
    }

    #[test]
    fn a_literal_beats_a_parameter() {
        assert_eq!(text(get("/things/search")), "list");
        assert_eq!(text(get("/things/searching")), "searching");
    }

    #[test]
    fn parameters_are_decoded_once() {
        assert_eq!(text(get("/things/a%2Fb%20%E2%82%AC+%2525")), "a/b €+%25");
    }

    #[test]
    fn a_malformed_parameter_is_refused() {
        for path in ["/things/%ff", "/things/%zz", "/things/%"] {
            let failure = router().dispatch(get(path)).unwrap_err();
            assert_eq!((failure.status, failure.code.as_str()), (400, "HTTP_400"));
            assert_eq!(failure.field.as_deref(), Some("id"));
        }
    }

    #[test]
    fn the_failure_of_a_handler_comes_through() {
        let failure = router().dispatch(request("PUT", "/things/7")).unwrap_err();
        assert_eq!((failure.status, failure.code.as_str()), (404, "PRO_01"));
    }

    #[test]
    fn the_codes_of_a_router_reach_its_handlers() {
        fn id(request: &Request) -> Result<Response> {
            Response::json(&request.id_param("id")?)
        }
        let router = Router::new().get("/ids/{id}", id);
        let code = |router: Router| router.dispatch(get("/ids/x")).unwrap_err().code;
        assert_eq!(code(router.clone()), "HTTP_400");
        assert_eq!(code(router.codes(&DISTINCT)), "BAD_ID");
    }

    #[test]
    fn head_is_answered_by_get() {
        assert_eq!(text(request("HEAD", "/things")), "list");
    }

    #[test]
    fn options_lists_the_methods() {
        let response = router().dispatch(request("OPTIONS", "/things")).unwrap();
        assert_eq!(response.status, 200);
        assert!(response.body.is_empty());
        assert_eq!(
            header(&response.headers, "allow"),
            Some("GET, POST, HEAD, OPTIONS")
        );
    }

    #[test]
    fn another_method_is_refused_with_those_allowed() {
        for method in ["DELETE", "PATCH", "TRACE", "get", ""] {
            let failure = router().dispatch(request(method, "/things/7")).unwrap_err();
            assert_eq!((failure.status, failure.code.as_str()), (405, "HTTP_405"));
            assert_eq!(
                header(&failure.headers, "allow"),
                Some("GET, PUT, HEAD, OPTIONS")
            );
        }
    }

    #[test]
    fn an_unknown_path_is_not_found_whatever_the_method() {
        let unknown = [
            "/",
            "",
            "/thing",
            "/things/",
            "/things//parts",
            "//things",
            "/things/7/",
            "/Things",
            "/things/7/parts/1",
        ];
        for path in unknown {
            for method in ["GET", "OPTIONS", "POST"] {
                let failure = router().dispatch(request(method, path)).unwrap_err();
                assert_eq!(failure.code, "HTTP_404", "{path}");
            }
        }
    }

    #[test]
    fn routes_are_listed_as_registered() {
        let router = router();
        let routes: Vec<_> = router.routes().collect();
        assert_eq!(routes.len(), 7);
        assert_eq!(
            routes[..3],
            [
                ("GET", "/things"),
                ("POST", "/things"),
                ("GET", "/things/search")
            ]
        );
    }

    #[test]
    #[should_panic(expected = "GET /things is there already")]
    fn a_route_has_one_handler() {
        let _ = router().get("/things", one);
    }

    #[test]
    #[should_panic(expected = "/other/{ cannot be added")]
    fn a_malformed_route_cannot_be_added() {
        let _ = router().get("/other/{", one);
    }
}
