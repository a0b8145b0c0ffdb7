//! Every hostile idea, by family. This file is compiled twice: into the guest, which must act each of them out, and into the
//! tests, which must judge each of them. An idea that one of the two does not know does not compile.

macro_rules! ideas {
    ($($family:ident { $($idea:ident),* $(,)? })*) => {
        $(#[derive(Debug, Clone, Copy, PartialEq, Eq)] pub enum $family { $($idea),* })*

        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Idea { $($family($family)),* }

        impl Idea {
            pub const ALL: &'static [Idea] = &[$($(Idea::$family($family::$idea)),*),*];
        }
    };
}

ideas! {
    Reach {
        AnAddressBesideTheFixedOne, AnAddressNobodyNamed, PartOfANamedAddress, ANamedAddressThatIsPrivate,
        AnAddressOfAnEarlierCall, APathAsRoute, AMethodAsRoute, AWayUpInThePath, AnAuthorityInThePath, MoreInTheQuery,
        LinesInAHeader, ABodyOfItsOwn, NamesNobodyLeftToIt, ARedirect, Sockets, Files,
    }
    Spend {
        InACallThatReads, InAnAdvance, InADestroy, InTheKeys, Twice, AgainAfterANo, AgainAfterALostAnswer, AnotherOffer,
        MoreNodes, ALongerStay, AMemberInsideAWord, AChangeOutsideItsCall, AfterTheCallEnded,
    }
    Release {
        SomebodyElses, InAnotherCall, AForgedRow, OurTagOnAForeignRow, AForeignRowAsMade, NeverMadeAsMade, SaysRefused,
        SaysNotSent, SaysGone, HidesARow, EndsNothing, SpendsItsRequestsFirst, LoopsInsteadOfEnding, BreaksInsteadOfEnding,
        EndsSomethingElse, FiltersTheList,
    }
    Signing { AsksForAnAddress, ASignedRoute, ASignerAsAWord }
    Secrets {
        InTheBody, InAHeader, InBase64, InEscapes, InTheProvidersError, InTheDriversError, InTheLog, AsTheIdOfWhatWasMade,
        AsTheIdOfARow, AsTheAccount, TheHiddenMember, TheHeaderByName, TheOtherCredential,
    }
    Resources {
        ALoop, ALoopOfRequests, ALoopOfDenials, Recursion, Growth, ManyHandles, ATrap, AnExit, APanic, ALogFlood, ALogLine,
        AHundredMegabytes, TenMillionRows, EndlessPages, AnAnswerNestedDeeply, ABodyNestedDeeply, HugeValues,
        MoreThanTwentyRequests, ManyLookUps, WaitsForEver,
    }
    Results {
        NothingToPay, AnAbsurdPrice, ABillingThatOverflows, AStepOfZero, ALowCap, LessThanWasSeen, ControlCharacters,
        BothDirections, HugeTexts, IdsWithSlashes, TwoWithOneId, MomentsBeyondTheEnd, ADebtBeyondTheEnd, NoNodes,
        AnSshHostOfItsOwn, AnSshHostItSaidItself, AnSshHostThatIsPrivate, AnSshUserThatIsAnOption, AJumpHostOfItsOwn,
        AnImageOfItsOwn, AnImageItSaidItself, AnImageInTheList, TextInADenial,
    }
    State { AStatic, OldMemory, AFile, ALongMemo, ALongPendingText, AClock, RandomNumbers }
    Identity {
        AnotherAccount, AnotherTag, AnotherKey, SettingsOfAnotherDriver, RoutesOfAnotherDriver, AnotherInstance,
    }
}

impl Idea {
    /// Returns the idea as the guest is told it, `Reach(Files)`.
    pub fn name(self) -> String {
        format!("{self:?}")
    }
}
