//! Imports and exports of a component, read from its bytes before it is compiled.

use wasmparser::{Encoding, KnownCustom, Name, Parser, Payload};

/// Interface through which requests reach a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandlerKind {
    /// `edge:platform/handler`, with requests as records.
    Record,
    /// `wasi:http/incoming-handler@0.2`.
    Http02,
    /// `wasi:http/handler@0.3`.
    Http03,
}

/// Error of a file that is not a component, or of a component that cannot answer requests.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ComponentError {
    /// The bytes are not WebAssembly, or are truncated.
    #[error("is not a WebAssembly component: {0}")]
    Broken(String),
    /// The file is a core module, without the component model.
    #[error("is a core module, not a component; build it for the target wasm32-wasip2")]
    CoreModule,
    /// The component exports no handler; holds the list of its exports.
    #[error(
        "exports none of edge:platform/handler@0.2, wasi:http/incoming-handler@0.2 and \
         wasi:http/handler@0.3; it exports: {0}"
    )]
    NoHandler(String),
    /// The component was built for another version of the host's interfaces; holds the first of its
    /// imports and exports that says so.
    #[error(
        "is built for {0}, and this host has {PLATFORM_VERSION} of edge:platform: rebuild it with \
         the edge-sdk of this host"
    )]
    OtherPlatform(String),
    /// A function's name is so long that backtraces would be huge; holds its length in bytes.
    #[error("names a function by {0} bytes; at most {LONGEST_NAME}")]
    LongName(usize),
}

/// Maximum length of a function's name in bytes. A trap copies one name for each frame.
const LONGEST_NAME: usize = 64 << 10;

const HANDLERS: [(&str, HandlerKind); 3] = [
    ("edge:platform/handler@0.2", HandlerKind::Record),
    ("wasi:http/incoming-handler@0.2", HandlerKind::Http02),
    ("wasi:http/handler@0.3", HandlerKind::Http03),
];
/// Package of the interfaces between plugins and the host, with its slash.
pub const PLATFORM: &str = "edge:platform/";

/// Version of [`PLATFORM`] that the host has, without its patch.
const PLATFORM_VERSION: &str = "0.2";
const SEED: &str = "edge:platform/seed@0.2";
const SCHEDULE: &str = "edge:platform/schedule@0.2";
const ACCOUNTS: &str = "edge:platform/accounts@0.2";

/// Handler and other exports of a component, known before it is compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exports {
    /// Interface through which requests reach the component.
    pub handler: HandlerKind,
    /// Set if the component exports `edge:platform/seed`, to fill its tables.
    pub can_seed: bool,
    /// Set if the component exports `edge:platform/schedule`, for periodic tasks.
    pub has_schedule: bool,
    /// Set if the component exports `edge:platform/accounts`, to create and change accounts.
    pub keeps_accounts: bool,
    /// Exported interfaces that other plugins may call.
    pub services: Vec<String>,
}

/// Number of instances reserved for jobs, for which no client waits: scheduled tasks, seeding,
/// accounts. Further jobs wait.
const ASIDE: u32 = 4;

impl Exports {
    /// Returns the number of instances reserved for jobs, for which no client waits, whatever the
    /// load.
    #[must_use]
    pub fn aside(&self) -> u32 {
        match self.has_schedule || self.can_seed || self.keeps_accounts {
            true => ASIDE,
            false => 0,
        }
    }

    /// Reads the exports of `wasm`. If it exports several handlers, the record handler is used.
    ///
    /// # Errors
    /// Returns an error if `wasm` is not a component, exports no handler, or has a function name
    /// that is too long.
    pub fn read(wasm: &[u8]) -> Result<Self, ComponentError> {
        let names = names(wasm)?;
        check_platform(&names)?;
        let names = names.exports;
        check_names(wasm)?;
        let exports = |interface: &str| names.iter().any(|name| name.starts_with(interface));
        let handler = HANDLERS
            .into_iter()
            .find(|(interface, _)| exports(interface));
        match handler {
            Some((_, handler)) => Ok(Self {
                handler,
                can_seed: exports(SEED),
                has_schedule: exports(SCHEDULE),
                keeps_accounts: exports(ACCOUNTS),
                services: names.into_iter().filter(|name| is_service(name)).collect(),
            }),
            None => Err(ComponentError::NoHandler(list(&names))),
        }
    }
}

