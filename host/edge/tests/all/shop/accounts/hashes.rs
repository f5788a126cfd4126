//! Passwords that another back end has hashed.

use edge::config::{LegacyHash, Settings};

use super::{assert_refused, log_in, profile, token_of};
use crate::shop::{PASSWORD, Shop};

/// The password behind all of [`HASHES`].
const INHERITED: &str = "Pässword-1 ö";

/// Hashes as bcrypt 5.0, Django 5.2, Werkzeug 3.1, argon2-cffi 25.1 and passlib
/// 1.7 make them, and plain digests.
const HASHES: [&str; 13] = [
    "$2a$05$mBAOeAzBnAueL8jWUS69k.fPhzcd37JAhsip/Eu3I4/aMCx.7iFKq",
    "$2b$04$gmSPkaICTejckUm2cpcZiu5Y2v0aAlnrd9BtRBfUWOdpgRufamWEC",
    "$2y$04$gmSPkaICTejckUm2cpcZiu5Y2v0aAlnrd9BtRBfUWOdpgRufamWEC",
    "bcrypt_sha256$$2b$04$udM4S.2H1iMkzDLMsWYp4e7u4L9lQpCqm/4a1x1.BI36rhFhFrGrK",
    "argon2$argon2id$v=19$m=102400,t=2,p=8$c29tZXNhbHQxMjM0NTY3OA$UuIDrgylSQnoA+38TGzFhum3L9h\
     GiAtcEIyOX0ofMJw",
    "pbkdf2_sha256$1000$saltSALT$V/ca4NKApY2VqEzSPb60NK11HdAUNXedu3EfyCFT9Cs=",
    "scrypt:32768:8:1$PIGNRNtc1VXbvJv2$da4e18897b54c93cfe6da5bac1241f957a93d6a0e8c5a0313daa0f\
     dd963d4458af766103d70e72f49d14501e6703843ae504ec845a380d3e40b8f805893937c3",
    "pbkdf2:sha256:1000$soEPxFkGvVS6YCDz$0c9da0357cb2ec0f8446f498599d132faa9fdd67c6c482c2c947\
     27e17c0e5f37",
    "$argon2i$v=19$m=1024,t=3,p=2$i31YKYjnanr0oSZKarJGkA$FOliMWRDVT0VC/fzXRBmoTMEQ1J0vODveX1a\
     RXqjje4",
    "$pbkdf2-sha256$1000$8T4npPS.t9Y6R8gZo7SW8g$Cpf2wOfKGDF3Fc0CjQxdsOfj77vqGaPaWz/ubZzDqpY",
    "6d1ddad0f7103152b3c3b44dc011df52",
    "a53c53edbc650c642e65d8c202772412aad92e99",
    "befccbe5a55609329437189c9db99f7c54883bee98011483267148c675685517",
];

/// Hashes by which nothing is verified: of no kind that is known, a password in
/// plain text, more work than any hash may ask for, and a digest that is not
/// allowed.
const UNVERIFIABLE: [&str; 6] = [
    "$P$B12345678ZqGvKBCQzuwVwzFxqkBbH/",
    "Pässword-1 ö",
    "$argon2id$v=19$m=4194304,t=9,p=1$i5k1SWgutKu8my2oMkwa8Q$jyPuPOB0WO2uXSeX2BfOI4chjERlMXZIGOO5gW302+c",
    "$2b$31$gmSPkaICTejckUm2cpcZiu5Y2v0aAlnrd9BtRBfUWOdpgRufamWEC",
    "pbkdf2:sha256:4000000000$soEPxFkGvVS6YCDz$0c9da0357cb2ec0f8446f498599d132faa9fdd67c6c482c2c94727e17c0e5f37",
    "6d1ddad0f7103152b3c3b44dc011df52",
];

fn allow_all(settings: &mut Settings) {
    settings.rate_limits = false;
    settings.legacy_password_hashes = LegacyHash::ALL.into_iter().collect();
}

/// Writes an account as the old back end did, and returns its address.
async fn inherit(shop: &Shop, number: usize, hash: Option<&str>) -> String {
    let email = format!("inherited-{number}@example.com");
    let hash = hash.map_or("NULL".to_owned(), |hash| format!("'{hash}'"));
    let row =
        format!("INSERT INTO customer (name, email, password) VALUES ('Ada', '{email}', {hash})");
    shop.stores.database.execute(&row).await;
    email
}

async fn stored_hash(shop: &Shop, email: &str) -> String {
    let query = format!("SELECT password FROM customer WHERE email = '{email}'");
    shop.stores.database.texts(&query).await.swap_remove(0)
}

#[tokio::test]
async fn an_inherited_password_opens_its_account_and_is_hashed_anew() {
    for shop in Shop::everywhere_with(allow_all).await {
        let guest = shop.guest();
        for (number, hash) in HASHES.into_iter().enumerate() {
            let email = inherit(&shop, number, Some(hash)).await;
            for wrong in ["Pässword-1 o", "Pässword-1 ö ", hash] {
                assert_refused(&log_in(&guest, &email, wrong).await, 400, "USR_01");
            }
            assert_eq!(stored_hash(&shop, &email).await, hash);
            let first = token_of(&log_in(&guest, &email, INHERITED).await);
            let new = stored_hash(&shop, &email).await;
            assert!(
                new.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
                "{hash}: {new}"
            );
            let second = token_of(&log_in(&guest, &email, INHERITED).await);
            assert_eq!(stored_hash(&shop, &email).await, new, "hashed once");
            assert_refused(&log_in(&guest, &email, hash).await, 400, "USR_01");
            // The password is the same, so no session ends.
            for token in [first, second] {
                profile(&shop, &token).await.assert_status(200);
            }
        }
    }
}

#[tokio::test]
async fn who_cannot_be_verified_is_told_to_reset_the_password() {
    for shop in Shop::everywhere_with(|settings| settings.rate_limits = false).await {
        let guest = shop.guest();
        for (number, hash) in UNVERIFIABLE.into_iter().enumerate() {
            let email = inherit(&shop, number, Some(hash)).await;
            for password in [INHERITED, "another password"] {
                let refused = log_in(&guest, &email, password).await;
                assert_refused(&refused, 400, "USR_11");
                assert_eq!(refused.json()["error"]["field"], "password");
            }
            assert_eq!(stored_hash(&shop, &email).await, hash);
        }
        for (number, hash) in [(10, None), (11, Some(""))] {
            let email = inherit(&shop, number, hash).await;
            for password in [INHERITED, "x"] {
                assert_refused(&log_in(&guest, &email, password).await, 400, "USR_01");
            }
        }
        let nobody = log_in(&guest, "nobody@example.com", PASSWORD).await;
        assert_refused(&nobody, 400, "USR_05");
    }
}

/// One of them stores the new hash; the others find it instead of the one that
/// they verified.
#[tokio::test]
async fn logins_at_once_by_an_inherited_hash_all_succeed() {
    for shop in Shop::everywhere_with(allow_all).await {
        let email = inherit(&shop, 0, Some(HASHES[0])).await;
        let guests: Vec<_> = (0..8).map(|_| shop.guest()).collect();
        let logins = guests.iter().map(|guest| log_in(guest, &email, INHERITED));
        for reply in futures_util::future::join_all(logins).await {
            let token = token_of(&reply);
            profile(&shop, &token).await.assert_status(200);
        }
        let new = stored_hash(&shop, &email).await;
        assert!(new.starts_with("$argon2id$"), "{new}");
    }
}
