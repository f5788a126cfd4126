//! Periodic work: mails that reset passwords.

use crate::password_reset;

/// Does a piece of one of the manifest's tasks.
///
/// # Errors
/// Why it was not finished.
pub fn run(task: &str) -> Result<(), String> {
    match task {
        "reset-mail" => password_reset::send_due().map_err(|error| error.to_string()),
        _ => Err(format!("there is no task {task:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_other_tasks() {
        assert_eq!(run("mail"), Err("there is no task \"mail\"".to_owned()));
    }

    #[test]
    fn the_task_is_in_the_manifest() {
        let manifest = include_str!("../plugin.toml");
        assert!(manifest.contains("task = \"reset-mail\""));
    }
}
