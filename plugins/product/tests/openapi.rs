//! The description of the API has every route, and no other.

#[test]
fn every_route_is_described() {
    let description = serde_saphyr::from_str(include_str!("../openapi.yaml")).unwrap();
    edge_sdk::testing::assert_described(&product::router(), &description);
}
