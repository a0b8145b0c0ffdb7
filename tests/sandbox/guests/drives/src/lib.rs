//! An ability under a right name with other types. WIT does not let us write that, so the package is called `drives` here and
//! the tests change the one letter in the finished component.

wit_bindgen::generate!({
    path: "../../../../wit",
    inline: "package bursar:drives@0.1.0;
        interface restart {
            use bursar:driver/types@0.1.0.{call};
            restart: func(call: call, everything: bool) -> result<_, string>;
        }
        world drives {
            include bursar:driver/driver@0.1.0;
            export restart;
        }",
    world: "bursar:drives/drives",
    generate_all,
});

use bursar::driver::types::*;
use exports::bursar::{driver::provider, drives::restart};

struct Drives;
export!(Drives);

fn no<T>() -> Result<T, Error> {
    Err(Error::Unsupported("nothing".into()))
}

impl provider::Guest for Drives {
    fn describe() -> String {
        include_str!("../../hostile/driver.toml").into()
    }

    fn account(_: Call) -> Result<AccountInfo, Error> {
        no()
    }

    fn offers(_: Call, _: Wish, _: Option<String>) -> Result<provider::OffersPage, Error> {
        no()
    }

    fn quote(_: Call, _: Order) -> Result<Terms, Error> {
        no()
    }

    fn create(_: Call, _: Order, _: Key) -> Result<provider::Outcome, Error> {
        no()
    }

    fn advance(_: Call, _: Order, _: String) -> Result<provider::Outcome, Error> {
        no()
    }

    fn get(_: Call, _: Handle) -> Result<Instance, Error> {
        no()
    }

    fn list(_: Call, _: Option<String>) -> Result<provider::InstancesPage, Error> {
        no()
    }

    fn destroy(_: Call, _: Handle) -> Result<provider::Ending, Error> {
        no()
    }
}

impl restart::Guest for Drives {
    fn restart(_: restart::Call, everything: bool) -> Result<(), String> {
        Err(format!("{everything}"))
    }
}
