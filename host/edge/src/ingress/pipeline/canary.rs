//! Choice of the release that answers a request: the active one, or the canary.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};

use super::canary_cookie::CanaryCookie;
use crate::guest::Cohort;
use crate::rollout::{ActivePlugin, Match, Notifier, Release, Route, RouteTable};

/// Assignment of clients to canaries, and ending of canaries that fail.
pub struct CanaryRouting {
    cookies: CanaryCookie,
    notifier: Arc<Notifier>,
}

/// Release that answers a request.
pub(super) struct Routed {
    /// Route that the path matched.
    pub(super) route: Arc<Route>,
    /// Active release or canary that answers.
    pub(super) release: Arc<Release>,
    /// Indexes of path segments that logs do not show; `None` if the plugin has no secret
    /// parameters.
    pub(super) secrets: Option<Arc<[usize]>>,
    /// Cohort of the client.
    pub(super) cohort: Cohort,
    assignment: Option<Assignment>,
}

/// Side of a client while any plugin has a canary.
struct Assignment {
    plugin: Arc<ActivePlugin>,
    /// Cookie that keeps the client's cohort; `None` if the client has sent it.
    cookie: Option<HeaderValue>,
}

impl CanaryRouting {
    /// Returns an assignment by `key`, which the shop's nodes share. `notifier` wakes the node's
    /// reconciler when a canary ends on it.
    #[must_use]
    pub fn new(key: [u8; 32], notifier: Arc<Notifier>) -> Self {
        Self {
            cookies: CanaryCookie::new(key),
            notifier,
        }
    }

    /// Returns the assignment, in which clients with a cookie signed by one of these keys keep
    /// their cohort.
    #[must_use]
    pub fn accepting(mut self, keys: Vec<[u8; 32]>) -> Self {
        self.cookies = self.cookies.accepting(keys);
        self
    }

    /// Returns the release that answers a client on the route `found`; `None` if the plugin serves
    /// the path by no release of the client's side.
    pub(super) fn choose(
        &self,
        routes: &RouteTable,
        found: &Match<'_, '_>,
        headers: &HeaderMap,
        client: IpAddr,
    ) -> Option<Routed> {
        let Match {
            route,
            plugin,
            path,
            secrets,
        } = found;
        if !routes.has_canaries() {
            return Some(Routed {
                route: Arc::clone(route),
                release: plugin.active.clone(),
                secrets: secrets.clone(),
                cohort: Cohort::NONE,
                assignment: None,
            });
        }
        // The cohort is needed without a canary of this plugin too: a plugin that it calls may have
        // one.
        let (cohort, cookie) = self.cookies.cohort(headers, client);
        Some(Routed {
            route: Arc::clone(route),
            release: plugin.choose(path, cohort)?.clone(),
            secrets: secrets.clone(),
            cohort,
            assignment: Some(Assignment {
                plugin: Arc::clone(plugin),
                cookie,
            }),
        })
    }

    /// Counts a reply for the comparison of canary and active release.
    pub(super) fn count(&self, routed: &Routed, took: Duration, failed: bool) {
        let Some(assignment) = &routed.assignment else {
            return;
        };
        let (route, release) = (&routed.route.path, &routed.release);
        if assignment.plugin.count(route, release, took, failed) {
            self.notifier.here();
        }
    }
}

impl Routed {
    /// Sets the cookie that keeps the client's cohort.
    pub(super) fn keep_cohort(&self, headers: &mut HeaderMap) {
        let cookie = self.assignment.as_ref().and_then(|one| one.cookie.clone());
        if let Some(cookie) = cookie {
            headers.append(SET_COOKIE, cookie);
        }
    }
}
