//! A component that wants more than a driver is given: it is refused before anything of it is compiled.

wit_bindgen::generate!({
    inline: "package evil:reach@0.1.0; interface files { read: func(path: string) -> list<u8>; }
        world reach { import files; export run: func() -> u32; }",
    world: "evil:reach/reach",
});

struct Reach;
export!(Reach);

impl Guest for Reach {
    fn run() -> u32 {
        evil::reach::files::read("/etc/passwd").len() as u32
    }
}
