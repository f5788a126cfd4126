//! A server that speaks as much of MySQL's protocol as it takes to be asked who
//! it is, for versions and refusals that no server at hand has.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the server says to a statement.
pub enum Answer {
    /// It is done.
    Done,
    /// The server refuses, with this error's number and text.
    Refused(u16, &'static str),
    /// One row of texts.
    Row(Vec<String>),
    /// One row of one number.
    Number(i64),
}

/// A server at work until the process ends.
pub struct FakeMySql {
    port: u16,
    statements: Arc<Mutex<Vec<String>>>,
}

type Script = dyn Fn(&str) -> Answer + Send + Sync;

impl FakeMySql {
    /// Starts a server that greets as `version` and says to every statement what
    /// `answer` does. It lets everybody in.
    pub fn start(
        version: &'static str,
        answer: impl Fn(&str) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let statements = Arc::<Mutex<Vec<String>>>::default();
        let answer: Arc<Script> = Arc::new(answer);
        let heard = statements.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, heard) = (answer.clone(), heard.clone());
                // A client that goes away ends its own connection alone.
                thread::spawn(move || serve(stream, version, &*answer, &heard));
            }
        });
        Self { port, statements }
    }

    /// The URL of a database there.
    pub fn url(&self) -> String {
        format!("mysql://shop@127.0.0.1:{}/shop", self.port)
    }

    /// All statements that it was sent.
    pub fn statements(&self) -> Vec<String> {
        self.statements.lock().expect("no panic").clone()
    }
}

/// What the answer to the node's first question is.
pub fn facts(version: &str) -> Answer {
    Answer::Row(vec![version.to_owned(), "67108864".to_owned()])
}

/// Whether `statement` is that question.
pub fn asks_for_facts(statement: &str) -> bool {
    statement.contains("@@max_allowed_packet")
}

const OK: [u8; 7] = [0, 0, 0, 2, 0, 0, 0];
const EOF: [u8; 5] = [0xfe, 0, 0, 2, 0];

/// Kinds of columns.
const VARCHAR: u8 = 0xfd;
const BIGINT: u8 = 8;

/// A flag of a column.
const UNSIGNED: u16 = 0x20;

/// PROTOCOL_41, CONNECT_WITH_DB, SECURE_CONNECTION and PLUGIN_AUTH: no TLS.
const CAPABILITIES: u32 = 0x200 | 0x8 | 0x8000 | 0x8_0000;

fn serve(
    stream: TcpStream,
    version: &str,
    answer: &Script,
    heard: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let mut client = Packets { stream, number: 0 };
    client.send(&greeting(version))?;
    client.receive()?;
    client.send(&OK)?;
    loop {
        client.number = 0;
        let command = client.receive()?;
        let Some((kind, text)) = command.split_first() else {
            return Ok(());
        };
        match kind {
            // QUIT
            1 => return Ok(()),
            // QUERY
            3 => {
                let statement = String::from_utf8_lossy(text).into_owned();
                let said = answer(&statement);
                heard.lock().expect("no panic").push(statement);
                client.answer(&said)?;
            }
            _ => client.answer(&Answer::Done)?,
        }
    }
}

fn greeting(version: &str) -> Vec<u8> {
    let [a, b, c, d] = CAPABILITIES.to_le_bytes();
    let mut packet = vec![10];
    packet.extend(version.as_bytes());
    packet.push(0);
    packet.extend(7_u32.to_le_bytes());
    packet.extend([b'x'; 8]);
    packet.push(0);
    packet.extend([a, b]);
    packet.push(45);
    packet.extend(2_u16.to_le_bytes());
    packet.extend([c, d]);
    packet.push(21);
    packet.extend([0; 10]);
    packet.extend([b'x'; 12]);
    packet.push(0);
    packet.extend(b"mysql_native_password\0");
    packet
}

/// Packets of MySQL's protocol, each numbered within its command.
struct Packets {
    stream: TcpStream,
    number: u8,
}

impl Packets {
    fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut head = [0; 4];
        self.stream.read_exact(&mut head)?;
        let [a, b, c, number] = head;
        self.number = number.wrapping_add(1);
        let mut body = vec![0; u32::from_le_bytes([a, b, c, 0]) as usize];
        self.stream.read_exact(&mut body)?;
        Ok(body)
    }

    fn send(&mut self, body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(body.len()).expect("short").to_le_bytes();
        let [a, b, c, _] = length;
        self.stream.write_all(&[a, b, c, self.number])?;
        self.stream.write_all(body)?;
        self.number = self.number.wrapping_add(1);
        Ok(())
    }

    fn answer(&mut self, answer: &Answer) -> io::Result<()> {
        match answer {
            Answer::Done => self.send(&OK),
            Answer::Refused(number, text) => {
                let mut packet = vec![0xff];
                packet.extend(number.to_le_bytes());
                packet.extend(b"#HY000");
                packet.extend(text.as_bytes());
                self.send(&packet)
            }
            Answer::Row(texts) => self.row(texts, VARCHAR),
            Answer::Number(number) => self.row(&[number.to_string()], BIGINT),
        }
    }

    fn row(&mut self, texts: &[String], kind: u8) -> io::Result<()> {
        self.send(&[u8::try_from(texts.len()).expect("few")])?;
        for text in texts {
            // Sizes, in a row of several.
            let is_size = texts.len() > 1 && text.bytes().all(|byte| byte.is_ascii_digit());
            self.send(&match is_size {
                true => column(BIGINT, UNSIGNED),
                false => column(kind, 0),
            })?;
        }
        self.send(&EOF)?;
        let row: Vec<u8> = texts
            .iter()
            .flat_map(|text| sized(text.as_bytes()))
            .collect();
        self.send(&row)?;
        self.send(&EOF)
    }
}

fn column(kind: u8, flags: u16) -> Vec<u8> {
    let mut packet = Vec::new();
    for part in ["def", "", "", "", "a", ""] {
        packet.extend(sized(part.as_bytes()));
    }
    // Numbers are bytes to MySQL.
    let charset: u16 = if kind == BIGINT { 63 } else { 45 };
    packet.push(0x0c);
    packet.extend(charset.to_le_bytes());
    packet.extend(255_u32.to_le_bytes());
    packet.push(kind);
    packet.extend(flags.to_le_bytes());
    packet.extend([0, 0, 0]);
    packet
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).expect("short");
    assert!(length < 251, "one byte is enough for the length");
    let mut sized = vec![length];
    sized.extend(bytes);
    sized
}
