//! Signatures. No scheme is built yet, so no manifest that asks for one is served; what is left to try is the import.

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
        // The tests put the word into the manifest.
        Signing::ASignerAsAWord => {
            run.send("agent");
            run.report()
        }
        // The tests put it into the manifest, which is not served: there is nothing to do here.
        Signing::ASignedRoute => Ok(()),
    }
}
