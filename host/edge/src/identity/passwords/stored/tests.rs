//! Tests with hashes that other back ends store, made by their own libraries: bcrypt 5.0, Werkzeug
//! 3.1, Django 5.2, argon2-cffi 25.1 and passlib 1.7.

use super::*;

const PASSWORD: &str = "Pässword-1 ö";

/// Hashes of [`PASSWORD`] by functions that were made for passwords.
const HASHES: [&str; 21] = [
    "$2a$05$mBAOeAzBnAueL8jWUS69k.fPhzcd37JAhsip/Eu3I4/aMCx.7iFKq",
    "$2b$04$gmSPkaICTejckUm2cpcZiu5Y2v0aAlnrd9BtRBfUWOdpgRufamWEC",
    "$2y$04$gmSPkaICTejckUm2cpcZiu5Y2v0aAlnrd9BtRBfUWOdpgRufamWEC",
    "bcrypt$$2b$04$RVqm.WSlnSmCx2ISiNkaheYS7PLk3HGwiw29PKbJZKUwHlLqCtnoq",
    "bcrypt_sha256$$2b$04$udM4S.2H1iMkzDLMsWYp4e7u4L9lQpCqm/4a1x1.BI36rhFhFrGrK",
    "argon2$argon2id$v=19$m=102400,t=2,p=8$c29tZXNhbHQxMjM0NTY3OA$UuIDrgylSQnoA+38TGzFhum3L9h\
     GiAtcEIyOX0ofMJw",
    "scrypt$16384$abcdefSALT12$8$5$I0Jb5IM+HueW/GIG2UGyq5DHM31GzLzA9d/R86OLf7lnLzH94FpYr7yMm2\
     oR1VIJtqLgQmaNWErEWqIx2z1etQ==",
    "pbkdf2_sha256$1000$saltSALT$V/ca4NKApY2VqEzSPb60NK11HdAUNXedu3EfyCFT9Cs=",
    "pbkdf2_sha1$1000$saltSALT$pus68AdruxTq94oxido/ZjlriqI=",
    "scrypt:32768:8:1$PIGNRNtc1VXbvJv2$da4e18897b54c93cfe6da5bac1241f957a93d6a0e8c5a0313daa0f\
     dd963d4458af766103d70e72f49d14501e6703843ae504ec845a380d3e40b8f805893937c3",
    "pbkdf2:sha256:1000$soEPxFkGvVS6YCDz$0c9da0357cb2ec0f8446f498599d132faa9fdd67c6c482c2c947\
     27e17c0e5f37",
    "pbkdf2:sha1:1000$8DaYWHrgcxXRUg9y$fb916ad06b7e65dadbf072d85eac2f0787a0d7f2",
    "pbkdf2:sha512:1000$l3m2Q0Xs1lFvWZ5a$7170419206b47b0d7795db1de6ba37931a511cd09a582c6461a0\
     ff31e3a6b6bc5f6e386b5747de5baa5d13435558805cbca061057483df348c9d8068fcabdab2",
    "$argon2i$v=19$m=1024,t=3,p=2$i31YKYjnanr0oSZKarJGkA$FOliMWRDVT0VC/fzXRBmoTMEQ1J0vODveX1a\
     RXqjje4",
    "$argon2d$v=19$m=1024,t=3,p=2$9DlxCMPQ8Mdy86H4npEDTg$zLHJo4zj8+7bYVZVlJDKaevMWEH2upkHUexF\
     wJemtIA",
    "$argon2id$v=19$m=1024,t=3,p=2$i5k1SWgutKu8my2oMkwa8Q$jyPuPOB0WO2uXSeX2BfOI4chjERlMXZIGOO\
     5gW302+c",
    "$argon2i$v=16$m=1024,t=2,p=1$c2FsdHNhbHRzYWx0$9C6VSN86apMxflkJj/0CFrfYMgJSR5HgFFuwxFOw9S\
     k",
    "$pbkdf2-sha256$1000$8T4npPS.t9Y6R8gZo7SW8g$Cpf2wOfKGDF3Fc0CjQxdsOfj77vqGaPaWz/ubZzDqpY",
    "$pbkdf2-sha512$1000$svY.Z6yVEiKEcG7Nudd6rw$TyPGm3TvNQ8LrAzTaG7gbfReyzm3LT6E3bcIYzt6Y7VaR\
     zmDrYzWuS7p3G9bsGlAajFd7z2W4QotayIBbL860A",
    "$pbkdf2$1000$wjgnxDgHIKR0LiXEuDfmXA$rc9BoilQvQ2jyaeXteKec7r3Ev0",
    "$scrypt$ln=10,r=8,p=1$NQagFELofa/Vuve+d86Z0w$bEgltLIxtBCrdXC7B88vMknEzZjJdV5fqjILI4uFbFc",
];

