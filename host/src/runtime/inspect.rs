//! What a component imports and exports, judged before it is run.

use wasmtime::Engine;
use wasmtime::component::Component;

/// How requests reach a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorKind {
    /// `edge:platform/handler`.
    Fast,
    /// `wasi:http/incoming-handler@0.2`.
    Http02,
    /// `wasi:http/handler@0.3`.
    Http03,
}

/// A component that cannot be a plugin here.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InspectError {
    /// Nothing that a request could be given to.
    #[error(
        "exports none of edge:platform/handler@0.1, wasi:http/incoming-handler@0.2 and \
         wasi:http/handler@0.3; it exports: {0}"
    )]
    NoDoor(String),
    /// An import that no host capability serves.
    #[error("imports {0}, which this host does not provide")]
    UnknownImport(String),
    /// An import that the manifest does not grant.
    #[error("imports {import}, but the manifest has no [{grant}]")]
    NotGranted {
        /// The interface.
        import: String,
        /// The manifest's table that would grant it.
        grant: &'static str,
    },
}

const DOORS: [(&str, DoorKind); 3] = [
    ("edge:platform/handler@0.1", DoorKind::Fast),
    ("wasi:http/incoming-handler@0.2", DoorKind::Http02),
    ("wasi:http/handler@0.3", DoorKind::Http03),
];
const SQL: &str = "edge:platform/sql@0.1";
const SEED: &str = "edge:platform/seed@0.1";

/// The door that `component` offers; the fast one when it offers several.
///
/// # Errors
/// When it offers none.
pub fn door(engine: &Engine, component: &Component) -> Result<DoorKind, InspectError> {
    let exports = exports(engine, component);
    DOORS
        .into_iter()
        .find(|(interface, _)| exports.iter().any(|export| export.starts_with(interface)))
        .map(|(_, kind)| kind)
        .ok_or_else(|| InspectError::NoDoor(list(&exports)))
}

/// Whether `component` can fill its own tables.
#[must_use]
pub fn can_seed(engine: &Engine, component: &Component) -> bool {
    exports(engine, component)
        .iter()
        .any(|export| export.starts_with(SEED))
}

/// Check that the manifest grants what `component` imports.
///
/// # Errors
/// Names the first import that is unknown or not granted.
pub fn check_imports(
    engine: &Engine,
    component: &Component,
    has_database: bool,
) -> Result<(), InspectError> {
    for (import, _) in component.component_type().imports(engine) {
        if import.starts_with(SQL) {
            if !has_database {
                let import = import.to_owned();
                return Err(InspectError::NotGranted {
                    import,
                    grant: "grants.database",
                });
            }
        } else if !import.starts_with("wasi:") {
            return Err(InspectError::UnknownImport(import.to_owned()));
        }
    }
    Ok(())
}

/// Whether `wasm` carries debug information, as a debug build does: such a
/// component is several times slower.
#[must_use]
pub fn looks_like_debug_build(wasm: &[u8]) -> bool {
    use wasmparser::{Parser, Payload};
    Parser::new(0).parse_all(wasm).any(|payload| {
        matches!(payload, Ok(Payload::CustomSection(section)) if section.name() == ".debug_info")
    })
}

fn exports(engine: &Engine, component: &Component) -> Vec<String> {
    let component = component.component_type();
    component
        .exports(engine)
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "nothing".into()
    } else {
        names.join(", ")
    }
}
