//! Grants of calls between plugins: the interfaces that a plugin may call, and the plugins that may
//! call its own.

use std::collections::{BTreeMap, BTreeSet};

/// Grants of calls of one plugin. An interface name without a version (`shop:orders/orders`) stands
/// for all of its versions, one with a version (`shop:orders/orders@0.1.0`) for that one alone.
#[derive(Debug, Clone, Default)]
pub struct CallGrants {
    /// Interfaces of other plugins that the plugin may call, and requires.
    pub calls: Vec<String>,
    /// Interfaces of other plugins that the plugin may call where they are exported.
    pub optional_calls: Vec<String>,
    /// Plugins that may call this one, by exported interface. An interface that is not listed may
    /// be called by every plugin whose own manifest has the grant.
    pub callers: BTreeMap<String, BTreeSet<String>>,
}

impl CallGrants {
    /// Returns whether the plugin may call `interface` of another plugin.
    #[must_use]
    pub fn may_call(&self, interface: &str) -> bool {
        self.calls.iter().any(|name| covers(name, interface)) || self.is_optional(interface)
    }

    /// Returns whether the plugin may call `interface`, but serves without it too.
    pub(super) fn is_optional(&self, interface: &str) -> bool {
        let mut names = self.optional_calls.iter();
        names.any(|name| covers(name, interface))
    }

    /// Returns whether the plugin `caller` may call `interface`, which this plugin exports.
    #[must_use]
    pub fn admits(&self, interface: &str, caller: &str) -> bool {
        self.callers_of(interface)
            .all(|callers| callers.contains(caller))
    }

    /// Returns the names of the plugins that may call `interface`, separated by commas, for
    /// messages.
    pub(super) fn list_callers(&self, interface: &str) -> String {
        let names: Vec<_> = self.callers_of(interface).flatten().cloned().collect();
        match names.is_empty() {
            true => "nobody".to_owned(),
            false => names.join(", "),
        }
    }

    /// Returns a name in `callers` that matches no interface in `exports`, and so would protect
    /// nothing.
    pub(in crate::runtime) fn without_export(&self, exports: &[String]) -> Option<&str> {
        let is_exported = |name: &str| exports.iter().any(|interface| covers(name, interface));
        let mut names = self.callers.keys().map(String::as_str);
        names.find(|name| !is_exported(name))
    }

    fn callers_of(&self, interface: &str) -> impl Iterator<Item = &BTreeSet<String>> {
        let named = self.callers.iter();
        named
            .filter(move |(name, _)| covers(name, interface))
            .map(|(_, callers)| callers)
    }
}

/// Returns whether the manifest's `name` stands for `interface`.
fn covers(name: &str, interface: &str) -> bool {
    let rest = interface.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: &str = "shop:orders/orders@0.1.0";

    fn exports(interface: &str, callers: &[&str]) -> CallGrants {
        let callers = callers.iter().map(|name| (*name).to_owned()).collect();
        CallGrants {
            callers: [(interface.to_owned(), callers)].into(),
            ..CallGrants::default()
        }
    }

    #[test]
    fn a_name_without_a_version_stands_for_all_of_them_and_for_nothing_longer() {
        let names = [
            ("shop:orders/orders", true),
            (ORDERS, true),
            ("shop:orders/orders@0.1.1", false),
            ("shop:orders/orders@0.1", false),
            ("shop:orders/order", false),
            ("shop:orders", false),
            ("", false),
        ];
        for (name, expected) in names {
            assert_eq!(covers(name, ORDERS), expected, "{name}");
            let calls = CallGrants {
                calls: vec![name.to_owned()],
                ..CallGrants::default()
            };
            assert_eq!(calls.may_call(ORDERS), expected, "{name}");
            assert!(!calls.is_optional(ORDERS), "{name}");
            let optional = CallGrants {
                optional_calls: vec![name.to_owned()],
                ..CallGrants::default()
            };
            assert_eq!(optional.may_call(ORDERS), expected, "{name}");
            assert_eq!(optional.is_optional(ORDERS), expected, "{name}");
        }
        assert!(!CallGrants::default().may_call(ORDERS));
    }

    #[test]
    fn only_named_plugins_call_what_the_manifest_protects() {
        assert!(CallGrants::default().admits(ORDERS, "anybody"));
        for name in [ORDERS, "shop:orders/orders"] {
            let grants = exports(name, &["payment"]);
            assert!(grants.admits(ORDERS, "payment"), "{name}");
            for stranger in ["", "pay", "payments", "Payment"] {
                assert!(!grants.admits(ORDERS, stranger), "{name} {stranger}");
            }
        }
        assert!(!exports(ORDERS, &[]).admits(ORDERS, "payment"));
        assert_eq!(exports(ORDERS, &[]).list_callers(ORDERS), "nobody");
        assert_eq!(exports(ORDERS, &["a", "b"]).list_callers(ORDERS), "a, b");
    }

    #[test]
    fn a_misspelt_export_protects_nothing_and_is_found() {
        let exported = [ORDERS.to_owned()];
        assert_eq!(exports(ORDERS, &[]).without_export(&exported), None);
        let misspelt = exports("shop:order/orders", &[]);
        assert_eq!(
            misspelt.without_export(&exported),
            Some("shop:order/orders")
        );
        let other = exports("shop:orders/orders@0.2.0", &[]);
        assert!(other.without_export(&exported).is_some());
    }
}
