//! Brings a message to a push service.

use anyhow::Context as _;
use client::Base;
use platform::push::{Request, is_public};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

/// Sends a request, and gives the status of the answer. The address it goes to
/// is the one that was looked at: a name may have another one a moment later.
pub(crate) fn deliver(request: &Request, allow_private: bool) -> anyhow::Result<u16> {
    block_in_place(|| Handle::current().block_on(sent(request, allow_private)))
}

async fn sent(request: &Request, allow_private: bool) -> anyhow::Result<u16> {
    let service = Base::parse(&request.origin)?;
    let addresses = service.addresses().await?;
    let mut usable = addresses
        .into_iter()
        .filter(|address| allow_private || is_public(address.ip()));
    let address = usable.next().with_context(|| {
        let origin = &request.origin;
        format!("{origin} has no address in the Internet; see push.allow_private")
    })?;
    let (path, body) = (&request.path, request.body.clone());
    let status = service
        .at(address)
        .send(path, &request.headers, body)
        .await?;
    Ok(status)
}
