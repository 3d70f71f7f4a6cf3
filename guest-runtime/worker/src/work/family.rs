//! The macro that declares a family of work types: each type once, with its
//! parameters, their ranges and what it is.

/// Declares an enum with one case for each type, the catalogue entries of all,
/// and the ways from checked values to a case and back.
macro_rules! family {
    (
        $(#[$doc:meta])*
        $family:ident $family_name:literal {
            $(
                $(#[$case_doc:meta])*
                $case:ident $name:literal = $about:expr => {
                    $( $field:ident: $type:ty = $parameter:expr, )*
                }
            )*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[expect(missing_docs, reason = "fields are described in the catalogue")]
        pub enum $family {
            $( $(#[$case_doc])* $case { $( $field: $type, )* }, )*
        }

        impl $family {
            /// The entries, in the order of the cases.
            pub(super) const KINDS: &'static [$crate::work::kind::WorkKind] = &[
                $( $crate::work::kind::WorkKind {
                    name: $name,
                    family: $family_name,
                    parameters: &[ $( $parameter, )* ],
                    build: |_given| $crate::work::Work::$family(Self::$case {
                        $( $field: _given.field($parameter.name), )*
                    }),
                    ..$about
                }, )*
            ];

            pub(super) fn kind(&self) -> &'static $crate::work::kind::WorkKind {
                enum Place { $( $case, )* }
                let place = match self { $( Self::$case { .. } => Place::$case, )* };
                &Self::KINDS[place as usize]
            }

            /// Every parameter with its value.
            pub(super) fn values(&self) -> Vec<(&'static str, $crate::work::value::Value)> {
                let values: Vec<$crate::work::value::Value> = match self {
                    $( Self::$case { $( $field, )* } => vec![
                        $( $crate::work::value::Field::show($field), )*
                    ], )*
                };
                let parameters = self.kind().parameters.iter();
                parameters.map(|parameter| parameter.name).zip(values).collect()
            }
        }
    };
}

pub(super) use family;
