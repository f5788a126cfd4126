//! Choice of the release that answers a request: the active one, or the canary.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue, Response};

use super::sticky::CanaryCookie;
use crate::guest::Cohort;
use crate::rollout::{ActivePlugin, Match, Notifier, Release, Route, RouteTable};
use crate::runtime::Body;

/// Assignment of clients to canaries, and ending of canaries that fail.
pub struct Trials {
    sticky: CanaryCookie,
    wake: Arc<Notifier>,
}

/// Release that answers a request.
pub(super) struct Chosen {
    /// Route that the path matched.
    pub(super) route: Arc<Route>,
    /// Active release or canary that answers.
    pub(super) release: Arc<Release>,
    /// Indexes of path segments that logs do not show; `None` if the plugin has no secret
    /// parameters.
    pub(super) secrets: Option<Arc<[usize]>>,
    /// Cohort of the client.
    pub(super) draw: Cohort,
    trial: Option<CanaryRouting>,
}

/// Canary of the plugin, whether or not this client gets it.
struct CanaryRouting {
    plugin: Arc<ActivePlugin>,
    cookie: Option<HeaderValue>,
}

impl Trials {
    /// Returns an assignment by `key`, which the shop's nodes share. `wake` notifies the node when
    /// a canary ends on it.
    #[must_use]
    pub fn new(key: [u8; 32], wake: Arc<Notifier>) -> Self {
        Self {
            sticky: CanaryCookie::new(key),
            wake,
        }
    }

    /// Returns the assignment, in which clients with a cookie signed by one of these keys keep
    /// their cohort.
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
        // The cohort is needed without a canary of this plugin too: a plugin that it calls may have
        // one.
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

    /// Counts a reply for the comparison of canary and active release.
    pub(super) fn count(&self, chosen: &Chosen, took: Duration, failed: bool) {
        let Some(trial) = &chosen.trial else { return };
        let (route, release) = (&chosen.route.path, &chosen.release);
        if trial.plugin.count(route, release, took, failed) {
            self.wake.here();
        }
    }

    /// Sets the cookie that keeps the client's cohort.
    pub(super) fn finish(&self, chosen: &Chosen, response: &mut Response<Body>) {
        let Some(trial) = &chosen.trial else { return };
        if let Some(cookie) = &trial.cookie {
            response.headers_mut().append(SET_COOKIE, cookie.clone());
        }
    }
}
