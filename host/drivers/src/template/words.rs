//! The names that the host fills, and the calls in which it knows each.

use super::offer::Cut;
use std::{collections::BTreeMap, fmt};

/// The function of a driver that is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallKind {
    Account,
    Offers,
    Quote,
    Keys,
    Create,
    Advance,
    Get,
    List,
    Destroy,
    Restart,
    Pause,
    Resume,
    Extend,
    Images,
    Charges,
    Sites,
}

use CallKind::*;

impl CallKind {
    pub const ALL: [CallKind; 16] = [
        Account, Offers, Quote, Keys, Create, Advance, Get, List, Destroy, Restart, Pause, Resume, Extend, Images,
        Charges, Sites,
    ];

    /// Returns its name, as `in` of a manifest writes it.
    pub fn name(self) -> &'static str {
        match self {
            Account => "account",
            Offers => "offers",
            Quote => "quote",
            Keys => "keys",
            Create => "create",
            Advance => "advance",
            Get => "get",
            List => "list",
            Destroy => "destroy",
            Restart => "restart",
            Pause => "pause",
            Resume => "resume",
            Extend => "extend",
            Images => "images",
            Charges => "charges",
            Sites => "sites",
        }
    }

    /// Returns the call of that name.
    pub fn named(name: &str) -> Option<CallKind> {
        CallKind::ALL.into_iter().find(|call| call.name() == name)
    }
}

impl fmt::Display for CallKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that the host fills.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Word {
    Tag,
    Offer,
    Part(String),
    Image,
    Nodes,
    Minutes,
    Hours,
    Days,
    Key,
    KeyId,
    KeyName,
    Instance,
    Now,
    Signer(String),
    Setting(String),
    Null,
}

/// The first halves of host words; a driver's name may be none of them.
pub(super) const RESERVED: [&str; 14] = [
    "tag", "offer", "image", "nodes", "minutes", "hours", "days", "key", "instance", "now", "signer", "setting",
    "null", "call",
];

impl Word {
    /// Returns the word a name means: `None` where it is the driver's, an error where it looks like a word and is none.
    pub(super) fn named(name: &str) -> Result<Option<Word>, String> {
        let word = match name.split_once('.') {
            None => match name {
                "tag" => Word::Tag,
                "offer" => Word::Offer,
                "image" => Word::Image,
                "nodes" => Word::Nodes,
                "minutes" => Word::Minutes,
                "hours" => Word::Hours,
                "days" => Word::Days,
                "key" => Word::Key,
                "instance" => Word::Instance,
                "now" => Word::Now,
                "null" => Word::Null,
                name if RESERVED.contains(&name) => return Err(format!("`{{{name}}}` is a reserved name")),
                _ => return Ok(None),
            },
            Some(("offer", part)) => Word::Part(part.to_owned()),
            Some(("signer", name)) => Word::Signer(name.to_owned()),
            Some(("setting", name)) => Word::Setting(name.to_owned()),
            Some(("key", "id")) => Word::KeyId,
            Some(("key", "name")) => Word::KeyName,
            Some(_) => return Err(format!("`{{{name}}}` is no word of the host, and a driver's name has no dot")),
        };
        Ok(Some(word))
    }

    /// Returns whether the host knows it in that call.
    pub fn known_in(&self, call: CallKind) -> bool {
        let about_one = matches!(call, Get | Destroy | Restart | Pause | Resume | Extend);
        match self {
            Word::Tag => about_one || matches!(call, Create | Advance),
            Word::Instance => about_one || call == Advance,
            Word::Offer | Word::Part(_) => matches!(call, Quote | Create | Advance | Images),
            Word::Image | Word::Nodes => matches!(call, Quote | Create | Advance),
            Word::Minutes | Word::Hours | Word::Days => matches!(call, Quote | Create | Advance | Extend),
            Word::Key | Word::KeyName => matches!(call, Keys | Create),
            Word::KeyId => call == Create,
            Word::Now | Word::Signer(_) | Word::Setting(_) | Word::Null => true,
        }
    }

