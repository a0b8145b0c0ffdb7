//! What a provider does wrong: how often, and which of it this time. Each kind has happened to somebody.

use crate::dice::Dice;

/// How often in a hundred requests of each kind go wrong.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    pub orders: u64,
    pub lists: u64,
    pub gets: u64,
    pub ends: u64,
    pub others: u64,
    /// Answers come late, so often.
    pub late: u64,
}

impl Faults {
    pub fn new(dice: &mut Dice) -> Faults {
        let mut often = || if dice.percent(45) { 0 } else { 5 + dice.within(0..60) };
        Faults {
            orders: often(),
            lists: often() / 2,
            gets: often() / 2,
            ends: often(),
            others: often() / 8,
            late: often() / 4,
        }
    }
}

/// What becomes of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderFault {
    None,
    /// It arrives, and its answer is lost.
    AnswerLost,
    /// It arrives much later, and its answer is lost.
    LandsLate,
    /// It never arrives, and nobody knows.
    Lost,
    /// No connection: nothing left.
    NotSent,
    /// It answers 500, and made it all the same.
    FailsAndMakes,
    Fails,
    Refused,
    /// The answer has no id.
    NoId,
    /// Lists do not show it for minutes.
    Hidden,
}

impl OrderFault {
    pub fn draw(dice: &mut Dice, often: u64) -> OrderFault {
        use OrderFault::*;
        const ALL: [OrderFault; 10] =
            [AnswerLost, LandsLate, Lost, NotSent, FailsAndMakes, Fails, Refused, NoId, Hidden, Hidden];
        if !dice.percent(often) {
            return None;
        }
        dice.pick(&ALL).copied().unwrap_or(None)
    }
}

/// What becomes of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListFault {
    None,
    Fails,
    Lost,
    NotSent,
    /// It is cut in the middle.
    Cut,
    /// A row of it is left out, and it looks whole.
    Lies,
    /// A row is left out, and another one has no name: it is not complete.
    Incomplete,
}

impl ListFault {
    pub fn draw(dice: &mut Dice, often: u64) -> ListFault {
        use ListFault::*;
        const ALL: [ListFault; 7] = [Fails, Lost, NotSent, Cut, Lies, Incomplete, Incomplete];
        if !dice.percent(often) {
            return None;
        }
        dice.pick(&ALL).copied().unwrap_or(None)
    }
}

/// What becomes of an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndFault {
    None,
    Fails,
    FailsAndEnds,
    AnswerLost,
    Lost,
    NotSent,
    /// It says "gone", and the machine lives on.
    SaysGone,
    /// It is accepted and ignored, and the next ones, too.
    Ignored,
    /// It takes a while.
    Slow,
    TooMany,
}

impl EndFault {
    pub fn draw(dice: &mut Dice, often: u64) -> EndFault {
        use EndFault::*;
        const ALL: [EndFault; 11] =
            [Fails, FailsAndEnds, AnswerLost, Lost, NotSent, SaysGone, Ignored, Slow, Slow, Slow, TooMany];
        if !dice.percent(often) {
            return None;
        }
        dice.pick(&ALL).copied().unwrap_or(None)
    }
}

/// What becomes of any other question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskFault {
    None,
    Fails,
    NotFound,
    Lost,
    NotSent,
}

impl AskFault {
    pub fn draw(dice: &mut Dice, often: u64) -> AskFault {
        use AskFault::*;
        if !dice.percent(often) {
            return None;
        }
        dice.pick(&[Fails, NotFound, Lost, NotSent]).copied().unwrap_or(None)
    }
}
