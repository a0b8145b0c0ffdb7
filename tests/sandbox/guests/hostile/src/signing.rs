//! Signatures: none ever comes here, so what is left to try is the import and to look at what comes back.

use crate::{
    bursar::driver::{signer, types::Error},
    ideas::Signing,
    run::Run,
};

pub fn act(idea: Signing, run: &mut Run) -> Result<(), Error> {
    match idea {
        Signing::AsksForAnAddress => {
            let huge = "x".repeat(100_000);
            for name in ["agent", "token", "", &huge, "\u{202e}agent\u{1b}"] {
                let told = signer::address(name);
                run.note(if told.is_ok() { "told" } else { "not-told" });
                run.last = told.unwrap_or_else(|why| why);
                run.heard(&run.last);
            }
            run.report()
        }
        // The tests put the word, or the scheme, into the manifest.
        Signing::ASignerAsAWord | Signing::ASignedRoute => {
            run.send("agent");
            run.report()
        }
    }
}
