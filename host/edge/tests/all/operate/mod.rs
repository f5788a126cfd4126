//! What operators do to a shop whose nodes are processes of their own: set a
//! clock wrong, change a secret, restore a backup, and upgrade.

mod backup;
mod clock;
mod estate;
mod secrets;
mod upgrade;