/// Digests of [`PASSWORD`], with or without a salt.
const DIGESTS: [(LegacyHash, &str); 8] = [
    (LegacyHash::Md5, "6d1ddad0f7103152b3c3b44dc011df52"),
    (LegacyHash::Sha1, "a53c53edbc650c642e65d8c202772412aad92e99"),
    (
        LegacyHash::Sha256,
        "befccbe5a55609329437189c9db99f7c54883bee98011483267148c675685517",
    ),
    (
        LegacyHash::Sha512,
        "78c9e40ea84b3c76c1c4f07279175dabe7a219ed1381901af1effec4b36ff0e9b987488e5ceea8eafbb913c6149ac701490031667c80fb9686e39a09a81d2539",
    ),
    (
        LegacyHash::Md5,
        "md5$salty$82c505e650dd5ac99824bdba07cea825",
    ),
    (
        LegacyHash::Sha1,
        "sha1$NaCl$53c1f5e0333e0aeb0a8c3b9256310e96c65d5dfc",
    ),
    (
        LegacyHash::Sha256,
        "sha256$NaCl$53a86f7f95e9c06fed1636debf171edbcc6fcd0ee115abb32fefb6ba33a59dda",
    ),
    (
        LegacyHash::Sha1,
        "sha1$salty$aa4a5e8393e426af04d3dc0c62dee50c836d7b9c",
    ),
];

fn parse(stored: &str) -> Result<StoredHash, Unverifiable> {
    StoredHash::parse(stored, &LegacyHashes::default())
}

#[track_caller]
fn assert_verifies(hash: &StoredHash, stored: &str) {
    assert!(hash.matches(PASSWORD), "{stored}");
    for wrong in ["Pässword-1 o", "Pässword-1 ö ", "pässword-1 ö", ""] {
        assert!(!hash.matches(wrong), "{wrong} by {stored}");
    }
    assert!(!hash.is_current(), "{stored}");
}

#[test]
fn hashes_of_other_back_ends_are_verified() {
    for stored in HASHES {
        let hash = parse(stored).unwrap_or_else(|error| panic!("{stored}: {error}"));
        assert_verifies(&hash, stored);
        assert!(!hash.is_fast(), "{stored}");
    }
}

#[test]
fn blanks_around_a_hash_are_those_of_its_column() {
    let padded = format!("{}      ", HASHES[0]);
    assert_verifies(&parse(&padded).expect("a hash"), &padded);
}

#[test]
fn digests_count_where_the_operator_allows_their_kind() {
    for (kind, stored) in DIGESTS {
        let refused = parse(stored).err();
        assert_eq!(refused, Some(Unverifiable::NotAllowed(kind)), "{stored}");
        let others = LegacyHash::ALL.into_iter().filter(|other| *other != kind);
        let refused = StoredHash::parse(stored, &others.collect()).err();
        assert_eq!(refused, Some(Unverifiable::NotAllowed(kind)), "{stored}");
        let allowed = LegacyHashes::from_iter([kind]);
        let hash = StoredHash::parse(stored, &allowed).expect(stored);
        assert_verifies(&hash, stored);
        assert!(hash.is_fast(), "{stored}");
        if !stored.contains('$') {
            let upper = stored.to_uppercase();
            let hash = StoredHash::parse(&upper, &allowed).expect(stored);
            assert_verifies(&hash, &upper);
        }
    }
}

#[test]
fn bcrypt_counts_72_bytes_and_ignores_stray_bits_of_a_salt() {
    let hash = "$2b$04$WKcwTTWFlHAzRQhhnDk31.ZF0Qe.AfX1DdcIc7Y7BB6mnAIem4lAW";
    let hash = parse(hash).expect("a hash");
    assert!(hash.matches(&"x".repeat(72)) && hash.matches(&"x".repeat(80)));
    assert!(!hash.matches(&"x".repeat(71)));
    for last in ["u", "v", "9"] {
        let hash = format!("$2a$04$abcdefghijklmnopqrstu{last}YLNwrEIi78UB6l0JpuMRjb7Oz1DEqYi");
        assert!(parse(&hash).expect("a hash").matches(PASSWORD), "{hash}");
    }
}

#[test]
fn argon2id_is_current_with_our_parameters_or_stronger_ones() {
    let tail = "$bm9ib2R5IG5vYm9keSBubw$bm9ib2R5J3MgaGFzaCBpcyBub3QgYW55b25lJ3MhISE";
    for (parameters, is_current) in [
        ("argon2id$v=19$m=19456,t=2,p=1", true),
        ("argon2id$v=19$m=65536,t=3,p=4", true),
        ("argon2id$v=19$m=19455,t=2,p=1", false),
        ("argon2id$v=19$m=65536,t=1,p=1", false),
        ("argon2id$v=16$m=19456,t=2,p=1", false),
        ("argon2i$v=19$m=19456,t=2,p=1", false),
        ("argon2d$v=19$m=19456,t=2,p=1", false),
    ] {
        let hash = parse(&format!("${parameters}{tail}")).expect(parameters);
        assert_eq!(hash.is_current(), is_current, "{parameters}");
    }
}

