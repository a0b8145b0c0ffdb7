//! A component that wants 100 MiB before it has run a line, and never says what it is.

wit_bindgen::generate!({
    path: "../../../../wit",
    inline: "package bursar:hoard; world hoard { include bursar:driver/driver@0.1.0; }",
    world: "bursar:hoard/hoard",
    generate_all,
});

use bursar::driver::types::*;
use exports::bursar::driver::provider;

static mut HOARD: [u8; 100 << 20] = [0; 100 << 20];

struct Hoard;
export!(Hoard);

impl provider::Guest for Hoard {
    fn describe() -> String {
        let hoard = &raw mut HOARD;
        // Volatile, so that it is not thrown away unused.
        unsafe { hoard.cast::<u8>().write_volatile(1) };
        loop {
            std::hint::black_box(0);
        }
    }

    fn account(_: Call) -> Result<AccountInfo, Error> {
        unreachable!()
    }

    fn offers(_: Call, _: Wish, _: Option<String>) -> Result<provider::OffersPage, Error> {
        unreachable!()
    }

    fn quote(_: Call, _: Order) -> Result<Terms, Error> {
        unreachable!()
    }

    fn create(_: Call, _: Order, _: Key) -> Result<provider::Outcome, Error> {
        unreachable!()
    }

    fn advance(_: Call, _: Order, _: String) -> Result<provider::Outcome, Error> {
        unreachable!()
    }

    fn get(_: Call, _: Handle) -> Result<Instance, Error> {
        unreachable!()
    }

    fn list(_: Call, _: Option<String>) -> Result<provider::InstancesPage, Error> {
        unreachable!()
    }

    fn destroy(_: Call, _: Handle) -> Result<provider::Ending, Error> {
        unreachable!()
    }
}
