//! A real mail server for the play: aiosmtpd, where it is on the PATH.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::bail;

/// A server that keeps what it takes in a Maildir.
pub(super) struct MailServer {
    child: Child,
    port: u16,
    inbox: PathBuf,
}

impl MailServer {
    /// `None` where it is not installed.
    pub(super) fn start(inbox: &Path) -> anyhow::Result<Option<Self>> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new("aiosmtpd");
        command.args(["-n", "-l", &format!("127.0.0.1:{port}"), "-c"]);
        command.arg("aiosmtpd.handlers.Mailbox").arg(inbox);
        let child = match command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            child => child?,
        };
        let inbox = inbox.to_owned();
        let server = Self { child, port, inbox };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(Some(server));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("aiosmtpd does not listen")
    }

    /// The part of the configuration that names it.
    pub(super) fn config(&self) -> String {
        format!(
            "[centre.mail]\nserver = \"smtp://127.0.0.1:{}\"\n\
             from = \"Phòng VH&TT Quận 1 <vhtt@quan1.example.vn>\"\nurl = \"https://do.example.vn\"\n",
            self.port
        )
    }

    /// How many messages have come.
    pub(super) fn messages(&self) -> u64 {
        std::fs::read_dir(self.inbox.join("new")).map_or(0, |entries| entries.count() as u64)
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