    /// Returns whether it stands in JSON as a number.
    pub(super) fn is_number(&self) -> bool {
        matches!(self, Word::Nodes | Word::Minutes | Word::Hours | Word::Days | Word::Now)
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Word::Tag => f.write_str("tag"),
            Word::Offer => f.write_str("offer"),
            Word::Part(part) => write!(f, "offer.{part}"),
            Word::Image => f.write_str("image"),
            Word::Nodes => f.write_str("nodes"),
            Word::Minutes => f.write_str("minutes"),
            Word::Hours => f.write_str("hours"),
            Word::Days => f.write_str("days"),
            Word::Key => f.write_str("key"),
            Word::KeyId => f.write_str("key.id"),
            Word::KeyName => f.write_str("key.name"),
            Word::Instance => f.write_str("instance"),
            Word::Now => f.write_str("now"),
            Word::Signer(name) => write!(f, "signer.{name}"),
            Word::Setting(name) => write!(f, "setting.{name}"),
            Word::Null => f.write_str("null"),
        }
    }
}

/// What the host knows in one call. A word that is not known in this kind of call stays unknown, whatever was given.
#[derive(Debug, Clone)]
pub struct Words {
    call: CallKind,
    now: u64,
    tag: Option<String>,
    offer: Option<Cut>,
    image: Option<String>,
    nodes: Option<u32>,
    length_secs: Option<u64>,
    key: Option<(String, String)>,
    key_id: Option<String>,
    instance: Option<String>,
    settings: BTreeMap<String, String>,
    signers: BTreeMap<String, String>,
}

impl Words {
    pub fn new(call: CallKind, now: u64) -> Words {
        Words {
            call,
            now,
            tag: None,
            offer: None,
            image: None,
            nodes: None,
            length_secs: None,
            key: None,
            key_id: None,
            instance: None,
            settings: BTreeMap::new(),
            signers: BTreeMap::new(),
        }
    }

    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Words {
        self.tag = Some(tag.into());
        self
    }

    #[must_use]
    pub fn offer(mut self, offer: Cut) -> Words {
        self.offer = Some(offer);
        self
    }

    #[must_use]
    pub fn image(mut self, image: impl Into<String>) -> Words {
        self.image = Some(image.into());
        self
    }

    #[must_use]
    pub fn nodes(mut self, nodes: u32) -> Words {
        self.nodes = Some(nodes);
        self
    }

    /// The length of the order or of the extension; minutes, hours and days are rounded up from it.
    #[must_use]
    pub fn length_secs(mut self, secs: u64) -> Words {
        self.length_secs = Some(secs);
        self
    }

    /// Our public key line, and a name of it that no other key of the account has.
    #[must_use]
    pub fn key(mut self, line: impl Into<String>, name: impl Into<String>) -> Words {
        self.key = Some((line.into(), name.into()));
        self
    }

    /// The id under which a row showed our key.
    #[must_use]
    pub fn key_id(mut self, id: impl Into<String>) -> Words {
        self.key_id = Some(id.into());
        self
    }

    /// The id of the instance as the door saw it.
    #[must_use]
    pub fn instance(mut self, id: impl Into<String>) -> Words {
        self.instance = Some(id.into());
        self
    }

    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Words {
        self.settings.insert(name.into(), value.into());
        self
    }

    /// The public address of a signer.
    #[must_use]
    pub fn signer(mut self, name: impl Into<String>, address: impl Into<String>) -> Words {
        self.signers.insert(name.into(), address.into());
        self
    }

    /// Returns the call these words are of.
    pub fn call(&self) -> CallKind {
        self.call
    }

    /// Returns the value, if the host knows it in this call.
    pub fn value(&self, word: &Word) -> Option<String> {
        if !word.known_in(self.call) {
            return None;
        }
        let units = |secs: u64| self.length_secs.map(|length| length.div_ceil(secs).to_string());
        match word {
            Word::Tag => self.tag.clone(),
            Word::Offer => self.offer.as_ref().map(|offer| offer.id.clone()),
            Word::Part(part) => self.offer.as_ref()?.parts.get(part).cloned(),
            Word::Image => self.image.clone(),
            Word::Nodes => self.nodes.map(|n| n.to_string()),
            Word::Minutes => units(60),
            Word::Hours => units(3_600),
            Word::Days => units(86_400),
            Word::Key => self.key.as_ref().map(|(line, _)| line.clone()),
            Word::KeyName => self.key.as_ref().map(|(_, name)| name.clone()),
            Word::KeyId => self.key_id.clone(),
            Word::Instance => self.instance.clone(),
            Word::Now => Some(self.now.to_string()),
            Word::Signer(name) => self.signers.get(name).cloned(),
            Word::Setting(name) => self.settings.get(name).cloned(),
            Word::Null => None,
        }
    }
}
