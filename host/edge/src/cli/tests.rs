//! Texts of the command line.

use clap::CommandFactory;

use super::Arguments;

#[test]
fn help_lists_every_command() {
    let help = Arguments::command().render_long_help();
    insta::assert_snapshot!(help);
}
