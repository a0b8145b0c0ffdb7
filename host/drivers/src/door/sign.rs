//! Signing at the door: what the host wrote becomes what its scheme sends, once nothing can stop it any more but the network.

use super::{Door, Unanswered};
use crate::{
    manifest::{Made, Place, Route, Sign},
    signing::{self, Signer},
    template::{self, Cause, Refused},
};
use bursar_http::{HeaderName, HeaderValue, Outgoing};
use jiff::Timestamp;
use std::sync::Arc;

impl Door {
    pub(super) fn sign(&self, route: &Route, address: Option<&str>, outgoing: &mut Outgoing) -> Result<(), Unanswered> {
        let Some(sign) = &route.sign else { return Ok(()) };
        let signer = self.signer(route, &sign.signer)?;
        match sign.scheme.as_str() {
            "aleph-message" => self.sign_message(route, sign, &signer, outgoing),
            "aleph-operation" => self.sign_operation(route, &signer, address, outgoing),
            other => Err(Unanswered::NotSent(format!("no scheme is called `{other}`"))),
        }
    }

    fn signer(&self, route: &Route, name: &str) -> Result<Arc<Signer>, Unanswered> {
        match self.ground.signer(name) {
            Ok(Some(signer)) => Ok(signer),
            Err(why) => Err(Unanswered::NotSent(why)),
            Ok(None) => {
                let env = self.ground.manifest.signers.get(name).map(|signer| signer.env.clone()).unwrap_or_default();
                self.record().no_credential = Some((name.to_owned(), env));
                let why = format!("the owner has stored no key for signer `{name}`");
                let grant = format!("`bursar login {}` stores it", self.ground.name());
                self.refused(Refused::because(Cause::Credential, &route.name, template::asked(route), &why, grant));
                Err(Unanswered::NotSent(why))
            }
        }
    }

    /// The body as it was serialised is what is hashed.
    fn sign_message(
        &self,
        route: &Route,
        sign: &Sign,
        signer: &Signer,
        outgoing: &mut Outgoing,
    ) -> Result<(), Unanswered> {
        let body = outgoing.body.take().and_then(|body| String::from_utf8(body).ok());
        let (Some(content), Some(kind)) = (body, &sign.kind) else {
            return Err(Unanswered::NotSent(format!("`{}` has no content to sign", route.name)));
        };
        let message = signing::message(&signer.key, kind, &content, &self.time().as_second().to_string());
        outgoing.body = Some(message.body(true).into_bytes());
        if route.made == Some(Made::Signed) {
            self.record().signed = Some(message.item_hash);
        }
        Ok(())
    }

    /// Two headers for this host, method and path.
    fn sign_operation(
        &self,
        route: &Route,
        signer: &Signer,
        address: Option<&str>,
        outgoing: &mut Outgoing,
    ) -> Result<(), Unanswered> {
        let (domain, before) = match (&self.ground.manifest.endpoint_of(route).place, address) {
            (Place::Open { .. }, Some(address)) => (address.to_ascii_lowercase(), ""),
            (Place::Fixed(base), _) => (base.host().to_owned(), base.path()),
            (Place::Open { .. }, None) => return Err(Unanswered::NotSent("no address to sign for".to_owned())),
        };
        let path = outgoing.target.split('?').next().unwrap_or_default();
        let signed = [outgoing.method.as_str(), &format!("{before}{path}"), &domain];
        for (name, value) in signing::operation(&signer.key, &signer.session, signed, self.time()) {
            let value = HeaderValue::from_str(&value)
                .map_err(|_| Unanswered::NotSent(format!("`{}`: what it signs is no plain text", route.name)))?;
            outgoing.headers.push((HeaderName::from_static(name), value));
        }
        Ok(())
    }

    /// The call's own time, gone on since it began.
    fn time(&self) -> Timestamp {
        let secs = self.now.saturating_add(self.began.elapsed().as_secs());
        i64::try_from(secs).ok().and_then(|secs| Timestamp::from_second(secs).ok()).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}