/// Hashes from the database must not determine the time and memory of a login.
#[test]
fn no_hash_asks_for_gigabytes_or_hours() {
    let argon2 = |parameters: &str| {
        format!("${parameters}$bm9ib2R5IG5vYm9keSBubw$bm9ib2R5J3MgaGFzaCBpcyBub3QgYW55b25lJ3MhISE")
    };
    let bcrypt =
        |cost: u32| format!("$2b${cost:02}$abcdefghijklmnopqrstuuYLNwrEIi78UB6l0JpuMRjb7Oz1DEqYi");
    let digits = "0".repeat(64);
    let costly = [
        argon2("argon2id$v=19$m=4194304,t=2,p=1"),
        argon2("argon2id$v=19$m=131073,t=1,p=1"),
        argon2("argon2id$v=19$m=19456,t=4294967295,p=1"),
        argon2("argon2id$v=19$m=131072,t=5,p=1"),
        argon2("argon2id$v=19$m=65536,t=2,p=64"),
        format!("argon2{}", argon2("argon2i$v=19$m=2097152,t=1,p=1")),
        bcrypt(15),
        bcrypt(31),
        format!("bcrypt_sha256${}", bcrypt(20)),
        format!("scrypt:1048576:8:1$salt${digits}"),
        format!("scrypt:32768:8:17$salt${digits}"),
        format!("scrypt:2:1048576:1$salt${digits}"),
        format!("scrypt:2:1:536870912$salt${digits}"),
        format!("scrypt:2:1:33554432$salt${digits}"),
        format!("scrypt:4:65535:16384$salt${digits}"),
        "scrypt$4294967296$salt$8$1$AAAAAAAAAAAAAAAAAAAAAA==".to_owned(),
        "$scrypt$ln=30,r=8,p=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        format!("pbkdf2:sha256:4294967295$salt${digits}"),
        format!("pbkdf2:sha1:600000$salt${digits}{digits}"),
        "pbkdf2_sha256$2000001$salt$AAAAAAAAAAAAAAAAAAAAAA==".to_owned(),
        "$pbkdf2-sha512$2000001$c2FsdA$AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
    ];
    for stored in &costly {
        let refused = parse(stored).err();
        assert!(
            matches!(refused, Some(Unverifiable::TooCostly(_))),
            "{stored}: {refused:?}"
        );
    }
}

#[test]
fn what_is_no_hash_verifies_nothing() {
    let strange = [
        "",
        "password",
        "!unusable",
        "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19",
        "$P$B12345678ZqGvKBCQzuwVwzFxqkBbH/",
        "$6$salt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/",
        "$argon2id$v=19$m=19456,t=2,p=1",
        "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IG5vYm9keSBubw",
        "$2b$12$C6UzMDM.H6dfI",
        "$2x$04$abcdefghijklmnopqrstuuYLNwrEIi78UB6l0JpuMRjb7Oz1DEqYi",
        "$2b$03$abcdefghijklmnopqrstuuYLNwrEIi78UB6l0JpuMRjb7Oz1DEqYi",
        "$2b$04$abcdefghijklmnopqrstuüYLNwrEIi78UB6l0JpuMRjb7Oz1DEqY",
        "bcrypt_sha256$",
        "scrypt:32768:8:1$salt$",
        "scrypt:32768:8:1$salt$abcd",
        "scrypt:32767:8:1$salt$00000000000000000000000000000000",
        "scrypt:0:8:1$salt$00000000000000000000000000000000",
        "scrypt:32768:0:1$salt$00000000000000000000000000000000",
        "pbkdf2:sha256:0$salt$00000000000000000000000000000000",
        "pbkdf2:sha256:x$salt$00000000000000000000000000000000",
        "pbkdf2:md4:1000$salt$00000000000000000000000000000000",
        "pbkdf2_sha256$1000$salt$AAAA",
        "6d1ddad0f7103152b3c3b44dc011df5z",
        "sha1$salt$6d1ddad0f7103152b3c3b44dc011df52",
        "plain$$password",
    ];
    let all = LegacyHashes::from_iter(LegacyHash::ALL);
    for stored in strange {
        let refused = StoredHash::parse(stored, &all).err();
        let is_refused = matches!(
            refused,
            Some(Unverifiable::UnknownKind | Unverifiable::Malformed(_))
        );
        assert!(is_refused, "{stored}: {refused:?}");
        // The log line shows nothing of the text, which may be a password.
        let text = refused.expect("refused").to_string();
        assert!(stored.is_empty() || !text.contains(stored), "{text}");
    }
    assert!(StoredHash::parse(&"0".repeat(1 << 20), &all).is_err());
}