/// Imports and exports of the outermost component.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Names of the imports.
    pub imports: Vec<String>,
    /// Names of the exports.
    pub exports: Vec<String>,
}

/// Reads the names of the imports and exports of `wasm`.
///
/// # Errors
/// Returns an error if `wasm` is not a component.
pub fn names(wasm: &[u8]) -> Result<Names, ComponentError> {
    // Joined to one line, as all messages at startup are.
    let broken = |error: wasmparser::BinaryReaderError| {
        let words: Vec<String> = error
            .to_string()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        ComponentError::Broken(words.join(" "))
    };
    let mut names = Names::default();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(broken)? {
            Payload::Version {
                encoding: Encoding::Module,
                ..
            } if depth == 0 => {
                return Err(ComponentError::CoreModule);
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    names
                        .imports
                        .push(import.map_err(broken)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    names
                        .exports
                        .push(export.map_err(broken)?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

/// Checks that the component uses the host's interfaces in the version that the host has.
fn check_platform(names: &Names) -> Result<(), ComponentError> {
    let mut interfaces = names.imports.iter().chain(&names.exports);
    let other = interfaces.find(|name| {
        let interface = name.strip_prefix(PLATFORM);
        let version = interface.and_then(|interface| interface.split_once('@'));
        let is_hosts = |version: &str| {
            let patch = version.strip_prefix(PLATFORM_VERSION);
            patch.is_some_and(|patch| patch.is_empty() || patch.starts_with('.'))
        };
        version.is_some_and(|(_, version)| !is_hosts(version))
    });
    match other {
        Some(name) => Err(ComponentError::OtherPlatform(name.clone())),
        None => Ok(()),
    }
}

/// Checks that function names are at most [`LONGEST_NAME`] bytes long. Malformed name sections are
/// skipped, as the compiler ignores them too.
fn check_names(wasm: &[u8]) -> Result<(), ComponentError> {
    let payloads = Parser::new(0).parse_all(wasm).map_while(Result::ok);
    for payload in payloads {
        let Payload::CustomSection(section) = payload else {
            continue;
        };
        let KnownCustom::Name(lists) = section.as_known() else {
            continue;
        };
        for list in lists.into_iter().map_while(Result::ok) {
            let Name::Function(names) = list else {
                continue;
            };
            let lengths = names.into_iter().map_while(Result::ok);
            let longest = lengths.map(|naming| naming.name.len()).max().unwrap_or(0);
            if longest > LONGEST_NAME {
                return Err(ComponentError::LongName(longest));
            }
        }
    }
    Ok(())
}

/// Returns whether `name` is an interface between plugins, which belongs neither to WASI nor to the
/// host.
#[must_use]
pub fn is_service(name: &str) -> bool {
    name.contains('/') && !name.starts_with("wasi:") && !name.starts_with(PLATFORM)
}

/// Returns whether `wasm` has debug information, as debug builds do. Such a component is several
/// times slower.
#[must_use]
pub fn looks_like_debug_build(wasm: &[u8]) -> bool {
    Parser::new(0).parse_all(wasm).any(|payload| {
        matches!(payload, Ok(Payload::CustomSection(section)) if section.name() == ".debug_info")
    })
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "nothing".into()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_of(import: &str) -> Names {
        Names {
            imports: vec!["wasi:cli/environment@0.2.6".to_owned(), import.to_owned()],
            exports: vec!["edge:platform/handler@0.2.0".to_owned()],
        }
    }

    #[test]
    fn a_component_for_another_version_of_the_platform_is_told_to_be_rebuilt() {
        for import in [
            "edge:platform/sql@0.1.0",
            "edge:platform/sql@0.20.0",
            "edge:platform/sql@1.2.0",
        ] {
            let refusal = check_platform(&names_of(import))
                .expect_err(import)
                .to_string();
            let expected = format!("is built for {import}, and this host has 0.2 of edge:platform");
            assert!(refusal.starts_with(&expected), "{refusal}");
            assert!(refusal.contains("rebuild it"), "{refusal}");
        }
        for import in [
            "edge:platform/sql@0.2.0",
            "edge:platform/sql@0.2",
            "shop:catalog/catalog@0.1.0",
        ] {
            assert_eq!(check_platform(&names_of(import)), Ok(()), "{import}");
        }
    }
}
