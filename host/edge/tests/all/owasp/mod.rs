//! The OWASP API Security Top 10 of 2023, a file for each risk: what no other
//! test of a subject of its own tries, and where those others are.

mod api10_unsafe_consumption_of_apis;
mod api1_broken_object_level_authorization;
mod api2_broken_authentication;
mod api3_broken_object_property_level_authorization;
mod api4_unrestricted_resource_consumption;
mod api5_broken_function_level_authorization;
mod api6_unrestricted_access_to_sensitive_business_flows;
mod api7_server_side_request_forgery;
mod api8_security_misconfiguration;
mod api9_improper_inventory_management;

use http::Method;

use crate::harness::{Operation, Reply};

/// The method of an operation.
fn method(operation: Operation<'_>) -> Method {
    operation.method.parse().expect("a method")
}

/// Whether the shop's front end has the operation, and not only merchants.
fn is_for_everybody(operation: &Operation<'_>) -> bool {
    !operation.template.starts_with("/admin/")
}

/// The code of a refusal; empty for anything else.
fn code(reply: &Reply) -> String {
    let envelope: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let code = envelope["error"]["code"].as_str();
    code.unwrap_or_default().to_owned()
}

/// Check that it is the client's fault, told in JSON.
#[track_caller]
fn assert_clients_fault(reply: &Reply, what: &str) {
    assert!((400..500).contains(&reply.status), "{what}: {reply:?}");
    assert!(reply.json().is_object(), "{what}: {reply:?}");
}
