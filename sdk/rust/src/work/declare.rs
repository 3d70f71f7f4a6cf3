//! The macros that declare work types and the words that parameters take.

/// Declares work types: a struct each, with one setter for each parameter.
macro_rules! work_types {
    ($(
        $(#[$doc:meta])*
        $kind:ident = $name:literal { $( $(#[$setter_doc:meta])* $setter:ident($figure:ty) = $parameter:literal; )* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $kind(crate::work::BuiltinWork);

        impl $kind {
            /// With every parameter at the runtime's default.
            #[must_use]
            pub fn new() -> Self {
                Self(crate::work::builtin($name))
            }
            $(
                $(#[$setter_doc])*
                #[must_use]
                pub fn $setter(self, value: $figure) -> Self {
                    Self(self.0.with($parameter, value))
                }
            )*
        }

        impl Default for $kind {
            fn default() -> Self {
                Self::new()
            }
        }

        impl From<$kind> for crate::work::Work {
            fn from(work: $kind) -> Self {
                work.0.into()
            }
        }
    )*};
}

/// Declares a set of words that a parameter takes.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum $name { $($(#[$case_doc])* $case,)* }

        impl From<$name> for crate::work::ParameterValue {
            fn from(word: $name) -> Self {
                Self::Text(match word { $($name::$case => $text,)* }.to_owned())
            }
        }
    };
}
