//! Imports and exports of a component, read from its bytes before anything
//! compiles it.

use wasmparser::{Encoding, KnownCustom, Name, Parser, Payload};

/// The interface through which requests reach a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandlerKind {
    /// `edge:platform/handler`: a request is a record.
    Record,
    /// `wasi:http/incoming-handler@0.2`.
    Http02,
    /// `wasi:http/handler@0.3`.
    Http03,
}

/// A file that is no component, or one that cannot answer requests.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ComponentError {
    /// Not WebAssembly, or cut off.
    #[error("is not a WebAssembly component: {0}")]
    Broken(String),
    /// WebAssembly, but without the component model.
    #[error("is a core module, not a component; build it for the target wasm32-wasip2")]
    CoreModule,
    /// No interface takes requests.
    #[error(
        "exports none of edge:platform/handler@0.1, wasi:http/incoming-handler@0.2 and \
         wasi:http/handler@0.3; it exports: {0}"
    )]
    NoHandler(String),
    /// A function's name is so long that backtraces would be huge.
    #[error("names a function by {0} bytes; at most {LONGEST_NAME}")]
    LongName(usize),
}

/// Bytes of a function's name, of which a trap copies one for each frame.
const LONGEST_NAME: usize = 64 << 10;

const HANDLERS: [(&str, HandlerKind); 3] = [
    ("edge:platform/handler@0.1", HandlerKind::Record),
    ("wasi:http/incoming-handler@0.2", HandlerKind::Http02),
    ("wasi:http/handler@0.3", HandlerKind::Http03),
];
/// The package of the interfaces between plugins and the host, with its slash.
pub const PLATFORM: &str = "edge:platform/";
const SEED: &str = "edge:platform/seed@0.1";
const SCHEDULE: &str = "edge:platform/schedule@0.1";
const ACCOUNTS: &str = "edge:platform/accounts@0.1";

/// What can be known of a component before it is compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exports {
    /// How requests reach it.
    pub handler: HandlerKind,
    /// Whether it can fill its own tables.
    pub can_seed: bool,
    /// Whether it has periodic work.
    pub has_schedule: bool,
    /// Whether it keeps the accounts.
    pub keeps_accounts: bool,
    /// The interfaces through which other plugins call it.
    pub services: Vec<String>,
}

/// Instances for work that no client waits for: scheduled tasks, seeding,
/// making accounts. More such work at once waits.
const ASIDE: u32 = 4;

impl Exports {
    /// How many instances are set aside for work that no client waits for,
    /// whatever the load.
    #[must_use]
    pub fn aside(&self) -> u32 {
        match self.has_schedule || self.can_seed || self.keeps_accounts {
            true => ASIDE,
            false => 0,
        }
    }

    /// Reads the names of what `wasm` exports. The record handler is used where there are
    /// several.
    ///
    /// # Errors
    /// When `wasm` is no component, or exports no handler.
    pub fn read(wasm: &[u8]) -> Result<Self, ComponentError> {
        let names = names(wasm)?.exports;
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

/// The names that the outermost component imports and exports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// What it needs.
    pub imports: Vec<String>,
    /// What it offers.
    pub exports: Vec<String>,
}

/// Read the names of what `wasm` imports and exports.
///
/// # Errors
/// When it is no component.
pub fn names(wasm: &[u8]) -> Result<Names, ComponentError> {
    // On one line, as every message at start.
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

/// Check that the functions' names are short. What is no list of names is none
/// for the compiler either.
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

/// Whether `name` is an interface between plugins: neither WASI's nor ours.
#[must_use]
pub fn is_service(name: &str) -> bool {
    name.contains('/') && !name.starts_with("wasi:") && !name.starts_with(PLATFORM)
}

/// Whether `wasm` carries debug information, as a debug build does: such a
/// component is several times slower.
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
