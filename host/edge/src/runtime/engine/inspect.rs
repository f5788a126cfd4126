//! Checks that a manifest grants what a component imports.

use bundle::component::{ComponentError, PLATFORM, is_service};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::guest::Granted;
use crate::runtime::linking::CallGrants;

/// Error of a component that this host does not accept as a plugin.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InspectError {
    /// The file is no component that answers requests.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The component imports an interface that no host capability provides.
    #[error("imports {0}, which this host does not provide")]
    UnknownImport(String),
    /// The component imports another plugin's interface that the manifest does not name.
    #[error("imports {0}, which another plugin exports, but `calls` in [grants] does not name it")]
    CallNotGranted(String),
    /// The component imports an interface that the manifest does not grant.
    #[error("imports {import}, but the manifest has no {grant}")]
    NotGranted {
        /// Name of the imported interface.
        import: String,
        /// Key of the manifest that would grant it.
        grant: &'static str,
    },
}

const CAPABILITIES: [&str; 7] = [
    "edge:platform/context@0.2",
    "edge:platform/identity@0.2",
    "edge:platform/mail@0.2",
    "edge:platform/metrics@0.2",
    "edge:platform/rate-limit@0.2",
    "edge:platform/request@0.2",
    "edge:platform/sql@0.2",
];

/// Checks that the manifest grants everything that `component` imports.
///
/// # Errors
/// Returns an error that names the first import that is unknown or not granted.
pub fn check_imports(
    engine: &Engine,
    component: &Component,
    granted: &Granted,
    calls: &CallGrants,
) -> Result<(), InspectError> {
    for (import, _) in component.component_type().imports(engine) {
        if is_service(import) && !calls.may_call(import) {
            return Err(InspectError::CallNotGranted(import.to_owned()));
        }
        if let Some(grant) = granted.missing_for(import) {
            let import = import.to_owned();
            return Err(InspectError::NotGranted { import, grant });
        }
        let ours = import.starts_with(PLATFORM);
        if ours && !CAPABILITIES.iter().any(|name| import.starts_with(name)) {
            return Err(InspectError::UnknownImport(import.to_owned()));
        }
    }
    Ok(())
}
