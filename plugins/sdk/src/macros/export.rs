//! The macros that make a crate a plugin.
//! They expand to nothing but a type check on native targets, so a plugin's own tests run there.

/// Makes the crate a plugin that answers by the [`Router`](crate::Router) of the named function.
///
/// The function takes nothing and returns the router; it runs once for each
/// instance, at its first request.
///
/// ```
/// use edge_sdk::{Request, Response, Result, Router};
///
/// edge_sdk::export!(router);
///
/// fn router() -> Router {
///     Router::new().get("/hello", hello)
/// }
///
/// fn hello(_: &Request) -> Result<Response> {
///     Ok(Response::new(200, "text/plain; charset=utf-8", "Hello!\n"))
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export {
    ($router:path) => {
        const _: fn() -> $crate::Router = $router;

        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "the exports of the component's ABI")]
        const _: () = {
            struct Plugin;

            impl $crate::bindings::exports::edge::platform::handler::Guest for Plugin {
                fn handle(request: $crate::wit::Request) -> $crate::wit::Answer {
                    static ROUTER: ::std::sync::LazyLock<$crate::Router> =
                        ::std::sync::LazyLock::new($router);
                    ROUTER.dispatch(request)
                }
            }

    $crate::bindings::export_handler!(Plugin with_types_in $crate::bindings);
        };
    };
}

/// Exports the named function as `edge:platform/seed`: one bounded step of filling the plugin's tables.
///
/// The function has the type [`Seed`](crate::Seed). The host calls it until
/// `done` reaches `total`.
///
/// ```
/// use edge_sdk::wit::Progress;
///
/// edge_sdk::export_seed!(step);
///
/// fn step(goal: Option<u64>) -> Result<Progress, String> {
///     let total = goal.unwrap_or(0);
///     Ok(Progress { done: total, total })
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export_seed {
    ($step:path) => {
        const _: $crate::Seed = $step;

        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "the exports of the component's ABI")]
        const _: () = {
            struct Seeder;

            impl $crate::bindings::seeder::exports::edge::platform::seed::Guest for Seeder {
                fn step(
                    goal: ::core::option::Option<u64>,
                ) -> ::core::result::Result<$crate::wit::Progress, ::std::string::String> {
                    $step(goal)
                }
            }

            $crate::bindings::seeder::export_seed_world!(
                Seeder with_types_in $crate::bindings::seeder
            );
        };
    };
}

/// Exports the named function as `edge:platform/schedule`: one bounded piece of a task of the manifest.
///
/// The function takes the task's name. It may be cut off at any point, and is
/// called again; its error is logged.
///
/// ```
/// edge_sdk::export_schedule!(run);
///
/// fn run(task: &str) -> Result<(), String> {
///     match task {
///         "tidy" => Ok(()),
///         _ => Err(format!("no task {task}")),
///     }
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export_schedule {
    ($run:path) => {
        const _: $crate::Task = $run;

        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "the exports of the component's ABI")]
        const _: () = {
            struct Scheduled;

            impl $crate::bindings::scheduled::exports::edge::platform::schedule::Guest
                for Scheduled
            {
                fn run(
                    task: ::std::string::String,
                ) -> ::core::result::Result<(), ::std::string::String> {
                    $run(&task)
                }
            }

            $crate::bindings::scheduled::export_schedule_world!(
                Scheduled with_types_in $crate::bindings::scheduled
            );
        };
    };
}

/// Exports the named functions as `edge:platform/accounts`: the first makes an account for
/// `edge user add`, the second changes one for `edge user add --existing`.
///
/// ```
/// use edge_sdk::wit::{Account, AccountError};
///
/// edge_sdk::export_accounts!(add, change);
///
/// fn add(account: Account) -> Result<i64, AccountError> {
///     Err(AccountError::Other(format!("no place for {}", account.name)))
/// }
///
/// fn change(_: Account) -> Result<i64, AccountError> {
///     Err(AccountError::Unknown)
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export_accounts {
    ($add:path, $change:path) => {
        const _: [fn(
            $crate::wit::Account,
        ) -> ::core::result::Result<i64, $crate::wit::AccountError>; 2] = [$add, $change];

        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "the exports of the component's ABI")]
        const _: () = {
            struct Accounts;

            impl $crate::bindings::accounts::exports::edge::platform::accounts::Guest for Accounts {
                fn add(
                    account: $crate::wit::Account,
                ) -> ::core::result::Result<i64, $crate::wit::AccountError> {
                    $add(account)
                }

                fn change(
                    account: $crate::wit::Account,
                ) -> ::core::result::Result<i64, $crate::wit::AccountError> {
                    $change(account)
                }
            }

            $crate::bindings::accounts::export_accounts_world!(
                Accounts with_types_in $crate::bindings::accounts
            );
        };
    };
}
