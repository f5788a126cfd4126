//! Login for a registry.

use std::env;
use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};
use oci_client::secrets::RegistryAuth;

use super::{RegistryError, Result};

/// Docker Hub's host; its logins are kept under [`HUB_KEY`].
const HUB: &str = "index.docker.io";
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// Output of credential helpers that have no login, which docker treats as no login too.
const NO_CREDENTIALS: &str = "credentials not found";

/// Login of a user, or anonymous access.
pub(super) struct Login {
    pub(super) auth: RegistryAuth,
    /// Name of the user, for messages.
    pub(super) user: Option<String>,
}

impl Login {
    /// Parses the login of a setting, `user:password`.
    pub(super) fn from_setting(text: &str) -> Self {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        Self::basic(user.to_owned(), password.to_owned())
    }

    /// Returns the login that `docker login` keeps for `host`, in its configuration file or in the
    /// credential helper that the file names.
    pub(super) fn from_docker(host: &str) -> Result<Self> {
        let Some(path) = docker_file() else {
            return Ok(Self::anonymous());
        };
        let failed = |reason: String| RegistryError::Login {
            host: host.to_owned(),
            file: path.clone(),
            reason,
        };
        let file = match File::open(&path) {
            Ok(file) => BufReader::new(file),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::anonymous()),
            Err(error) => return Err(failed(error.to_string())),
        };
        let key = if host == HUB { HUB_KEY } else { host };
        match get_credential_from_reader(file, key) {
            Ok(DockerCredential::UsernamePassword(user, password)) => {
                Ok(Self::basic(user, password))
            }
            Ok(DockerCredential::IdentityToken(_)) => Err(failed(
                "it holds an identity token, which only docker can use; set registry_login"
                    .to_owned(),
            )),
            Err(CredentialRetrievalError::NoCredentialConfigured) => Ok(Self::anonymous()),
            Err(CredentialRetrievalError::HelperFailure { stdout, .. })
                if stdout.contains(NO_CREDENTIALS) =>
            {
                Ok(Self::anonymous())
            }
            Err(error) => Err(failed(one_line(&error.to_string()))),
        }
    }

    fn basic(user: String, password: String) -> Self {
        Self {
            auth: RegistryAuth::Basic(user.clone(), password),
            user: Some(user),
        }
    }

    fn anonymous() -> Self {
        Self {
            auth: RegistryAuth::Anonymous,
            user: None,
        }
    }
}

/// Returns the path of docker's configuration file.
fn docker_file() -> Option<PathBuf> {
    let home = || env::var_os("HOME").map(|home| Path::new(&home).join(".docker"));
    let folder = env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    folder
        .or_else(home)
        .map(|folder| folder.join("config.json"))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
