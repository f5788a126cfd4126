//! A bundle with the exports of its component, read without running the
//! component.

use std::path::Path;

use bundle::Bundle;
use bundle::component::{self, Exports, HandlerKind};

use super::load_error::LoadError;
use crate::runtime::engine::inspect::InspectError;
use crate::runtime::{Demand, EngineError, Runtime};

/// Bundle and the exports of its component.
#[derive(Clone)]
pub struct Source {
    /// Bundle that was read.
    pub bundle: Bundle,
    /// Exports of the component.
    pub exports: Exports,
}

impl Source {
    /// Packs the plugin in `folder` into a bundle and reads its exports.
    ///
    /// # Errors
    /// When a file is missing or wrong, or the component does not fit the
    /// manifest; the error names it.
    pub fn read(folder: &Path) -> Result<Self, LoadError> {
        Self::of(Bundle::pack(folder)?)
    }

    /// Reads the exports of the component in `bundle`.
    ///
    /// # Errors
    /// When the component is invalid, or lacks the exports or grants that the
    /// manifest requires.
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

/// Returns a runtime whose engines have slots for the instances of all
/// `sources`, for replacing them, and for `spare` instances of plugins added
/// later.
///
/// # Errors
/// When the address space does not hold even one instance.
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
