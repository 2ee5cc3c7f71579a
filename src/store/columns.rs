//! How the types of the domain lie in a column. TEXT, BIGINT and UUID are all there is, as both
//! databases agree on them.
use super::keys::Origin;
use crate::{
    clock::Timestamp,
    model::{
        ClientId, ClientMetadata, EndReason, Scope, SessionId, StatusIndex, UserClaims, UserId,
        Username,
    },
    secret::SecretHash,
};
use sqlx::{Database, Decode, Encode, Type, encode::IsNull, error::BoxDynError, types::Uuid};

/// TEXT through `$write` and `$read`.
macro_rules! text {
    ($write:expr, $read:expr; $($ty:ty),* $(,)?) => { $(
        impl<DB: Database> Type<DB> for $ty where String: Type<DB> {
            fn type_info() -> DB::TypeInfo { String::type_info() }
            fn compatible(ty: &DB::TypeInfo) -> bool { String::compatible(ty) }
        }
        impl<'q, DB: Database> Encode<'q, DB> for $ty where String: Encode<'q, DB> {
            fn encode_by_ref(&self, buf: &mut DB::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
                let write: fn(&Self) -> Result<String, BoxDynError> = $write;
                write(self)?.encode(buf)
            }
        }
        impl<'r, DB: Database> Decode<'r, DB> for $ty where String: Decode<'r, DB> {
            fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
                let read: fn(String) -> Result<Self, BoxDynError> = $read;
                read(String::decode(value)?)
            }
        }
    )* };
}

/// BIGINT or UUID through the one field.
macro_rules! newtype {
    ($($ty:ident($inner:ty)),* $(,)?) => { $(
        impl<DB: Database> Type<DB> for $ty where $inner: Type<DB> {
            fn type_info() -> DB::TypeInfo { <$inner>::type_info() }
            fn compatible(ty: &DB::TypeInfo) -> bool { <$inner>::compatible(ty) }
        }
        impl<'q, DB: Database> Encode<'q, DB> for $ty where $inner: Encode<'q, DB> {
            fn encode_by_ref(&self, buf: &mut DB::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
                self.0.encode(buf)
            }
        }
        impl<'r, DB: Database> Decode<'r, DB> for $ty where $inner: Decode<'r, DB> {
            fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
                <$inner>::decode(value).map($ty)
            }
        }
    )* };
}

text!(|value| Ok(value.to_string()), |text| Ok(text.parse()?);
    ClientId, EndReason, Origin, Scope, SecretHash, Username);
text!(|value| Ok(serde_json::to_string(value)?), |text| Ok(serde_json::from_str(&text)?);
    ClientMetadata, UserClaims);
newtype!(Timestamp(i64), StatusIndex(i64), SessionId(Uuid), UserId(Uuid));
