//! The cryptography of TLS, chosen once for the whole tree.

use std::sync::{Arc, LazyLock};

use rustls::crypto::{CryptoProvider, ring};

/// The provider that every TLS and QUIC configuration is built with.
///
/// AES-128-GCM comes first: a measuring connection needs the cheapest cipher
/// that nobody can break, and a peer without AES in hardware asks for ChaCha20.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        let mut provider = ring::default_provider();
        provider
            .cipher_suites
            .sort_by_key(|suite| !format!("{:?}", suite.suite()).contains("AES_128"));
        Arc::new(provider)
    });
    Arc::clone(&PROVIDER)
}
