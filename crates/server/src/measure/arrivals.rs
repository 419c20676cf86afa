//! Arrivals: the client is told, bin by bin, what has arrived at the receiving
//! host. On a connection of its own, because on a slow line the words of a
//! stream wait behind its data.

use std::time::Duration;

use net::transport::Transport;
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, MissedTickBehavior, sleep_until};
use wire::native::message::{Arrived, Subtest};
use wire::websocket::Opcode;
use wire::websocket::encode::frame;

use crate::session::{Direction, Session};

/// Time between two looks at the recorders.
const LOOK: Duration = Duration::from_millis(20);

pub(super) async fn run(mut socket: Transport, session: &Session) {
    let deadline = session.started + session.claims.caps.session_us.duration();
    let tell = async {
        let mut told = [0; 2];
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            let news = news(session, &mut told);
            socket.write_all(&news).await?;
            socket.flush().await?;
        }
        #[expect(unreachable_code, reason = "gives the block its type")]
        Ok::<_, std::io::Error>(())
    };
    tokio::select! {
        _ = tell => {}
        _ = session.ended() => {}
        () = sleep_until(Instant::from_std(deadline)) => {}
    }
}

/// Frames for the bins that are complete and were not told yet.
fn news(session: &Session, told: &mut [usize; 2]) -> Vec<u8> {
    let mut frames = vec![];
    let directions = [
        (Direction::Download, Subtest::Download),
        (Direction::Upload, Subtest::Upload),
    ];
    for ((direction, subtest), next) in directions.into_iter().zip(told) {
        for (bin, &bytes) in session.arrived(direction).iter().enumerate().skip(*next) {
            let arrived = Arrived {
                subtest,
                bin,
                bytes,
            };
            let text = serde_json::to_vec(&arrived).unwrap_or_default();
            frames.extend(frame(Opcode::Text, &text, None));
            *next = bin + 1;
        }
    }
    frames
}
