//! A proxy between a node and one of its servers, that does what networks do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::eventually;

/// Bytes that are carried at once.
const CHUNK: usize = 16 * 1024;

const BACKLOG: u32 = 1024;

/// What becomes of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// All goes well.
    Pass,
    /// Every piece of a reply comes so much later.
    Delay(Duration),
    /// Nobody listens, and who is connected is cut off.
    Refuse,
    /// Connections are taken and cut off, and so are those that there are.
    Reset,
    /// Whatever is sent is lost. Connections of that time lead nowhere
    /// afterwards either: only new ones do.
    BlackHole,
    /// Requests arrive; of each reply half does, and then nothing.
    Cut,
}

/// What there is to know for connections.
#[derive(Debug, Clone, Copy)]
struct Weather {
    mode: Mode,
    upstream: SocketAddr,
    /// How many black holes there have been.
    holes: u64,
}

/// A proxy, on a port of its own.
pub struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    is_open: Arc<AtomicBool>,
    /// Replies that are still to be lost.
    cuts: Cuts,
    runtime: Option<Runtime>,
}

type Cuts = Arc<AtomicU32>;

impl Proxy {
    /// A proxy before the server on this port.
    pub async fn before(port: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let weather = Weather {
            mode: Mode::Pass,
            upstream: local(port),
            holes: 0,
        };
        let (weather, changes) = watch::channel(weather);
        let is_open = Arc::new(AtomicBool::new(false));
        let place = {
            let _entered = runtime.enter();
            socket(local(0))
        };
        let address = place.local_addr().expect("its address");
        let cuts = Cuts::default();
        let listening = listen(place, address, changes, is_open.clone(), cuts.clone());
        runtime.spawn(listening);
        let proxy = Self {
            address,
            weather,
            is_open,
            cuts,
            runtime: Some(runtime),
        };
        proxy.set(Mode::Pass).await;
        proxy
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on, this becomes of connections.
    pub async fn set(&self, mode: Mode) {
        self.weather.send_modify(|weather| {
            weather.mode = mode;
            weather.holes += u64::from(mode == Mode::BlackHole);
        });
        let is_open = mode != Mode::Refuse;
        eventually("the proxy's port", async || {
            (self.is_open.load(Ordering::Acquire) == is_open).then_some(())
        })
        .await;
    }

    /// The next reply of the server is lost, and its connection cut off: what
    /// was asked for was done, and nobody hears of it. All goes well afterwards.
    pub fn cut_next_reply(&self) {
        self.cuts.store(1, Ordering::Release);
    }

    /// Whether the reply was lost that was to be lost.
    pub fn has_cut(&self) -> bool {
        self.cuts.load(Ordering::Acquire) == 0
    }

    /// From now on, connections lead to the server on another port: those
    /// that there are stay where they are.
    pub fn lead_to(&self, port: u16) {
        self.weather
            .send_modify(|weather| weather.upstream = local(port));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Several sockets can have one address; only those that listen get
/// connections.
fn socket(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("an option");
    socket.set_reuseport(true).expect("an option");
    socket.bind(address).expect("an address");
    socket
}

/// Listen whenever the weather allows it. The socket `_place` never listens,
/// and keeps the address from everybody else meanwhile.
async fn listen(
    _place: TcpSocket,
    address: SocketAddr,
    mut weather: watch::Receiver<Weather>,
    is_open: Arc<AtomicBool>,
    cuts: Cuts,
) {
    while weather
        .wait_for(|now| now.mode != Mode::Refuse)
        .await
        .is_ok()
    {
        let listener = socket(address).listen(BACKLOG).expect("a listener");
        is_open.store(true, Ordering::Release);
        let mut changes = weather.clone();
        tokio::select! {
            () = accept(&listener, &weather, &cuts) => {}
            _ = changes.wait_for(|now| now.mode == Mode::Refuse) => {}
        }
        drop(listener);
        is_open.store(false, Ordering::Release);
    }
}

async fn accept(listener: &TcpListener, weather: &watch::Receiver<Weather>, cuts: &Cuts) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(carry(client, weather.clone(), cuts.clone()));
    }
}

/// How a connection ends.
enum End {
    Closed,
    Reset,
}

async fn carry(mut client: TcpStream, weather: watch::Receiver<Weather>, cuts: Cuts) {
    let Weather {
        upstream, holes, ..
    } = *weather.borrow();
    let server = TcpStream::connect(upstream).await;
    let end = match server {
        Ok(mut server) => {
            let way = Way {
                weather: weather.clone(),
                holes,
                cuts,
            };
            let (from_client, to_client) = client.split();
            let (from_server, to_server) = server.split();
            let both = async {
                let requests = way.requests(from_client, to_server);
                let replies = way.replies(from_server, to_client);
                tokio::pin!(replies);
                tokio::select! {
                    end = &mut replies => end,
                    () = requests => match way.leads_nowhere() {
                        true => End::Closed,
                        false => replies.await,
                    }
                }
            };
            tokio::select! {
                end = both => end,
                () = cut_off(weather) => End::Reset,
            }
        }
        Err(_) => End::Reset,
    };
    if matches!(end, End::Reset) {
        // Else the other side would take it for an orderly end.
        let _ = client.set_zero_linger();
    }
}

async fn cut_off(mut weather: watch::Receiver<Weather>) {
    let is_over = |now: &Weather| matches!(now.mode, Mode::Refuse | Mode::Reset);
    // The proxy's end is one too.
    let _ = weather.wait_for(is_over).await;
}

/// One connection's way through the weather.
struct Way {
    weather: watch::Receiver<Weather>,
    /// Black holes before it began.
    holes: u64,
    cuts: Cuts,
}

impl Way {
    fn mode(&self) -> Mode {
        self.weather.borrow().mode
    }

    fn leads_nowhere(&self) -> bool {
        let now = *self.weather.borrow();
        now.mode == Mode::BlackHole || now.holes != self.holes
    }

    /// Whether this reply is the one that is lost.
    fn takes_cut(&self) -> bool {
        let left = |cuts: u32| cuts.checked_sub(1);
        let taken = self
            .cuts
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, left);
        taken.is_ok()
    }

    /// Ends when there are no more.
    async fn requests(&self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) {
        let mut chunk = vec![0; CHUNK];
        while let Ok(length @ 1..) = from.read(&mut chunk).await {
            if !self.leads_nowhere() && to.write_all(&chunk[..length]).await.is_err() {
                return;
            }
        }
        // Who hangs up first need not tell it to the other.
        let _ = to.shutdown().await;
    }

    async fn replies(&self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> End {
        let mut chunk = vec![0; CHUNK];
        while let Ok(length @ 1..) = from.read(&mut chunk).await {
            if self.takes_cut() {
                return End::Reset;
            }
            if let Mode::Delay(delay) = self.mode() {
                tokio::time::sleep(delay).await;
            }
            if self.leads_nowhere() {
                continue;
            }
            let is_cut = self.mode() == Mode::Cut;
            let arrives = if is_cut { length / 2 } else { length };
            if to.write_all(&chunk[..arrives]).await.is_err() || is_cut {
                return End::Reset;
            }
        }
        match self.leads_nowhere() {
            true => std::future::pending().await,
            false => End::Closed,
        }
    }
}
