//! A plugin as far as it can be known without running anything.

use std::path::Path;

use bundle::Bundle;
use bundle::component::{self, Exports, HandlerKind};

use super::load::LoadError;
use crate::runtime::engine::inspect::InspectError;
use crate::runtime::{Demand, EngineError, Runtime};

/// A bundle, and what its component exports.
#[derive(Clone)]
pub struct Source {
    /// The bundle.
    pub bundle: Bundle,
    /// What the component exports.
    pub exports: Exports,
}

impl Source {
    /// Read the plugin in `folder`.
    ///
    /// # Errors
    /// Names the file that is missing or wrong.
    pub fn read(folder: &Path) -> Result<Self, LoadError> {
        Self::of(Bundle::pack(folder)?)
    }

    /// Look into `bundle`.
    ///
    /// # Errors
    /// When its component is none, or cannot do what the manifest says.
    pub fn of(bundle: Bundle) -> Result<Self, LoadError> {
        let plugin = &bundle.manifest.name;
        let exports = Exports::read(&bundle.wasm).map_err(|source| LoadError::Incompatible {
            plugin: plugin.clone(),
            component: bundle.component.clone(),
            source: InspectError::from(source).into(),
        })?;
        if !bundle.manifest.schedule.is_empty() && !exports.has_schedule {
            return Err(LoadError::NoSchedule(plugin.clone()));
        }
        if exports.keeps_accounts && bundle.manifest.grants.identity.is_none() {
            return Err(LoadError::NoIdentity(plugin.clone()));
        }
        if component::looks_like_debug_build(&bundle.wasm) {
            tracing::warn!(
                plugin,
                component = bundle.component,
                "the component carries debug information, as a debug build does; \
                 build it with optimisation, it is several times faster"
            );
        }
        Ok(Self { bundle, exports })
    }
}

/// Engines with room for all of `sources`, for replacing them, and for `spare`
/// instances of plugins that come later.
///
/// # Errors
/// When not even one instance fits into memory.
pub fn runtime_for<'a>(
    sources: impl IntoIterator<Item = &'a Source>,
    spare: u32,
) -> Result<Runtime, EngineError> {
    let (mut fast, mut standard) = (Demand::default(), Demand::default());
    for source in sources {
        let demand = match source.exports.handler {
            HandlerKind::Record => &mut fast,
            HandlerKind::Http02 | HandlerKind::Http03 => &mut standard,
        };
        let limits = &source.bundle.manifest.limits;
        let instances = limits.instances + source.exports.aside();
        demand.add(instances, limits.memory.as_u64());
    }
    Runtime::new(fast.with_room(spare), standard.with_room(spare))
}
