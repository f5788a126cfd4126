//! A mail server that keeps what it is told. It knows nobody called `nobody`,
//! `busy` is busy, and mails to `unheard` arrive though their client is told
//! that they did not.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::harness::in_time;

/// The server; it ends when it is dropped.
pub struct MailServer {
    address: SocketAddr,
    sessions: tokio::sync::Mutex<mpsc::UnboundedReceiver<String>>,
    serving: JoinHandle<()>,
}

impl MailServer {
    /// Start it on a port of its own.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, sessions) = mpsc::unbounded_channel();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // The test may not care.
                let _ = sender.send(serve(stream).await);
            }
        });
        Self {
            address,
            sessions: tokio::sync::Mutex::new(sessions),
            serving,
        }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// All that one client has said.
    pub async fn session(&self) -> String {
        let mut sessions = self.sessions.lock().await;
        in_time("a session", sessions.recv())
            .await
            .expect("a session")
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(stream: TcpStream) -> String {
    let mut stream = BufReader::new(stream);
    let mut said = String::new();
    let mut answer = Some("220 test ESMTP");
    let mut in_data = false;
    loop {
        if let Some(answer) = answer {
            let sent = stream.write_all(format!("{answer}\r\n").as_bytes()).await;
            if sent.is_err() {
                return said;
            }
        }
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return said;
        }
        answer = match line.trim_end() {
            "." if said.contains("<unheard") => Some("451 lost"),
            "." => Some("250 taken"),
            _ if in_data => None,
            "DATA" => Some("354 go on"),
            line if line.contains("<nobody@") => Some("550 no such user"),
            line if line.contains("<busy@") => Some("450 busy"),
            _ => Some("250 fine"),
        };
        in_data = match line.trim_end() {
            "DATA" => true,
            "." => false,
            _ => in_data,
        };
        said += &line;
    }
}
