//! A TCP connection, bare or under TLS, that can be waited for and tried.
//!
//! Measuring needs both at once: bytes that go through TLS, and the kernel's
//! account of the TCP connection below. So the session is pumped here, with
//! large reads and writes, and not behind an adaptor that hides the socket.

use std::io::{self, BufRead as _, IoSlice, Write as _};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// A connection that carries bytes, and the TCP connection below it.
#[derive(Debug)]
pub struct Transport {
    tcp: TcpStream,
    tls: Option<Box<Tls>>,
}

impl Transport {
    /// A bare connection.
    pub const fn plain(tcp: TcpStream) -> Self {
        Self { tcp, tls: None }
    }

    /// Does the server's part of a handshake.
    ///
    /// # Errors
    ///
    /// The connection's, or a [`rustls::Error`] inside [`io::Error`].
    pub async fn accept(tcp: TcpStream, config: Arc<ServerConfig>) -> io::Result<Self> {
        let session = ServerConnection::new(config).map_err(io::Error::other)?;
        Self::handshake(tcp, session.into()).await
    }

    /// Does the client's part of a handshake.
    ///
    /// # Errors
    ///
    /// The connection's, or a [`rustls::Error`] inside [`io::Error`].
    pub async fn connect(
        tcp: TcpStream,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<Self> {
        let session = ClientConnection::new(config, name).map_err(io::Error::other)?;
        Self::handshake(tcp, session.into()).await
    }

    async fn handshake(tcp: TcpStream, mut session: Connection) -> io::Result<Self> {
        // What waits is bounded by `CHUNK_BYTES`.
        session.set_buffer_limit(None);
        let mut tls = Tls {
            session,
            staged: Vec::new(),
            unread: 0..0,
            drained: false,
        };
        loop {
            match tls.flush(&tcp) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => tcp.writable().await?,
                flushed => {
                    flushed?;
                    if !tls.session.is_handshaking() {
                        break;
                    }
                    tcp.readable().await?;
                    match tls.fetch(&tcp, HANDSHAKE_BYTES) {
                        Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                        Err(e) if e.kind() != io::ErrorKind::WouldBlock => return Err(e),
                        _ => {}
                    }
                }
            }
            while tls.session.is_handshaking() && !tls.unread.is_empty() {
                tls.take(&tcp)?;
            }
        }
        let tls = Some(Box::new(tls));
        Ok(Self { tcp, tls })
    }

    /// The TCP connection, for its account and its options. Bytes written to
    /// it directly would break a TLS session.
    pub const fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// Whether TLS runs on it.
    pub const fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The other end's address.
    ///
    /// # Errors
    ///
    /// The system's, when the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }

    /// The application protocol that was agreed on (ALPN, RFC 7301).
    pub fn alpn(&self) -> Option<&[u8]> {
        self.tls.as_ref()?.session.alpn_protocol()
    }

    /// Resolves when [`try_read`](Self::try_read) may give something.
    ///
    /// # Errors
    ///
    /// The system's.
    pub async fn readable(&self) -> io::Result<()> {
        match &self.tls {
            Some(tls) if !tls.drained => Ok(()),
            _ => self.tcp.readable().await,
        }
    }

    /// Resolves when [`try_write`](Self::try_write) may take something.
    ///
    /// # Errors
    ///
    /// The system's.
    pub async fn writable(&self) -> io::Result<()> {
        self.tcp.writable().await
    }

    /// Reads what is there; zero bytes at the end of the connection.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when nothing is there, the connection's,
    /// or a [`rustls::Error`].
    pub fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.tcp.try_read(buffer),
            Some(tls) => tls.read(&self.tcp, &mut ReadBuf::new(buffer)),
        }
    }

    /// Whether [`try_discard`](Self::try_discard) does anything.
    pub const fn can_discard(&self) -> bool {
        cfg!(target_os = "linux") && self.tls.is_none()
    }

    /// Throws away at most `most` bytes of what is there, in the kernel and
    /// without copying them; how many it were, zero at the end of the connection.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when nothing is there,
    /// [`io::ErrorKind::Unsupported`] unless [`can_discard`](Self::can_discard),
    /// or the connection's.
    pub fn try_discard(&mut self, most: usize) -> io::Result<usize> {
        if !self.can_discard() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let discard = || crate::tcp::discard(&self.tcp, most);
        self.tcp.try_io(Interest::READABLE, discard)
    }

    /// Writes what there is room for.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when there is none, or the connection's.
    pub fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.tcp.try_write(bytes),
            Some(tls) => tls.write(&self.tcp, bytes),
        }
    }

    fn try_flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            None => Ok(()),
            Some(tls) => tls.flush(&self.tcp),
        }
    }
}

