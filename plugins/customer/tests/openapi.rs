//! The description of the API has every route, and no other.

use std::collections::BTreeSet;

use serde_json::Value;

#[test]
fn every_route_is_described() {
    let described: Value = serde_saphyr::from_str(include_str!("../openapi.yaml")).unwrap();
    let paths = described["paths"].as_object().unwrap();
    let described: BTreeSet<_> = paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let router = customer::router();
    let served = router.routes();
    let served: BTreeSet<_> = served
        .map(|(method, path)| (method.to_owned(), path.to_owned()))
        .collect();
    assert_eq!(described, served);
}
