//! Which release answers: the active one, or the one on trial.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue, Response};

use super::sticky::CanaryCookie;
use crate::guest::Cohort;
use crate::rollout::{ActivePlugin, Match, Notifier, Release, Route, RouteTable};
use crate::runtime::Body;

/// Draws clients, and ends trials that fail.
pub struct Trials {
    sticky: CanaryCookie,
    wake: Arc<Notifier>,
}

/// The release that answers a request.
pub(super) struct Chosen {
    /// The route that led to it.
    pub(super) route: Arc<Route>,
    /// The release.
    pub(super) release: Arc<Release>,
    /// Places of the path's segments that no log shows; none where the plugin
    /// has no secret parameters.
    pub(super) secrets: Option<Arc<[usize]>>,
    /// The client's draw.
    pub(super) draw: Cohort,
    trial: Option<CanaryRouting>,
}

/// The plugin has a release on trial, whether or not this client meets it.
struct CanaryRouting {
    plugin: Arc<ActivePlugin>,
    cookie: Option<HeaderValue>,
}

impl Trials {
    /// Clients are drawn by `key`, which the shop's nodes share. Where a trial
    /// ends for this node, `wake` lets it say so.
    #[must_use]
    pub fn new(key: [u8; 32], wake: Arc<Notifier>) -> Self {
        Self {
            sticky: CanaryCookie::new(key),
            wake,
        }
    }

    /// The same, with clients that one of these keys has drawn keeping their side.
    #[must_use]
    pub fn accepting(mut self, keys: Vec<[u8; 32]>) -> Self {
        self.sticky = self.sticky.accepting(keys);
        self
    }

    pub(super) fn choose(
        &self,
        routes: &RouteTable,
        found: &Match<'_, '_>,
        headers: &HeaderMap,
        client: IpAddr,
    ) -> Option<Chosen> {
        let Match {
            route,
            plugin,
            path,
            secrets,
        } = found;
        if !routes.has_trials() {
            return Some(Chosen {
                route: Arc::clone(route),
                release: plugin.active.clone(),
                secrets: secrets.clone(),
                draw: Cohort::NONE,
                trial: None,
            });
        }
        // Also where this plugin has none: one that it calls may have.
        let (draw, cookie) = self.sticky.draw(headers, client);
        Some(Chosen {
            route: Arc::clone(route),
            release: plugin.choose(path, draw)?.clone(),
            secrets: secrets.clone(),
            draw,
            trial: Some(CanaryRouting {
                plugin: Arc::clone(plugin),
                cookie,
            }),
        })
    }

    /// Compare what the release answered with what the other one does.
    pub(super) fn count(&self, chosen: &Chosen, took: Duration, failed: bool) {
        let Some(trial) = &chosen.trial else { return };
        let (route, release) = (&chosen.route.path, &chosen.release);
        if trial.plugin.count(route, release, took, failed) {
            self.wake.here();
        }
    }

    /// Let the client keep its draw.
    pub(super) fn finish(&self, chosen: &Chosen, response: &mut Response<Body>) {
        let Some(trial) = &chosen.trial else { return };
        if let Some(cookie) = &trial.cookie {
            response.headers_mut().append(SET_COOKIE, cookie.clone());
        }
    }
}