/// Most plaintext that is encrypted ahead of the kernel. A stopped stream
/// still has to send it.
const CHUNK_BYTES: usize = 128 * 1024;
/// What is read at a time during a handshake.
const HANDSHAKE_BYTES: usize = 4 * 1024;

/// A TLS session, and the records that were read but not yet taken.
#[derive(Debug)]
struct Tls {
    session: Connection,
    staged: Vec<u8>,
    unread: std::ops::Range<usize>,
    /// Whether the last read found nothing.
    drained: bool,
}

impl Tls {
    fn read(&mut self, tcp: &TcpStream, into: &mut ReadBuf<'_>) -> io::Result<usize> {
        self.drained = false;
        let before = into.filled().len();
        while into.remaining() > 0 {
            match self.take_plaintext(into) {
                // The peer went without a word; the caller's framing knows
                // whether anything is missing.
                Ok(0) => break,
                Ok(_) => {}
                Err(e) if e.kind() != io::ErrorKind::WouldBlock => return Err(e),
                Err(_) if !self.unread.is_empty() => self.take(tcp)?,
                Err(_) if into.filled().len() > before => break,
                Err(_) => match self.fetch(tcp, into.remaining()) {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(e) => {
                        self.drained = e.kind() == io::ErrorKind::WouldBlock;
                        return Err(e);
                    }
                },
            }
        }
        Ok(into.filled().len() - before)
    }

    /// Copies what is decrypted, as far as there is room.
    fn take_plaintext(&mut self, into: &mut ReadBuf<'_>) -> io::Result<usize> {
        let mut reader = self.session.reader();
        let chunk = reader.fill_buf()?;
        let taken = chunk.len().min(into.remaining());
        into.put_slice(&chunk[..taken]);
        reader.consume(taken);
        Ok(taken)
    }

    /// Reads records from the socket.
    fn fetch(&mut self, tcp: &TcpStream, most: usize) -> io::Result<usize> {
        if self.staged.len() < most {
            self.staged.resize(most, 0);
        }
        let read = tcp.try_read(&mut self.staged)?;
        self.unread = 0..read;
        Ok(read)
    }

    /// Gives the session some of the records that were read. What it wants to
    /// say to them (an alert, a new key) is sent if there is room.
    fn take(&mut self, tcp: &TcpStream) -> io::Result<()> {
        let mut records = &self.staged[self.unread.clone()];
        self.unread.start += self.session.read_tls(&mut records)?;
        let processed = self.session.process_new_packets();
        if self.session.wants_write() {
            let _ = self.flush(tcp);
        }
        let invalid = |e| io::Error::new(io::ErrorKind::InvalidData, e);
        processed.map(drop).map_err(invalid)
    }

    fn write(&mut self, tcp: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        self.flush(tcp)?;
        let chunk = &bytes[..bytes.len().min(CHUNK_BYTES)];
        let taken = self.session.writer().write(chunk)?;
        // Some of it may have gone even where this fails; the next write says so.
        let _ = self.flush(tcp);
        Ok(taken)
    }

    /// Sends what waits; [`io::ErrorKind::WouldBlock`] while some still does.
    fn flush(&mut self, tcp: &TcpStream) -> io::Result<()> {
        while self.session.wants_write() {
            self.session.write_tls(&mut Outlet(tcp))?;
        }
        Ok(())
    }
}

/// The writing half of a socket as the session wants it.
struct Outlet<'a>(&'a TcpStream);

