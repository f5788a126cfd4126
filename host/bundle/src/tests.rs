//! Tests of bundles from folders, archives and artifacts.

use super::*;

const MANIFEST: &str =
    "name = \"a\"\nversion = \"1.0.0\"\ncomponent = \"a.wasm\"\nroutes = [\"/a\"]\n";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("its folder");
        std::fs::write(path, text).expect("a file");
    };
    write("plugin.toml", MANIFEST);
    write("a.wasm", "component");
    write("openapi.yaml", "openapi: 3.1.0");
    write("migrations/sqlite/0002_b.sql", "SELECT 2");
    write("migrations/sqlite/0001_a.sql", "SELECT 1");
    write("migrations/sqlite/notes.txt", "none of the bundle's");
    write("migrations/mysql/0001_a.sql", "SELECT 1");
    write("src/lib.rs", "none of the bundle's");
    folder
}

#[test]
fn the_same_folder_makes_the_same_bytes_and_they_come_back() {
    let (one, other) = (folder(), folder());
    let packed = Bundle::pack(one.path()).expect("a bundle");
    let again = Bundle::pack(other.path()).expect("a bundle");
    assert_eq!(packed.bytes(), again.bytes());
    let parsed = Bundle::parse(packed.bytes().clone()).expect("a bundle");
    assert_eq!(parsed.digest(), packed.digest());
    assert_eq!(parsed.manifest.name, "a");
    assert_eq!(&*parsed.wasm, b"component");
    assert_eq!(parsed.openapi.as_deref(), Some("openapi: 3.1.0"));
    assert_eq!(parsed.migrations.sqlite.len(), 2);
    assert_eq!(parsed.migrations.sqlite[0].name, "0001_a.sql");
    assert_eq!(parsed.migrations.mysql[0].sql, "SELECT 1");
}

#[test]
fn segments_make_the_archive_and_are_shared_by_file() {
    let folder = folder();
    let before = Bundle::pack(folder.path()).expect("a bundle");
    let segments = before.segments();
    assert_eq!(segments.len(), 4);
    assert_eq!(&segments.concat(), before.bytes());
    let changed = MANIFEST.replace("1.0.0", "1.0.1");
    std::fs::write(folder.path().join("plugin.toml"), changed).expect("a file");
    let after = Bundle::pack(folder.path()).expect("a bundle");
    assert_ne!(after.digest(), before.digest());
    assert_ne!(after.segments()[0], segments[0]);
    assert_eq!(after.segments()[1..], segments[1..]);

    std::fs::remove_file(folder.path().join("openapi.yaml")).expect("the file");
    std::fs::remove_dir_all(folder.path().join("migrations")).expect("the folder");
    let least = Bundle::pack(folder.path()).expect("a bundle").segments();
    assert_eq!(least.len(), 3);
    assert_eq!(least[1], segments[1]);
}

#[test]
fn a_bundle_is_not_read_under_the_digest_of_another() {
    let packed = Bundle::pack(folder().path()).expect("a bundle");
    let named = Bundle::parse_named(packed.digest(), packed.bytes().clone());
    assert_eq!(named.expect("a bundle").digest(), packed.digest());
    let cut = packed.bytes().slice(..packed.bytes().len() - 1);
    let refused = Bundle::parse_named(packed.digest(), cut).err();
    assert!(matches!(refused, Some(BundleError::OtherDigest { .. })));
}

/// Bytes of an empty component.
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

fn with_component() -> Bundle {
    let folder = folder();
    std::fs::write(folder.path().join("a.wasm"), EMPTY).expect("a component");
    Bundle::pack(folder.path()).expect("a bundle")
}

#[test]
fn an_artifact_makes_the_same_bundle_again() {
    let packed = with_component();
    let config = packed.artifact_config("a signature").expect("an artifact");
    assert_eq!(packed.artifact_config("a signature").expect("one"), config);
    let found = Bundle::of_artifact(&config, packed.wasm.clone());
    let (bundle, signature) = found.expect("a bundle");
    assert_eq!(bundle.bytes(), packed.bytes());
    assert_eq!(signature, "a signature");
}

#[test]
fn an_artifact_that_was_changed_is_refused() {
    let packed = with_component();
    let config = packed.artifact_config("").expect("an artifact");
    let refusal = |config: &str, wasm: &'static [u8]| match Bundle::of_artifact(
        config.as_bytes(),
        Bytes::from_static(wasm),
    ) {
        Ok(_) => panic!("it is a bundle"),
        Err(error) => error.to_string(),
    };
    let config = String::from_utf8(config).expect("JSON");
    assert!(refusal(&config, b"another").contains("parts make"));
    let changed = config.replace("SELECT 2", "SELECT 9");
    assert!(refusal(&changed, EMPTY).contains("parts make"));
    let more = config.replace("openapi.yaml", "more.yaml");
    assert!(refusal(&more, EMPTY).contains("does not belong"));
    assert!(refusal("{}", EMPTY).contains("edge push"));
    assert!(refusal("none", EMPTY).contains("edge push"));
}

#[test]
fn any_change_makes_another_release() {
    let folder = folder();
    let before = Bundle::pack(folder.path()).expect("a bundle").digest();
    std::fs::write(
        folder.path().join("migrations/mysql/0001_a.sql"),
        "SELECT 3",
    )
    .expect("a file");
    assert_ne!(
        Bundle::pack(folder.path()).expect("a bundle").digest(),
        before
    );
}

fn refusal(files: &[(&str, &[u8])]) -> String {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        builder
            .append_data(&mut header, name, *content)
            .expect("an entry");
    }
    let bytes = builder.into_inner().expect("an archive");
    match Bundle::parse(bytes.into()) {
        Ok(_) => panic!("it is a bundle"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_is_no_bundle_is_refused() {
    let manifest = ("plugin.toml", MANIFEST.as_bytes());
    let component = ("component.wasm", b"component".as_slice());
    assert!(refusal(&[]).contains("plugin.toml"));
    assert!(refusal(&[manifest]).contains("component.wasm"));
    assert!(refusal(&[manifest, component, ("x", b"")]).contains("\"x\""));
    let deep = ("migrations/sqlite/a/0001_a.sql", b"".as_slice());
    assert!(refusal(&[manifest, component, deep]).contains("does not belong"));
    let dialect = ("migrations/oracle/0001_a.sql", b"".as_slice());
    assert!(refusal(&[manifest, component, dialect]).contains("does not belong"));
    // Refused, since readers differ in whether the first or the last of two entries wins.
    assert!(refusal(&[manifest, component, component]).contains("does not belong"));
    assert!(refusal(&[component, manifest]).contains("edge bundle"));
    assert!(refusal(&[("plugin.toml", b"name = 1"), component]).contains("plugin.toml"));
    for bytes in [&b""[..], b"no archive", &[0xff; 2048]] {
        assert!(Bundle::parse(Bytes::copy_from_slice(bytes)).is_err());
    }
}