impl io::Write for Outlet<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { tcp, tls } = &mut *self;
        let Some(tls) = tls else {
            return Pin::new(tcp).poll_read(cx, buffer);
        };
        loop {
            match tls.read(tcp, buffer) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => ready!(tcp.poll_read_ready(cx))?,
                read => return Poll::Ready(read.map(drop)),
            }
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.try_write(bytes) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.tcp.poll_write_ready(cx))?;
                }
                written => return Poll::Ready(written),
            }
        }
    }

    /// So that whoever writes many pieces need not copy them into one.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.tls.is_none() {
            return Pin::new(&mut self.tcp).poll_write_vectored(cx, slices);
        }
        let first = slices.iter().find(|slice| !slice.is_empty());
        self.poll_write(cx, first.map_or(&[], |slice| slice))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.try_flush() {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.tcp.poll_write_ready(cx))?;
                }
                flushed => return Poll::Ready(flushed),
            }
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(tls) = &mut self.tls {
            tls.session.send_close_notify();
        }
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::generate_simple_self_signed;
    use rustls::RootCertStore;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    fn configs() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
        let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let server = ServerConfig::builder_with_provider(crate::tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let client = ClientConfig::builder_with_provider(crate::tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        (Arc::new(server), Arc::new(client))
    }

    async fn pair() -> (Transport, Transport) {
        let (server, client) = configs();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let (server, client) = tokio::join!(
            Transport::accept(accepted, server),
            Transport::connect(tcp, client, name)
        );
        (server.unwrap(), client.unwrap())
    }

    /// Bytes that repeat nowhere near a record's length.
    fn sample(length: usize) -> Vec<u8> {
        (0..251).cycle().take(length).collect()
    }

    #[tokio::test]
    async fn what_is_tried_arrives_whole_and_in_order() {
        let (mut server, mut client) = pair().await;
        let sent = sample(5_000_003);
        let sending = async {
            let mut at = 0;
            while at < sent.len() {
                server.writable().await.unwrap();
                match server.try_write(&sent[at..]) {
                    Ok(n) => at += n,
                    Err(e) => assert_eq!(e.kind(), io::ErrorKind::WouldBlock),
                }
            }
            server.shutdown().await.unwrap();
            server
        };
        let receiving = async {
            let (mut got, mut buffer) = (vec![], vec![0; 100_000]);
            loop {
                client.readable().await.unwrap();
                match client.try_read(&mut buffer) {
                    Ok(0) => return got,
                    Ok(n) => got.extend_from_slice(&buffer[..n]),
                    Err(e) => assert_eq!(e.kind(), io::ErrorKind::WouldBlock),
                }
            }
        };
        let (server, got) = tokio::join!(sending, receiving);
        assert_eq!(got.len(), sent.len());
        assert!(got == sent);
        if let Some(info) = crate::tcp::info(server.tcp()) {
            assert!(
                info.bytes_acked > sent.len() as u64,
                "TLS adds to what TCP carries"
            );
        }
    }

    #[tokio::test]
    async fn a_small_buffer_never_waits_for_bytes_that_are_here() {
        let (mut server, mut client) = pair().await;
        let sent = sample(40_000);
        server.write_all(&sent).await.unwrap();
        server.flush().await.unwrap();
        let mut got = vec![];
        while got.len() < sent.len() {
            client.readable().await.unwrap();
            let mut buffer = [0; 7];
            match client.try_read(&mut buffer) {
                Ok(n) => got.extend_from_slice(&buffer[..n]),
                Err(e) => assert_eq!(e.kind(), io::ErrorKind::WouldBlock),
            }
        }
        assert!(got == sent);
    }

    #[tokio::test]
    async fn what_is_not_tls_is_an_error_and_not_a_hang() {
        let (server, _) = configs();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut tcp = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        tcp.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let error = Transport::accept(accepted, server).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let mut alert = vec![];
        let _ = tcp.read_to_end(&mut alert).await;
        assert_eq!(alert.first(), Some(&21), "an alert says why");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_is_discarded_is_counted_and_the_rest_is_whole() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        let mut server = Transport::plain(accepted);
        let none = server.try_discard(1).unwrap_err();
        assert_eq!(none.kind(), io::ErrorKind::WouldBlock);
        client.write_all(&sample(1000)).await.unwrap();
        client.shutdown().await.unwrap();
        let mut gone = 0;
        while gone < 900 {
            server.readable().await.unwrap();
            gone += server.try_discard(900 - gone).unwrap_or(0);
        }
        let mut rest = vec![];
        server.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, sample(1000)[900..]);
        assert_eq!(server.try_discard(1).unwrap(), 0);
    }

    #[tokio::test]
    async fn records_are_not_discarded_unread() {
        let (mut server, _client) = pair().await;
        let refused = server.try_discard(1).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::Unsupported);
    }
}
